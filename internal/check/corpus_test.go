package check

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/backend/backendtest"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}

// fault is one case of the corpus.
type fault struct {
	Fault, Expr, Legend, Unit, Datasource, Annotation string
	Instant                                           bool
	Variables                                         []map[string]any
	Alert, Record                                     *struct {
		Expr string
		For  string
	}
	// Of is the kind of result that is looked at: target, if it is empty.
	Of                  string
	Verdict, Kind, Says string
}

func readCorpus(t *testing.T) []fault {
	t.Helper()
	file, err := os.ReadFile("testdata/corpus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var faults []fault
	decoder := yaml.NewDecoder(bytes.NewReader(file))
	decoder.KnownFields(true)
	if err := decoder.Decode(&faults); err != nil {
		t.Fatal(err)
	}
	return faults
}

const every = 15 * time.Second

// startCorpus runs a Prometheus with the last 15 minutes of some series.
func startCorpus(t *testing.T) *prometheus.Client {
	t.Helper()
	base := backendtest.Start(t)
	now := time.Now().Truncate(every) // where the points of range queries are
	backendtest.Push(t, base, now.Add(-60*every), every, corpusSeries()...)
	backendtest.Push(t, base, now.Add(-60*every), every, backendtest.Series{Name: "old_up", Values: []float64{1, 1, 1}})
	backendtest.Push(t, base, now.Add(-2*every), every, backendtest.Series{
		Name: "late", Counter: true, Values: []float64{1},
	})
	client := prometheus.NewClient(base)
	t.Cleanup(client.Close)
	return client
}

func corpusSeries() []backendtest.Series {
	level := func(v float64) []float64 { return grow(v, 0) }
	one := level(1)
	labels := func(pairs ...string) map[string]string {
		all := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	series := []backendtest.Series{
		{Name: "pod_up", Labels: labels("namespace", "shop", "pod", "web-0"), Values: one},
		{Name: "pod_up", Labels: labels("namespace", "shop", "pod", "web-1"), Values: one},
		{Name: "pod_up", Labels: labels("namespace", "data", "pod", "db-0"), Values: one},
		{Name: "pod_info", Labels: labels("pod", "web-0", "node", "n1"), Values: one},
		{Name: "pod_info", Labels: labels("pod", "web-1", "node", "n1"), Values: one},
		{Name: "claim_up", Labels: labels("pod", "other"), Values: one},
		{Name: "path_up", Labels: labels("path", "/v1(beta)"), Values: one},
		{Name: "up", Labels: labels("instance", "a"), Values: one},
		{Name: "up", Labels: labels("instance", "b"), Values: one},
		{Name: "reported_a_up", Labels: labels("instance", "a"), Values: one},
		{Name: "reported_b_up", Labels: labels("instance", "b"), Values: one},
		{Name: "node_memory_bytes", Labels: labels("node", "n1"), Values: level(100)},
		{Name: "node_memory_bytes", Labels: labels("node", "n2"), Values: level(200)},
		{Name: "http_seconds", Values: level(0.5)},
		{Name: "idle_seconds_bucket", Labels: labels("le", "1"), Counter: false, Values: level(0)},
		{Name: "idle_seconds_bucket", Labels: labels("le", "+Inf"), Counter: false, Values: level(0)},
		{Name: "errors", Counter: true, Values: level(0)},
		{Name: "idle_requests", Counter: true, Values: level(0)},
	}
	for _, namespace := range []string{"shop", "data"} {
		for _, code := range []string{"200", "500"} {
			series = append(series, backendtest.Series{
				Name: "http_requests", Counter: true, Labels: labels("namespace", namespace, "code", code), Values: grow(0, 3),
			})
		}
	}
	return series
}

// grow are values that begin at one and grow by another for each sample.
func grow(from, by float64) []float64 {
	values := make([]float64, 61)
	for i := range values {
		values[i] = from + float64(i)*by
	}
	return values
}

// dashboard is a dashboard with the fault in its only panel.
func (f fault) dashboard(t *testing.T, uid string) *document.Dashboard {
	t.Helper()
	kind := "prometheus"
	if f.Datasource != "" {
		kind = f.Datasource
	}
	text, err := json.Marshal(map[string]any{
		"uid": uid, "title": f.Fault, "time": map[string]any{"from": "now-10m", "to": "now"},
		"templating":  map[string]any{"list": f.Variables},
		"annotations": map[string]any{"list": f.annotations()},
		"panels": []any{map[string]any{
			"id": 1, "type": "timeseries", "title": "Panel", "datasource": map[string]any{"type": kind, "uid": "x"},
			"fieldConfig": map[string]any{"defaults": map[string]any{"unit": f.Unit}},
			"targets":     []any{map[string]any{"refId": "A", "expr": f.Expr, "legendFormat": f.Legend, "instant": f.Instant}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Parse(uid+".json", text)
	if err != nil {
		t.Fatalf("%s: %v", f.Fault, err)
	}
	return d
}

func (f fault) annotations() []any {
	if f.Annotation == "" {
		return nil
	}
	return []any{map[string]any{
		"name": "Deploys", "enable": true, "datasource": map[string]any{"type": "prometheus", "uid": "x"},
		"expr": f.Annotation,
	}}
}

func (f fault) rule(t *testing.T) rulefmt.Rule {
	t.Helper()
	if f.Record != nil {
		return rulefmt.Rule{Record: "case:" + strings.NewReplacer(" ", "_", ",", "").Replace(f.Fault), Expr: f.Record.Expr}
	}
	rule := rulefmt.Rule{Alert: f.Fault, Expr: f.Alert.Expr}
	if f.Alert.For != "" {
		wait, err := model.ParseDuration(f.Alert.For)
		if err != nil {
			t.Fatal(err)
		}
		rule.For = wait
	}
	return rule
}

// said is what a check said of a fault.
type said struct {
	verdict Verdict
	kinds   []string
	text    string
	fails   bool
}

func (f fault) check(t *testing.T, got said) {
	t.Helper()
	if string(got.verdict) != f.Verdict {
		t.Errorf("%s: %s (%s), want %s", f.Fault, got.verdict, got.text, f.Verdict)
		return
	}
	if f.Kind != "" && !strings.Contains(" "+strings.Join(got.kinds, " ")+" ", " "+f.Kind+" ") {
		t.Errorf("%s: reasons %v (%s), want %s", f.Fault, got.kinds, got.text, f.Kind)
	}
	if !strings.Contains(got.text, f.Says) {
		t.Errorf("%s: %q does not say %q", f.Fault, got.text, f.Says)
	}
	if well := strings.HasPrefix(f.Fault, "none,"); well && (got.fails || f.Kind == "" && len(got.kinds) > 0) {
		t.Errorf("%s: a finding, or a note: %s", f.Fault, got.text)
	}
}

// TestCorpus runs all faults as one check.
func TestCorpus(t *testing.T) {
	client := startCorpus(t)
	faults := readCorpus(t)
	if len(faults) < 50 {
		t.Fatalf("only %d faults", len(faults))
	}
	o := Options{Prometheus: client, ScrapeInterval: every}
	for i, f := range faults {
		if f.Alert != nil || f.Record != nil {
			o.Rules = append(o.Rules, RuleFile{
				Name: "rules.yaml", Groups: []rulefmt.RuleGroup{{Name: uidOf(i), Rules: []rulefmt.Rule{f.rule(t)}}},
			})
			continue
		}
		o.Dashboards = append(o.Dashboards, f.dashboard(t, uidOf(i)))
	}
	report, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]said{}
	for _, r := range report.Results {
		found[r.Dashboard+r.Kind+r.Choice] = said{r.Verdict, kinds(r.Why, r.Notes), r.why(), r.Fails()}
	}
	for _, r := range report.Rules {
		found[r.Group] = said{r.Verdict, kinds(r.Why, r.Notes), r.why(), r.Fails()}
	}
	for i, f := range faults {
		key := uidOf(i)
		if f.Alert == nil && f.Record == nil {
			if f.Of == "" {
				f.Of = KindTarget
			}
			key += f.Of + All
		}
		got, there := found[key]
		if !there {
			t.Errorf("%s: nothing was said of it", f.Fault)
			continue
		}
		f.check(t, got)
	}
	sum := report.Summary
	total := sum.Data + sum.Empty + sum.Error + sum.Constant + sum.Declared + sum.Duplicate + sum.Skipped
	if total != len(report.Results) {
		t.Errorf("the summary counts %d of %d results: %+v", total, len(report.Results), sum)
	}
}

func uidOf(i int) string { return "case-" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }

func kinds(why *engine.Reason, notes []Note) []string {
	var all []string
	if why != nil {
		all = append(all, why.Kind)
	}
	for _, note := range notes {
		all = append(all, note.Kind)
	}
	return all
}
