package collector

import (
	"strings"
	"testing"
)

func TestParsePassed(t *testing.T) {
	const page = `# TYPE otelcol_receiver_accepted_metric_points_total counter
otelcol_receiver_accepted_metric_points_total{receiver="otlp",transport="http"} 900
otelcol_receiver_accepted_metric_points_total{receiver="otlp",transport="grpc"} 100
otelcol_receiver_accepted_metric_points_total{receiver="prometheus/collector",transport="http"} 250
# TYPE otelcol_exporter_sent_metric_points_total counter
otelcol_exporter_sent_metric_points_total{exporter="otlp_http/metrics"} 1200
# TYPE otelcol_exporter_send_failed_metric_points_total counter
otelcol_exporter_send_failed_metric_points_total{exporter="otlp_http/metrics"} 30
# TYPE otelcol_exporter_enqueue_failed_metric_points_total counter
otelcol_exporter_enqueue_failed_metric_points_total{exporter="otlp_http/metrics"} 10
`
	for name, text := range map[string]string{"with _total": page, "without": strings.ReplaceAll(page, "_total", "")} {
		got, err := parsePassed(strings.NewReader(text))
		if want := (Passed{AcceptedOTLP: 1000, Accepted: 1250, Sent: 1200, Failed: 40}); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
	if _, err := parsePassed(strings.NewReader("<html>")); err == nil {
		t.Error("a page of something else is read")
	}
}

func TestRelay(t *testing.T) {
	// Half of what these collectors take is their own.
	counts := func(otlp, sent, failed uint64) Passed {
		return Passed{AcceptedOTLP: otlp, Accepted: 2 * otlp, Sent: sent, Failed: failed}
	}
	for name, test := range map[string]struct {
		noted []Passed
		want  uint64
	}{
		"nothing yet":         {nil, 0},
		"all goes on":         {[]Passed{counts(100, 200, 0), counts(200, 390, 0), counts(300, 590, 0)}, 0},
		"waits for the store": {[]Passed{counts(100, 200, 0), counts(200, 200, 0), counts(900, 200, 0)}, 0},
		"the store came back": {[]Passed{counts(100, 200, 0), counts(900, 200, 0), counts(910, 1800, 0)}, 0},
		"ended while it waited": {
			[]Passed{counts(100, 200, 0), counts(200, 200, 0), counts(900, 200, 0), counts(5, 0, 0)}, 800,
		},
		"ended, and goes on": {
			[]Passed{counts(100, 200, 0), counts(900, 200, 0), counts(5, 10, 0), counts(900, 1800, 0)}, 800,
		},
		"ended while all went on": {[]Passed{counts(100, 180, 0), counts(200, 380, 0), counts(5, 0, 0)}, 0},
		"gave up":                 {[]Passed{counts(100, 200, 0), counts(200, 200, 80), counts(300, 400, 80)}, 40},
		"gave up, then ended":     {[]Passed{counts(100, 200, 0), counts(200, 200, 80), counts(5, 0, 0)}, 100},
		"ended twice": {
			[]Passed{counts(100, 200, 0), counts(200, 200, 0), counts(50, 0, 0), counts(10, 0, 0)}, 150,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var r Relay
			for _, p := range test.noted {
				r.Note(p)
			}
			if got := r.Lost(); got != test.want {
				t.Errorf("%d are lost, want %d", got, test.want)
			}
		})
	}
}
