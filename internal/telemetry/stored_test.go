package telemetry

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// What the status asks a store for is PromQL, and has an answer for each of
// its figures.
func TestStoredFlow(t *testing.T) {
	const scraped = `otelcol_scraper_scraped_metric_points_total{job="otelcol-nodes",receiver="kubeletstats",scraper="s"`
	store := promqltest.LoadedStorage(t, `load 10s
		otelcol_exporter_sent_metric_points_total{job="otelcol-nodes",exporter="e"} 0+50x60
		otelcol_exporter_sent_metric_points_total{job="opentelemetry-collector",exporter="of LGTM"} 0+50x60
		otelcol_exporter_sent_log_records_total{job="otelcol-cluster",exporter="e"} 7x60
		otelcol_scraper_errored_metric_points_total{job="otelcol-nodes",receiver="kubeletstats",scraper="s"} 2x60
		otelcol_exporter_send_failed_metric_points_total{job="otelcol-nodes",exporter="e"} 3x60
		otelcol_receiver_refused_log_records_total{job="otelcol-cluster",receiver="r"} 4x60
		`+scraped+`,service_instance_id="n1"} 0+5x60
		`+scraped+`,service_instance_id="gone"} 0+5x40`)
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	query, err := engine.NewInstantQuery(t.Context(), store, nil, storedFlow, time.Unix(600, 0))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := query.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"rate": 5, "events": 7, "errored": 2, "lost": 7, "scraped": 300}
	for _, s := range answer {
		if what := s.Metric.Get("what"); s.F != want[what] {
			t.Errorf("%s is %v of %s, want %v", what, s.F, s.Metric, want[what])
		}
	}
	if len(answer) != len(want) {
		t.Errorf("the store answers %v", answer)
	}
}
