package check

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/golden"
)

// sample is a report with one result of each kind.
func sample() Report {
	result := func(panel int, verdict Verdict, why string) Result {
		r := Result{Dashboard: "a", DashboardTitle: "A | pipes", File: "a.json", Panel: panel, PanelTitle: "Panel",
			Kind: KindTarget, Name: "A", Choice: All, Verdict: verdict,
			Queries: []Query{{Expr: "sum(\n  up\n)", Step: "15s", Type: "range", Took: "1ms", Series: 1, Points: 2}}}
		if why != "" {
			r.Why = &engine.Reason{Kind: engine.NoMetric, Text: why}
		}
		return r
	}
	one := 1.0
	good := result(1, Data, "")
	good.Last = &one
	doubtful := result(2, Data, "")
	doubtful.Notes = []Note{{NoteUnit, "the unit"}}
	each := result(3, Empty, "no metric is named x\nnear: y, 100%")
	each.Choice, each.Scoped = "namespace=b", map[string]string{"pod": "p"}
	declared := result(4, Empty, "no metric")
	variable := result(0, Empty, "no values")
	variable.Kind, variable.Name = KindVariable, "namespace"
	other := result(9, Data, "")
	other.Dashboard, other.DashboardTitle, other.File = "b", "B", "b.json"
	r := Report{
		Taken: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Prometheus: "http://127.0.0.1:9090",
		Results: []Result{other, good, doubtful, each, declared, result(5, Error, "it failed"),
			result(6, Constant, "a number"), result(7, Skipped, "loki"), result(8, Duplicate, "twice"), variable},
		Rules: []RuleResult{
			{File: "r.yaml", Group: "g", Name: "Fires", Type: "alert", Expr: "up", Verdict: Fires, Now: 1},
			{
				File: "r.yaml", Group: "g", Name: "Never", Type: "alert", Expr: "x", Verdict: EmptyInput,
				Why: &engine.Reason{Kind: engine.NoMetric, Text: "no metric is named x"},
			},
		},
		Problems: []string{"bad.json:2:3: no JSON"},
	}
	r.declare(Declarations{MayBeEmpty: []Declaration{
		{Dashboard: "a", Panels: []string{"Panel"}, Choice: All, Reason: "no one sends it", where: "d.yaml:2"},
		{Dashboard: "b", Panels: []string{"Panel"}, Reason: "once", where: "d.yaml:5"},
	}})
	r.summarize(false)
	return r
}

func TestReports(t *testing.T) {
	r := sample()
	earlier := sample()
	earlier.Results[1].Verdict = Error
	earlier.Results[5].Verdict = Data
	earlier.Results[3].Panel = 33
	r.Changes = r.Compare(earlier)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"table.txt":   func(b *bytes.Buffer) error { return r.WriteTable(b, false) },
		"verbose.txt": func(b *bytes.Buffer) error { return r.WriteTable(b, true) },
		"junit.xml":   func(b *bytes.Buffer) error { return r.WriteJUnit(b) },
		"github.txt":  func(b *bytes.Buffer) error { return r.WriteGitHub(b) },
		"markdown.md": func(b *bytes.Buffer) error { return r.WriteMarkdown(b, r.Changes) },
		"changes.txt": func(b *bytes.Buffer) error { return WriteChanges(b, r.Changes) },
		"report.json": func(b *bytes.Buffer) error { return r.Print(b, Printing{Form: "json"}) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		golden.Text(t, filepath.Join("testdata", "reports", name), b.Bytes())
		if name == "junit.xml" {
			if err := xml.Unmarshal(b.Bytes(), new(junitSuites)); err != nil {
				t.Errorf("no XML: %v", err)
			}
		}
	}
}

// Each form is one of those above; the table says what has changed only to who
// has compared.
func TestPrint(t *testing.T) {
	r := sample()
	r.Changes = []Change{}
	for _, c := range []struct {
		printing Printing
		begins   string
		compared bool
	}{
		{Printing{Form: "table"}, "A | pipes (a.json)\n", false},
		{Printing{Form: "table", Compared: true}, "A | pipes (a.json)\n", true},
		{Printing{Form: "json", Compared: true}, "{\n  \"taken\"", false},
		{Printing{Form: "junit"}, "<?xml", false},
		{Printing{Form: "github"}, "::error", false},
		{Printing{Form: "markdown"}, "### ", false},
	} {
		var b bytes.Buffer
		err := r.Print(&b, c.printing)
		compared := strings.Contains(b.String(), "nothing broke and nothing healed")
		if err != nil || !strings.HasPrefix(b.String(), c.begins) || compared != c.compared {
			t.Errorf("%+v: %v\n%s", c.printing, err, b.String())
		}
		if !slices.Contains(Forms(), c.printing.Form) {
			t.Errorf("%q is not among the forms", c.printing.Form)
		}
	}
	if err := r.Print(io.Discard, Printing{Form: "pdf"}); err == nil {
		t.Error("a form that there is not is printed")
	}
}

