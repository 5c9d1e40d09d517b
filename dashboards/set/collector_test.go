package set

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// A collectorCase is what one version of a collector says of itself, a sample
// each 10 s, and what a panel of the dashboard shows of it.
type collectorCase struct {
	about, panel, series string
	// want is the value for the collector c of the cluster a.
	want float64
}

func collectorCases() []collectorCase {
	const podless, failing, known = "Resources without a pod", "Failing scrapers", "Pods known"
	association := func(status, identifier, points string) string {
		tags := labelled(`otelcol_signal="metrics",status="` + status + `"` + identifier)
		return "\notelcol_k8s_pod_association_total" + tags + " " + points
	}
	scraper := func(receiver, scraped, errored string) string {
		tags := labelled(`receiver="` + receiver + `",scraper="s"`)
		return "\notelcol_scraper_scraped_metric_points_total" + tags + " " + scraped +
			"\notelcol_scraper_errored_metric_points_total" + tags + " " + errored
	}
	return []collectorCase{
		{
			"contrib 0.149: a series a pod", podless,
			association("error", `,pod_identifier="unknown"`, "0+20x60") +
				association("error", `,pod_identifier="uid-1"`, "0+10x60") +
				association("error", `,pod_identifier="uid-2"`, "0+10x60") +
				association("success", `,pod_identifier="uid-3"`, "0+10x60"), 4,
		},
		{
			"contrib 0.158: a series for each kind of identifier", podless,
			association("error", `,pod_identifier=""`, "0+20x60") +
				association("error", `,pod_identifier="resource_attribute/k8s.pod.uid"`, "0+20x60") +
				association("success", `,pod_identifier="resource_attribute/k8s.pod.uid"`, "0+10x60"), 4,
		},
		{
			"diorama's: without the label", podless,
			association("error", "", "0+40x60") + association("success", "", "0+10x60"), 4,
		},
		{"no scraper fails", failing, scraper("a", "0+5x60", "0x60") + scraper("b", "0+5x60", "0x60"), 0},
		{
			"one cannot read something, one reads nothing", failing,
			scraper("a", "0+5x60", "0+1x60") + scraper("b", "7x60", "0x60") + scraper("c", "0+5x60", "0x60"), 2,
		},
		{"until 0.159", known, "\notelcol_otelsvc_k8s_pod_table_size_ratio" + labelled("") + " 12x60", 12},
		{"from 0.160 on", known, "\notelcol_k8s_watcher_pod_cache_size_ratio" + labelled("") + " 12x60", 12},
	}
}

func labelled(more string) string {
	return `{k8s_cluster_name="a",service_name="c",service_instance_id="i",` + more + "}"
}

// The panels show the same, whatever version a collector is of.
func TestCollectorPanels(t *testing.T) {
	exprs := map[string]string{}
	eachPanel(t, func(_ *testing.T, d dashboard.Dashboard, p dashboard.Panel) {
		if *d.Uid == "diorama-collector" {
			exprs[*p.Title] = p.Targets[0].(prometheus.Dataquery).Expr
		}
	})
	for _, c := range collectorCases() {
		t.Run(c.panel+"/"+c.about, func(t *testing.T) {
			store := promqltest.LoadedStorage(t, "load 10s"+c.series)
			engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
			expr := strings.NewReplacer("$cluster", "a", "$collector", "c", "$__rate_interval", "1m").Replace(exprs[c.panel])
			query, err := engine.NewInstantQuery(t.Context(), store, nil, expr, time.Unix(500, 0))
			if err != nil {
				t.Fatal(err)
			}
			got, err := query.Exec(t.Context()).Vector()
			if err != nil {
				t.Fatalf("%s: %v", expr, err)
			}
			if len(got) != 1 || math.Abs(got[0].F-c.want) > 1e-9 {
				t.Errorf("%s gives %s, want %g", expr, got, c.want)
			}
		})
	}
}
