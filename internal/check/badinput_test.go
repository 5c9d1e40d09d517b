package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// board is a dashboard with one panel for each query.
func board(t *testing.T, queries ...string) *document.Dashboard {
	t.Helper()
	var panels []string
	for i, query := range queries {
		panels = append(panels, fmt.Sprintf(
			`{"id":%[1]d,"type":"stat","title":"Panel %[1]d","targets":[{"refId":"A","expr":%[2]q}]}`, i+1, query))
	}
	text := fmt.Sprintf(`{"uid":"board","title":"Board","time":{"from":"now-5m","to":"now"},"panels":[%s]}`,
		strings.Join(panels, ","))
	d, err := document.Parse("board.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func many(n int, query string) []string {
	queries := make([]string, n)
	for i := range queries {
		queries[i] = query
	}
	return queries
}

// A Prometheus that cannot be asked makes the check impossible.
func TestNoPrometheus(t *testing.T) {
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/silent") {
			<-silent
		}
		fmt.Fprint(w, "<!DOCTYPE html><html><body>Sign in</body></html>")
	}))
	defer server.Close()
	defer close(silent)
	for address, want := range map[string]string{
		"http://127.0.0.1:1":    "connection refused",
		server.URL + "/html":    "reading Prometheus' answer",
		server.URL + "/silent/": "Client.Timeout exceeded",
	} {
		client := prometheus.NewClient(address)
		client.HTTP.Timeout = 100 * time.Millisecond
		_, err := Run(t.Context(), Options{
			Prometheus: client, Address: address, Dashboards: []*document.Dashboard{board(t, "up")}, ScrapeInterval: every,
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
		client.Close()
	}
}

// flaky passes requests on to a Prometheus until it has answered some, and
// cuts the connection of all later ones in the middle of the answer.
func flaky(t *testing.T, to string, answers int64) *prometheus.Client {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= answers {
			proxy.ServeHTTP(w, r)
			return
		}
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matr`)
		_ = http.NewResponseController(w).Flush() // who asked may have gone
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	client := prometheus.NewClient(server.URL)
	t.Cleanup(client.Close)
	return client
}

// A Prometheus that goes away ends the check, which reports what it has.
func TestPrometheusGoesAway(t *testing.T) {
	client := flaky(t, startCorpus(t).URL, 20)
	report, err := Run(t.Context(), Options{
		Prometheus: client, ScrapeInterval: every, Dashboards: []*document.Dashboard{board(t, many(500, "pod_up")...)},
	})
	if !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("the error is %v", err)
	}
	s := report.Summary
	if s.Data == 0 || s.Error < surrender || s.Targets > 100 || !report.Interrupted {
		t.Errorf("%+v, interrupted %v", s, report.Interrupted)
	}
}

// One query that takes too long is one error.
func TestSlowQuery(t *testing.T) {
	base, silent := startCorpus(t).URL, make(chan struct{})
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || strings.Contains(string(body), "node_memory_bytes") {
			<-silent
		} else {
			r.Body = io.NopCloser(bytes.NewReader(body))
			proxy.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	defer close(silent)
	client := prometheus.NewClient(server.URL)
	defer client.Close()
	client.HTTP.Timeout = 2 * time.Second
	report, err := Run(t.Context(), Options{
		Prometheus: client, ScrapeInterval: every,
		Dashboards: []*document.Dashboard{board(t, "node_memory_bytes", "pod_up")},
	})
	if err != nil {
		t.Fatal(err)
	}
	slow, quick := report.Results[0], report.Results[1]
	if slow.Verdict != Error || slow.Why.Kind != TimedOut || quick.Verdict != Data {
		t.Errorf("%s (%s) and %s", slow.Verdict, slow.why(), quick.Verdict)
	}
}

// A check that is interrupted reports what it has.
func TestInterrupt(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	o := Options{
		Prometheus: startCorpus(t), ScrapeInterval: every,
		Dashboards: []*document.Dashboard{board(t, many(500, "pod_up")...)},
	}
	o.Progress = func(done, _ int) {
		if done == 10 {
			interrupt()
		}
	}
	report, err := Run(ctx, o)
	if err != nil || !report.Interrupted {
		t.Fatalf("interrupted %v, %v", report.Interrupted, err)
	}
	if s := report.Summary; s.Data < 10 || s.Data > 20 || s.Error+s.Empty > 0 {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(report.Line(), "interrupted") {
		t.Error(report.Line())
	}
}

func TestFiveThousandPanels(t *testing.T) {
	o := Options{
		Prometheus: startCorpus(t), ScrapeInterval: every,
		Dashboards: []*document.Dashboard{board(t, many(5000, "pod_up")...)},
	}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if s := report.Summary; s.Panels != 5000 || s.Data != 5000 || s.Findings != 0 {
		t.Errorf("%+v", s)
	}
}

func evaluate(_ context.Context, job library.JsonnetJob) (library.JsonnetResult, error) {
	return library.EvaluateHere(job), nil
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("good.json", `{"uid":"good","title":"Good","panels":[]}`)
	write("bad.json", "{\n  \"title\": }")
	write("none.json", `{"a": 1}`)
	write("team/mixin.jsonnet", `{grafanaDashboards: {'m.json': {title: 'M', panels: []}}, prometheusAlerts: {groups: `+
		`[{name: 'g', rules: [{alert: 'A', expr: 'up == 0'}]}]}}`)
	write("alone/mixin.libsonnet",
		`{helper(x): x, prometheusRules+:: {groups: [{name: 'h', rules: [{record: 'a:c', expr: 'up'}]}]}}`)
	write("rules/good.yaml", "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: up}\n")
	write("rules/bad.yaml", "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: 'sum('}\n")
	write("rules/other.yaml", "kind: Deployment\n")
	write("vendor/ignored.json", "{")
	write(DeclarationsFile, "variables: {namespace: shop}\n")
	if err := os.Symlink(filepath.Join(dir, "nowhere.json"), filepath.Join(dir, "dangling.json")); err != nil {
		t.Fatal(err)
	}
	var s Sources
	if err := s.Load(t.Context(), []string{dir}, nil, evaluate); err != nil {
		t.Fatal(err)
	}
	if len(s.Dashboards) != 2 || len(s.Rules) != 3 ||
		!slices.Equal(s.Declarations.Variables["namespace"], Values{"shop"}) {
		t.Errorf("%d dashboards, %d rule files, %+v", len(s.Dashboards), len(s.Rules), s.Declarations)
	}
	for _, d := range s.Dashboards {
		if _, err := os.Stat(d.File); err != nil {
			t.Errorf("%s is named by no path from here: %v", d.Title(), err)
		}
	}
	said := strings.Join(s.Problems, "\n")
	for _, want := range []string{
		dir + "/bad.json:2:12: no JSON", dir + "/rules/bad.yaml:4:27: ", dir + "/dangling.json: "} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not among the problems:\n%s", want, said)
		}
	}
	if len(s.Problems) != 3 {
		t.Errorf("the problems are\n%s", said)
	}
	if err := s.Load(t.Context(), []string{filepath.Join(dir, "missing")}, nil, evaluate); err == nil ||
		!strings.Contains(err.Error(), "missing") {
		t.Errorf("a path that is not there: %v", err)
	}
}

func TestDeclarationErrors(t *testing.T) {
	for text, want := range map[string]string{
		"mayBeEmpty:\n- dashbord: a": `line 2: unknown field ` +
			`"mayBeEmpty[0].dashbord"; did you mean "dashboard"?`,
		"mayBeEmpty:\n- panels: [a]\n  reason: b":    "d.yaml:2: needs a dashboard",
		"mayBeEmpty:\n- {dashboard: a, panels: [b]}": "d.yaml:2: needs a reason",
		"mayBeEmpty:\n- {dashboard: a, panels: [b], reason: c, choice: single}": `d.yaml:2: choice "single": All and one ` +
			`are known`,
		"rules:\n- {rule: a}": "d.yaml:2: needs a rule and a reason",
		"mayBeEmpty:\n- {dashboard: a, panels: [b], reason: c, kinds: [kwk]}": `d.yaml:2: kind "kwk": ["embedded" "kwok" ` +
			`"k3d"] are known`,
		"rules:\n- {rule: a, reason: b, kinds: [x]}": `d.yaml:2: kind "x"`,
		"variables: {a: {b: c}}":                     "line 1",
		"- a":                                        "is no mapping",
		"variables: [a]":                             "line 1",
		"a: [":                                       "line 1",
	} {
		if _, err := ParseDeclarations("d.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := ParseDeclarations("d.yaml", nil); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

// What is declared for a kind holds in its environments alone.
func TestDeclarationsForKind(t *testing.T) {
	d, err := ParseDeclarations("d.yaml", []byte(`
variables: {a: one, b: [one, two]}
mayBeEmpty:
  - {dashboard: a, panels: [everywhere], reason: r}
  - {dashboard: a, panels: [kwok], reason: r, kinds: [kwok]}
rules:
  - {rule: containers, reason: r, kinds: [kwok, k3d]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[v1alpha1.Kind][2]int{
		"": {2, 1}, v1alpha1.Embedded: {1, 0}, v1alpha1.Kwok: {2, 1}, v1alpha1.K3d: {1, 1},
	} {
		if got := d.For(kind); len(got.MayBeEmpty) != want[0] || len(got.Rules) != want[1] ||
			got.Variables["b"][1] != "two" {
			t.Errorf("for the kind %q it is %+v", kind, got)
		}
	}
	if len(d.MayBeEmpty) != 2 {
		t.Error("asking for a kind changes the declarations")
	}
}

// The first value is taken that there is.
func TestValuesChoose(t *testing.T) {
	options := []engine.Option{{Value: "two"}, {Value: "three"}}
	for want, values := range map[string]Values{"two": {"one", "two", "three"}, "": {"one"}} {
		if got := values.choose(options); got != want {
			t.Errorf("%q of %v gives %q", values, options, got)
		}
	}
	if got := (Values{"one"}).choose(nil); got != "one" {
		t.Errorf("without options it is %q", got)
	}
}

// Values of a variable that no dashboard has cannot be checked one by one.
func TestEach(t *testing.T) {
	o := Options{Prometheus: startCorpus(t), ScrapeInterval: every, Each: []string{"pod"}}
	d, err := document.Parse("each.json", []byte(`{"uid":"each","title":"Each","time":{"from":"now-5m","to":"now"},
		"templating":{"list":[
			{"name":"namespace","type":"query","query":"label_values(pod_up, namespace)","includeAll":true},
			{"name":"pod","type":"query","query":"label_values(pod_up{namespace=~\"$namespace\"}, pod)","includeAll":true,
			"multi":true}]},
		"panels":[
			{"id":1,"type":"stat","title":"Up","targets":[{"refId":"A","expr":"pod_up{pod=~\"$pod\"}"}]},
			{"id":2,"type":"stat","title":"Fixed","targets":[{"refId":"A","expr":"up"}]},
			{"id":3,"type":"stat","title":"In $namespace","repeat":"namespace",
			"targets":[{"refId":"A","expr":"pod_up{namespace=\"$namespace\"}"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	o.Dashboards = []*document.Dashboard{d}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for _, r := range report.Results {
		if r.Verdict != Data {
			t.Errorf("%s, %s: %s", r.where(), r.Choice, r.why())
		}
		if r.Kind == KindTarget {
			said[r.Choice+"/"+r.PanelTitle]++
		}
	}
	want := map[string]int{
		// the repeated panel for one namespace is among these
		"All/Up": 1, "All/Fixed": 1, "All/In data": 1, "All/In shop": 1,
		"one/Up": 1, "pod=db-0/Up": 1, "pod=web-0/Up": 1, "pod=web-1/Up": 1,
	}
	if !maps.Equal(said, want) {
		t.Errorf("run are %v, want %v", said, want)
	}
	o.Each = []string{"pod", "node"}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--each node: no dashboard has") {
		t.Errorf("a variable that there is not: %v", err)
	}
}
