package check

import (
	"fmt"
	"io"
	"strings"
)

// maxRows bounds the table of a pull request's comment, which has a limit.
const maxRows = 200

// WriteMarkdown writes a report for a pull request: the summary, and a table of
// what is not in order. changes, if any, come first.
func (r Report) WriteMarkdown(out io.Writer, changes []Change) error {
	var b strings.Builder
	mark := "✅"
	if r.Summary.Findings > 0 {
		mark = "❌"
	}
	fmt.Fprintf(&b, "### %s diorama check\n\n%s\n", mark, r.Line())
	if len(changes) > 0 {
		b.WriteString("\n| change | dashboard | panel | was | is |\n| --- | --- | --- | --- | --- |\n")
		for _, c := range changes {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.Kind, cell(c.Dashboard), cell(c.What), c.Was, c.Is)
		}
	}
	rows := r.rows()
	if len(rows) > 0 {
		b.WriteString("\n| verdict | dashboard | panel | why |\n| --- | --- | --- | --- |\n")
	}
	for i, row := range rows {
		if i == maxRows {
			fmt.Fprintf(&b, "\n%d more are not shown.\n", len(rows)-maxRows)
			break
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row[0], cell(row[1]), cell(row[2]), cell(row[3]))
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// rows are what is not in order: verdict, dashboard or file, panel or rule, why.
func (r Report) rows() [][4]string {
	var rows [][4]string
	for _, g := range r.groups() {
		for _, result := range g.results {
			if result.rank() < 5 {
				what := result.where()
				if chosen := result.chosen(); chosen != "" {
					what += " (" + chosen + ")"
				}
				rows = append(rows, [4]string{result.mark(), g.title, what, result.why()})
			}
		}
	}
	for _, rule := range r.Rules {
		if rule.Fails() || len(rule.Notes) > 0 {
			rows = append(rows, [4]string{string(rule.Verdict), rule.File, rule.Name, rule.why()})
		}
	}
	for _, problem := range r.Problems {
		rows = append(rows, [4]string{"unusable", "", "", problem})
	}
	for _, stale := range r.Stale {
		rows = append(rows, [4]string{"stale", stale.Where, stale.What, stale.text()})
	}
	return rows
}

// cell keeps a text in its place of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "`", "'").Replace(text)
}

// WriteGitHub writes a report as GitHub's workflow commands, which become
// annotations of the files.
func (r Report) WriteGitHub(out io.Writer) error {
	var b strings.Builder
	say := func(fails bool, file, title, message string) {
		level := "warning"
		if fails {
			level = "error"
		}
		fmt.Fprintf(&b, "::%s file=%s,title=%s::%s\n", level, property(file), property(title), escape(message))
	}
	for _, g := range r.groups() {
		for _, result := range g.results {
			if result.rank() < 5 {
				message := strings.TrimSpace(result.mark()+" "+result.chosen()) + ": " + result.why()
				say(result.Fails(), result.File, g.title+": "+result.where(), message)
			}
		}
	}
	for _, rule := range r.Rules {
		if rule.Fails() || len(rule.Notes) > 0 {
			say(rule.Fails(), rule.File, "rule "+rule.Name, string(rule.Verdict)+": "+rule.why())
		}
	}
	for _, problem := range r.Problems {
		file, _, _ := strings.Cut(problem, ":")
		say(true, file, "cannot be used", problem)
	}
	for _, stale := range r.Stale {
		file, _, _ := strings.Cut(stale.Where, ":")
		say(false, file, "stale declaration", stale.text())
	}
	fmt.Fprintf(&b, "::notice title=diorama check::%s\n", escape(r.Line()))
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// escape and property write texts as workflow commands want them.
func escape(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escape(text))
}
