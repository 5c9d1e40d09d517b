package check

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// A dashboard that opens on a time range nobody can read is a problem of its own:
// the others are checked, and so are the rules.
func TestUnreadableRange(t *testing.T) {
	odd, err := document.Parse("odd.json", []byte(`{"uid": "odd", "title": "Odd", "time": {"from": "soon", "to": "now"},
		"panels": [{"id": 1, "type": "stat", "targets": [{"refId": "A", "expr": "up"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var rules Sources
	rules.AddRules("rules.yaml", []byte("groups: [{name: g, rules: [{record: a:b, expr: up}]}]"))
	report, err := Run(t.Context(), Options{
		Prometheus: startCorpus(t), Dashboards: []*document.Dashboard{odd, board(t, "up")}, Rules: rules.Rules,
		ScrapeInterval: every,
	})
	if err != nil {
		t.Fatal(err)
	}
	named := func(problem string) bool { return strings.HasPrefix(problem, "odd.json: the time range: ") }
	if !slices.ContainsFunc(report.Problems, named) {
		t.Errorf("the problems are %q", report.Problems)
	}
	checked := slices.ContainsFunc(report.Results, func(r Result) bool { return r.Dashboard == "board" })
	if !checked || len(report.Rules) != 1 {
		t.Errorf("checked are %+v and the rules %+v", report.Results, report.Rules)
	}
}

// What never ends is not read: neither in a folder nor by name.
func TestPipes(t *testing.T) {
	dir := filesIn(t, map[string]string{"good.json": `{"uid": "good", "title": "Good", "panels": []}`})
	for _, name := range []string{"pipe.json", "pipe.jsonnet", "pipe.yaml"} {
		if err := syscall.Mkfifo(dir+"/"+name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var s Sources
	if err := s.LoadLibrary(t.Context(), &library.Library{Dir: dir, Evaluate: evaluate}); err != nil {
		t.Fatal(err)
	}
	if err := s.findRules(dir); err != nil {
		t.Fatal(err)
	}
	s.loadRules(dir+"/pipe.yaml", true)
	all := strings.Join(s.Problems, "\n")
	if len(s.Dashboards) != 1 || strings.Count(all, "it is no regular file") < 3 {
		t.Errorf("%d dashboards, and the problems\n%s", len(s.Dashboards), all)
	}
}

// A file that is named and has nothing to check is a problem; in a folder it is
// somebody else's.
func TestNamedFileWithoutADashboard(t *testing.T) {
	dir := filesIn(t, map[string]string{
		"other.json": `{"a": 1}`, "good.json": `{"uid": "good", "title": "Good", "panels": []}`,
	})
	for name, want := range map[string]string{
		"/other.json": "/other.json: it has no dashboard and no rules", "/good.json": "", "": "",
	} {
		var s Sources
		if err := s.Load(t.Context(), []string{dir + name}, nil, evaluate); err != nil {
			t.Fatal(err)
		}
		all := strings.Join(s.Problems, "\n")
		if (want == "") != (all == "") || !strings.HasPrefix(all, dir+want) && want != "" {
			t.Errorf("%s: the problems are %q, want %q", name, all, want)
		}
	}
}

// What is wrong with a rule is reported once, where it is; what jsonnet has made
// has no lines of its own.
func TestFaultsOfRulesOnceAndWhere(t *testing.T) {
	dir := filesIn(t, map[string]string{
		"for.yaml": "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up, for: -5m}\n",
		"mixin.jsonnet": `{prometheusAlerts: {groups: [{name: 'g', rules: [{alert: 'B', expr: 'sum('}]}]}, ` +
			`grafanaDashboards: {'m.json': {title: 'M', panels: []}}}`,
	})
	var s Sources
	if err := s.Load(t.Context(), []string{dir}, nil, evaluate); err != nil {
		t.Fatal(err)
	}
	want := []string{
		dir + `/mixin.jsonnet: group "g", rule 1, "B": could not parse expression: 1:5: parse error: ` +
			`unclosed left parenthesis`,
		dir + `/for.yaml:4:31: for: not a valid duration string: "-5m"; use one such as 5m`,
	}
	if !slices.Equal(s.Problems, want) {
		t.Errorf("the problems are\n%s\nwant\n%s", strings.Join(s.Problems, "\n"), strings.Join(want, "\n"))
	}
}

// A file is evaluated once, whether its dashboards or its rules are of interest
// and whether it succeeds.
func TestJsonnetIsEvaluatedOnce(t *testing.T) {
	dir := filesIn(t, map[string]string{
		"mixin.jsonnet": `{grafanaDashboards: {'m.json': {title: 'M', panels: []}}, prometheusAlerts: {groups: ` +
			`[{name: 'g', rules: [{alert: 'A', expr: 'up == 0'}]}]}}`,
		"slow.jsonnet": "{}",
	})
	for _, place := range []string{dir, dir + "/mixin.jsonnet", dir + "/slow.jsonnet"} {
		asked := map[string]int{}
		var s Sources
		err := s.Load(t.Context(), []string{place}, nil,
			func(ctx context.Context, job library.JsonnetJob) (library.JsonnetResult, error) {
				asked[job.File]++
				if strings.HasSuffix(job.File, "slow.jsonnet") {
					late := document.FileErrorf(job.File, "the evaluation took longer than 20s")
					return library.JsonnetResult{Error: late}, nil
				}
				return evaluate(ctx, job)
			})
		if err != nil || len(s.Dashboards)+len(s.Rules)+len(s.Problems) == 0 {
			t.Errorf("%s: %+v, %v", place, s, err)
		}
		for file, times := range asked {
			if times != 1 {
				t.Errorf("%s: %s is evaluated %d times", place, file, times)
			}
		}
	}
}

// What would be passed over because it is of another type is a problem, in a
// folder too.
func TestMistypedDashboards(t *testing.T) {
	dir := filesIn(t, map[string]string{
		"a.json": "{\n  \"title\": 5,\n  \"panels\": \"x\"\n}", "other.json": `{"a": 1}`,
	})
	var s Sources
	if err := s.Load(t.Context(), []string{dir}, nil, evaluate); err != nil {
		t.Fatal(err)
	}
	if want := []string{dir + "/a.json:2:12: title is a number, and has to be a text"}; !slices.Equal(s.Problems, want) {
		t.Errorf("the problems are %q, want %q", s.Problems, want)
	}
}
