package collector

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
)

const selfMetricsPage = `# HELP otelcol_exporter_send_failed_metric_points Number of metric points in failed attempts.
# TYPE otelcol_exporter_send_failed_metric_points counter
otelcol_exporter_send_failed_metric_points{exporter="otlp_http/backend"} 7
# TYPE otelcol_exporter_enqueue_failed_log_records counter
otelcol_exporter_enqueue_failed_log_records{exporter="otlp_http/backend"} 2
# TYPE otelcol_exporter_sent_metric_points counter
otelcol_exporter_sent_metric_points{exporter="otlp_http/backend"} 1e+06
otelcol_exporter_sent_metric_points{exporter="prometheus"} 1e+06
# TYPE otelcol_receiver_accepted_metric_points counter
otelcol_receiver_accepted_metric_points{receiver="kubeletstats",transport=""} 999999
# TYPE otelcol_receiver_refused_metric_points counter
otelcol_receiver_refused_metric_points{receiver="kubeletstats",transport=""} 3
# TYPE otelcol_scraper_errored_metric_points counter
otelcol_scraper_errored_metric_points{receiver="kubeletstats",scraper="kubeletstats"} 1
# TYPE otelcol_scraper_scraped_metric_points counter
otelcol_scraper_scraped_metric_points{receiver="kubeletstats/a",scraper="kubeletstats"} 70
otelcol_scraper_scraped_metric_points{receiver="kubeletstats/b",scraper="kubeletstats"} 0
# TYPE otelcol_node_scrapes_total counter
otelcol_node_scrapes_total{outcome="failure",receiver="kubeletstats_nodes"} 4
otelcol_node_scrapes_total{outcome="failure",receiver="simulated_hostmetrics"} 1
otelcol_node_scrapes_total{outcome="success",receiver="kubeletstats_nodes"} 95
# TYPE otelcol_nodes_followed gauge
otelcol_nodes_followed{receiver="kubeletstats_nodes"} 10
otelcol_nodes_followed{receiver="simulated_hostmetrics"} 9
# TYPE otelcol_process_uptime counter
otelcol_process_uptime 12.5
`

func TestReadHealth(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics":
			_, _ = w.Write([]byte(selfMetricsPage))
		case "/garbled":
			_, _ = w.Write([]byte("<html>"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	got, err := ReadHealth(t.Context(), server.URL+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	want := Health{
		UptimeSeconds: 12.5, NodesFollowed: 9, MostNodesFollowed: 10,
		Scrapes: 100, FailedScrapes: 5, ErroredPoints: 1, AcceptedPoints: 999999,
		RefusedPoints: 3, SentPoints: 2000000, SendFailedPoints: 7, EnqueueFailedPoints: 2,
		Scraped: map[string]uint64{"kubeletstats/a kubeletstats": 70, "kubeletstats/b kubeletstats": 0},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.LostPoints() != 12 {
		t.Errorf("lost points: got %d, want 12", got.LostPoints())
	}
	for _, path := range []string{"/garbled", "/nothing"} {
		if _, err := ReadHealth(t.Context(), server.URL+path); err == nil {
			t.Errorf("%s was taken for a page of metrics", path)
		}
	}
}
