package check

import (
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
