package check

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/diorama-lab/diorama/internal/spelling"
)

// group is the results of one dashboard.
type group struct {
	uid, title, source string
	results            []Result
	findings           int
}

// groups are the results by dashboard, those with the most findings first.
func (r Report) groups() []group {
	var all []group
	index := map[string]int{}
	for _, result := range r.Results {
		i, seen := index[result.Dashboard]
		if !seen {
			i = len(all)
			index[result.Dashboard] = i
			all = append(all, group{uid: result.Dashboard, title: result.DashboardTitle, source: result.source()})
		}
		all[i].results = append(all[i].results, result)
		if result.Fails() {
			all[i].findings++
		}
	}
	slices.SortStableFunc(all, func(a, b group) int { return cmp.Compare(b.findings, a.findings) })
	for _, g := range all {
		slices.SortStableFunc(g.results, func(a, b Result) int { return cmp.Compare(a.rank(), b.rank()) })
	}
	return all
}

// rank puts the worst first.
func (r Result) rank() int {
	switch {
	case r.Verdict == Error:
		return 0
	case r.Verdict == Duplicate:
		return 1
	case r.Verdict == Empty && r.Declared == "":
		return 2
	case len(r.Notes) > 0:
		return 3
	case r.Verdict == Constant:
		return 4
	case r.Verdict == Skipped:
		return 5
	case r.Verdict == Empty:
		return 6
	}
	return 7
}

// where names what a result is about within its dashboard.
func (r Result) where() string {
	switch r.Kind {
	case KindVariable:
		return "variable " + r.Name
	case KindAnnotation:
		return "annotation " + r.Name
	}
	return strings.TrimSpace(r.PanelTitle + " " + r.Name)
}

// chosen names the values that a result is for.
func (r Result) chosen() string {
	parts := []string{}
	if r.Choice != All {
		parts = append(parts, r.Choice)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Scoped)) {
		parts = append(parts, name+"="+r.Scoped[name])
	}
	return strings.Join(parts, ", ")
}

func (r Result) why() string {
	var parts []string
	if r.Why != nil {
		parts = append(parts, r.Why.Text)
	}
	if r.Declared != "" {
		parts = append(parts, "declared: "+r.Declared)
	}
	for _, note := range r.Notes {
		parts = append(parts, note.Text)
	}
	return strings.Join(parts, "; ")
}

// WriteTable writes a report for people: by dashboard, the worst first. verbose
// adds what is in order, and the queries.
func (r Report) WriteTable(out io.Writer, verbose bool) error {
	var b strings.Builder
	for _, g := range r.groups() {
		shown := slices.DeleteFunc(slices.Clone(g.results), func(r Result) bool { return !verbose && r.rank() >= 5 })
		if len(shown) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s (%s)\n", g.title, g.source)
		var rows []row
		for _, result := range shown {
			rows = append(rows, result.row(verbose))
		}
		writeRows(&b, rows)
	}
	r.writeRules(&b, verbose)
	for _, stale := range r.Stale {
		fmt.Fprintf(&b, "stale: %s (%s)\n", stale.text(), stale.Where)
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(&b, "cannot be used: %s\n", problem)
	}
	r.writePassed(&b, verbose)
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := r.writeExtras(out); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err := fmt.Fprintln(out, r.Line())
	return err
}

// writePassed counts what is neither dashboards nor rules, by what it is; verbose
// names the files.
func (r Report) writePassed(b *strings.Builder, verbose bool) {
	counts := map[string]int{}
	for _, p := range r.PassedOver {
		counts[cmp.Or(p.What, "unknown")]++
	}
	if len(counts) == 0 {
		return
	}
	var kinds []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", counts[what], what))
	}
	fmt.Fprintf(b, "passed over, neither dashboards nor rules: %s\n", strings.Join(kinds, ", "))
	if !verbose {
		return
	}
	for _, p := range r.PassedOver {
		fmt.Fprintf(b, "  %s: %s\n", sourceOf(p.File, p.Part), cmp.Or(p.What, "unknown"))
	}
}

// source names the file, and the part of it.
func (r Result) source() string { return sourceOf(r.File, r.Part) }

func sourceOf(file, part string) string {
	if part == "" {
		return file
	}
	return file + " (" + part + ")"
}

// row is a line of a table in columns, and what stands below it.
type row struct {
	columns [3]string
	rest    string
	below   []string
}

// writeRows writes rows with aligned columns, and an empty line at the end.
func writeRows(b *strings.Builder, rows []row) {
	var widths [3]int
	for _, row := range rows {
		for i, column := range row.columns {
			widths[i] = max(widths[i], utf8.RuneCountInString(column))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, column := range row.columns {
			if widths[i] > 0 {
				fmt.Fprintf(&line, "  %-*s", widths[i], column)
			}
		}
		b.WriteString(strings.TrimRight(line.String()+"  "+oneLine(row.rest), " ") + "\n")
		for _, text := range row.below {
			b.WriteString("      " + text + "\n")
		}
	}
	b.WriteString("\n")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (r Result) row(verbose bool) row {
	line := row{columns: [3]string{r.mark(), r.where(), r.chosen()}, rest: r.why()}
	if verbose {
		for _, q := range r.Queries {
			line.below = append(line.below, fmt.Sprintf("%s: %d series, %d points in %s: %s",
				strings.TrimSpace(q.Type+" "+q.Step), q.Series, q.Points, q.Took, oneLine(q.Expr)))
		}
	}
	return line
}

func (r Report) writeExtras(out io.Writer) error {
	var problems []error
	if r.Metrics != nil {
		problems = append(problems, r.Metrics.WriteTable(out))
	}
	if r.Mutations != nil {
		problems = append(problems, r.Mutations.WriteTable(out))
	}
	return errors.Join(problems...)
}

// mark is the verdict as a report shows it.
func (r Result) mark() string {
	switch {
	case r.Verdict == Empty && r.Declared != "":
		return "declared"
	case r.Verdict == Data && len(r.Notes) > 0:
		return "note"
	}
	return string(r.Verdict)
}

func (r Report) writeRules(b *strings.Builder, verbose bool) {
	var rows []row
	for _, rule := range r.Rules {
		if verbose || rule.Fails() || len(rule.Notes) > 0 {
			rows = append(rows, row{columns: [3]string{string(rule.Verdict), rule.Name, rule.Group}, rest: rule.why()})
		}
	}
	if len(rows) > 0 {
		b.WriteString("Rules\n")
		writeRows(b, rows)
	}
}

func (r RuleResult) why() string {
	return Result{Why: r.Why, Declared: r.Declared, Notes: r.Notes}.why()
}

// Line is the summary in one line.
func (r Report) Line() string {
	s := r.Summary
	parts := []string{fmt.Sprintf("%d with data", s.Data)}
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Empty, "empty"}, {s.Error, "with errors"}, {s.Duplicate, "duplicate"}, {s.Constant, "constant"},
		{s.Declared, "declared empty"},
		{s.Skipped, "skipped"}, {s.Notes, "with notes"}, {s.Stale, "stale declarations"}, {s.Problems, "unusable"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	counted := []string{
		spelling.Counted(s.Dashboards, "dashboard"), spelling.Counted(s.Panels, "panel"),
		spelling.Counted(s.Targets, "target"), spelling.Counted(s.Rules, "rule"),
	}
	line := strings.Join(counted, ", ") + ": " + strings.Join(parts, ", ")
	if r.Interrupted {
		line += "; interrupted, the rest was not run"
	}
	return line
}