// An earlier report is read for what has changed since.
func TestCompareWith(t *testing.T) {
	r := sample()
	if err := r.CompareWith("testdata/reports/report.json"); err != nil || len(r.Changes) != 0 || r.Changes == nil {
		t.Errorf("changes since the same report: %v, %v", r.Changes, err)
	}
	r.Results[1].Verdict = Error
	if err := r.CompareWith("testdata/reports/report.json"); err != nil || len(r.Changes) != 1 ||
		r.Changes[0].Kind != Broke {
		t.Errorf("changes: %v, %v", r.Changes, err)
	}
	if err := r.CompareWith("testdata/missing.json"); err == nil {
		t.Error("a report that is not there is compared with")
	}
}

func TestReadReport(t *testing.T) {
	if r, err := ReadReport("testdata/reports/report.json"); err != nil || len(r.Results) != len(sample().Results) {
		t.Errorf("%d results, %v", len(r.Results), err)
	}
	for text, want := range map[string]string{"{": "is no report", "{}": "has no results", "[]": "is no report"} {
		file := filepath.Join(t.TempDir(), "r.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadReport(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ReadReport("testdata/missing.json"); err == nil {
		t.Error("a report that is not there is read")
	}
}

// What a description or a file declares is no finding, and stale where there
// is data.
func TestDeclared(t *testing.T) {
	d, err := document.Parse("d.json", []byte(`{"uid":"d","title":"D","time":{"from":"now-5m","to":"now"},"panels":[
		{"id":1,"type":"stat","title":"Tagged","description":"Cores. [may be empty: no receiver has it]",
		"targets":[{"refId":"A","expr":"nowhere"}]},
		{"id":2,"type":"stat","title":"Stale","description":"[May be empty:  long ago ]",
		"targets":[{"refId":"A","expr":"pod_up"}]},
		{"id":3,"type":"stat","title":"In the file","targets":[{"refId":"A","expr":"nowhere"}]},
		{"id":4,"type":"stat","title":"Broken","description":"[may be empty: x]","targets":[{"refId":"A","expr":"sum("}]},
		{"id":5,"type":"stat","title":"Newer","targets":[{"refId":"A","expr":"pod_up"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	declared, err := ParseDeclarations("c.yaml", []byte("mayBeEmpty:\n"+
		"- {dashboard: d, panels: [In the file], reason: not yet}\n"+
		"- {dashboard: d, panels: [Stale, Gone], reason: also here}\n"+
		"- {dashboard: other, panels: [x], reason: y}\n"+
		"- {dashboard: d, panels: [Newer], sometimes: true, reason: of a newer version}\n"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), Options{
		Prometheus: startCorpus(t), ScrapeInterval: every, Dashboards: []*document.Dashboard{d}, Declarations: declared,
		Strict: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := report.Summary; s.Declared != 2 || s.Error != 1 || s.Stale != 3 || s.Findings != 4 ||
		!report.Stale[1].Missing {
		t.Errorf("%+v %+v", s, report.Stale)
	}
	if got := report.Results[0].Declared + ", " + report.Results[2].Declared; got != "no receiver has it, not yet" {
		t.Errorf("the reasons are %s", got)
	}
}

// A declaration is for all rules of a name, and stale only where none of them
// lacks its input.
func TestDeclaredRules(t *testing.T) {
	r := Report{Rules: []RuleResult{
		{Group: "warning", Name: "Twice", Verdict: EmptyInput},
		{Group: "critical", Name: "Twice", Verdict: EmptyInput},
		{Group: "a", Name: "Half", Verdict: Silent},
		{Group: "b", Name: "Half", Verdict: EmptyInput},
		{Group: "a", Name: "Full", Verdict: Fires},
		{Group: "a", Name: "Broken", Verdict: Error},
		{Group: "a", Name: "Undeclared", Verdict: EmptyInput},
	}}
	var d Declarations
	for _, name := range []string{"Twice", "Half", "Full", "Broken", "Absent"} {
		d.Rules = append(d.Rules, RuleDeclaration{Rule: name, Reason: "because"})
	}
	r.declare(d)
	var declared, failing []string
	for _, rule := range r.Rules {
		at := rule.Group + " " + rule.Name
		if rule.Declared != "" {
			declared = append(declared, at)
		}
		if rule.Fails() {
			failing = append(failing, at)
		}
	}
	if got := strings.Join(declared, ", "); got != "warning Twice, critical Twice, b Half" {
		t.Errorf("declared are %s", got)
	}
	if got := strings.Join(failing, ", "); got != "a Broken, a Undeclared" {
		t.Errorf("findings are %s", got)
	}
	if len(r.Stale) != 1 || r.Stale[0].What != "rule Full" {
		t.Errorf("stale are %+v", r.Stale)
	}
}

// What Grafana refuses in silence is a finding, with the file, the limit and
// what to do.
func TestRefused(t *testing.T) {
	var all []*document.Dashboard
	for name, text := range map[string]string{
		"long.json": fmt.Sprintf(`{"uid": "%041d", "title": "Long", "panels": []}`, 0),
		"good.json": `{"uid": "good", "title": "Good", "panels": []}`,
	} {
		d, err := document.Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	problems := refused(all)
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "long.json: ") ||
		!strings.Contains(problems[0], "has 41 characters, and may have 40: shorten it") {
		t.Errorf("the problems are %q", problems)
	}
	report := Report{Problems: problems}
	if report.summarize(false); report.Summary.Findings != 1 {
		t.Errorf("the summary is %+v", report.Summary)
	}
}
