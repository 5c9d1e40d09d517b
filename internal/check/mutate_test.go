package check

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Panels notice that what they read is missing, or are named as blind.
func TestMutate(t *testing.T) {
	o := Options{Prometheus: startCorpus(t), ScrapeInterval: every, Mutate: true,
		Dashboards: []*document.Dashboard{board(t,
			"sum by (namespace) (pod_up)", "pod_up or on () vector(0)", "100", `pod_up{pod=~"web-.+"}`,
			`node_memory_bytes{namespace!="x"}`,
		)}}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var blind []string
	for _, b := range report.Mutations.Blind {
		blind = append(blind, b.Expr)
	}
	if want := []string{"pod_up or on () vector(0)", "100"}; !slices.Equal(blind, want) {
		t.Errorf("blind are %q, want %q", blind, want)
	}
	var noticed []string
	for _, m := range report.Mutations.Mutations {
		noticed = append(noticed, fmt.Sprintf("%s %s %d/%d", m.Kind, m.Name, m.Noticed, m.Readers))
	}
	want := []string{
		"drop-metric node_memory_bytes 1/1", "drop-metric pod_up 2/3", "drop-label namespace 1/2", "drop-label pod 1/1",
	}
	if !slices.Equal(noticed, want) {
		t.Errorf("noticed %q, want %q", noticed, want)
	}
}

func TestMetrics(t *testing.T) {
	o := Options{Prometheus: startCorpus(t), ScrapeInterval: every, Metrics: true,
		Origins: map[string]Origin{"pod_up": {Metric: "pod.up", Receiver: "pods"}},
		Dashboards: []*document.Dashboard{board(t, `sum by (namespace) (pod_up{pod!="x"})`, "rate(node_memory_bytes[1m])",
			"http_requests_total", "nowhere", "a:b")},
		Rules: []RuleFile{{
			Name: "r", Groups: []rulefmt.RuleGroup{{
				Name: "g", Rules: []rulefmt.Rule{{Record: "a:b", Expr: "sum(node_memory_bytes)"}},
			}},
		}},
	}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]MetricUse{}
	for _, m := range report.Metrics.Used {
		used[m.Name] = m
	}
	if m := used["pod_up"]; m.Origin == nil || m.Origin.Receiver != "pods" || m.Type != "gauge" || !m.Available ||
		!slices.Equal(m.Labels, []string{"namespace", "pod"}) {
		t.Errorf("%+v", m)
	}
	if m := used["node_memory_bytes"]; len(m.Doubts) != 1 || m.Doubts[0].Kind != NoteGaugeRate ||
		!slices.Equal(m.Rules, []string{"a:b"}) || !slices.Equal(m.Dashboards, []string{"board"}) {
		t.Errorf("%+v", m)
	}
	if m := used["http_requests_total"]; len(m.Doubts) != 1 || m.Doubts[0].Kind != NoteRawCounter || m.Type != "counter" {
		t.Errorf("%+v", m)
	}
	if m := used["nowhere"]; m.Available || m.Origin != nil {
		t.Errorf("%+v", m)
	}
	if !used["a:b"].Recorded || !slices.Contains(report.Metrics.Unused, "path_up") ||
		slices.Contains(report.Metrics.Unused, "pod_up") {
		t.Errorf("%+v, unused %v", used["a:b"], report.Metrics.Unused)
	}
	var table bytes.Buffer
	if err := report.WriteTable(&table, true); err != nil || !strings.Contains(table.String(), "rate-of-gauge") {
		t.Errorf("%v\n%s", err, table.String())
	}
}
