package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// filesIn makes files in a new folder.
func filesIn(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Where places are named, they are read, and nothing else; whoever names them
// expects something there.
func TestWantedPlaces(t *testing.T) {
	dir := filesIn(t, map[string]string{
		"a.json":         `{"uid":"a","title":"A","panels":[]}`,
		"b.jsonnet":      `{uid: 'b', title: 'B', panels: []}`,
		"rules.yaml":     "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: up}\n",
		DeclarationsFile: "mayBeEmpty: [{dashboard: a, panels: [X], reason: r}]",
	})
	more := filesIn(t, map[string]string{
		"more.yaml": "mayBeEmpty: [{dashboard: b, panels: [Y], reason: r, kinds: [kwok]}]",
	})
	w := Wanted{
		Places: []string{dir}, Evaluate: evaluate, Declarations: []string{filepath.Join(more, "more.yaml")},
		Served: Served{Library: &library.Library{Dir: "nowhere"}},
	}
	for kind, declared := range map[v1alpha1.Kind]int{"": 2, v1alpha1.Kwok: 2, v1alpha1.Embedded: 1} {
		w.Kind = kind
		s, err := w.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Dashboards) != 2 || len(s.Rules) != 1 || len(s.Declarations.MayBeEmpty) != declared {
			t.Errorf("%q: %d dashboards, %d rule files, %+v", kind, len(s.Dashboards), len(s.Rules), s.Declarations)
		}
	}
	w.Places = []string{t.TempDir()}
	if _, err := w.Read(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "no dashboard and no rule found in "+w.Places[0]) {
		t.Errorf("an empty folder: %v", err)
	}
	w.Places, w.Declarations = []string{dir}, []string{filepath.Join(dir, "missing.yaml")}
	if _, err := w.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("declarations that are not there: %v", err)
	}
}

// Where no place is named, what is served is read: the environment's own, and
// the rules and declarations that come with diorama.
func TestWantedServed(t *testing.T) {
	own := filesIn(t, map[string]string{"own.yaml": "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: up}\n"})
	dir := filesIn(t, map[string]string{
		"a.json":         `{"uid":"a","title":"A","panels":[]}`,
		"no-rules.yaml":  "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: up}\n",
		DeclarationsFile: "mayBeEmpty: [{dashboard: a, panels: [X], reason: of the folder}]",
	})
	w := Wanted{Served: Served{Library: &library.Library{Dir: dir}, Rules: []string{filepath.Join(own, "own.yaml")}}}
	s, err := w.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Dashboards) != 1 || len(s.Problems) > 0 {
		t.Errorf("%d dashboards, problems %q", len(s.Dashboards), s.Problems)
	}
	var rules []string
	for _, file := range s.Rules {
		rules = append(rules, file.Name)
	}
	if shipped := rules[:len(rules)-1]; len(shipped) == 0 || !slices.IsSorted(shipped) ||
		rules[len(rules)-1] != w.Served.Rules[0] {
		t.Errorf("the rule files are %q", rules)
	}
	declared := s.Declarations.MayBeEmpty
	if len(declared) < 2 || declared[len(declared)-1].Reason != "of the folder" {
		t.Errorf("declared are %+v", declared)
	}
	w.Served.Library = &library.Library{}
	if s, err := w.Read(t.Context()); err != nil || len(s.Declarations.MayBeEmpty) != len(declared)-1 {
		t.Errorf("without a folder: %d declarations, %v", len(s.Declarations.MayBeEmpty), err)
	}
}

func TestOrigins(t *testing.T) {
	all, err := Origins()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := all["k8s_pod_cpu_time_seconds_total"],
		(Origin{Metric: "k8s.pod.cpu.time", Receiver: "kubeletstats"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Where nothing can be read, nothing is checked: that is no finding among others.
func TestNothingReadable(t *testing.T) {
	bad := filesIn(t, map[string]string{"a.json": `{"title": 5}`})
	_, err := Wanted{Places: []string{bad}, Evaluate: evaluate}.Read(t.Context())
	if want := bad + "/a.json:1:11: title is a number, and has to be a text"; err == nil || err.Error() != want {
		t.Errorf("it is %v, want %s", err, want)
	}
	mixed := filesIn(t, map[string]string{"a.json": `{"title": 5}`, "good.json": `{"title": "G"}`})
	s, err := Wanted{Places: []string{mixed}, Evaluate: evaluate}.Read(t.Context())
	if err != nil || len(s.Problems) != 1 || len(s.Dashboards) != 1 {
		t.Errorf("with a good one it is %+v, %v", s, err)
	}
}
