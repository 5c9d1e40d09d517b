package lgtm

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
)

// TestProbe answers as Grafana does for programs in LGTM that have ended.
func TestProbe(t *testing.T) {
	const (
		grafana    = "/api/health"
		prometheus = "/api/datasources/proxy/uid/prometheus/api/v1/query"
		otlp       = "/v1/metrics"
		loki       = "/api/datasources/proxy/uid/loki/loki/api/v1/labels"
	)
	for name, test := range map[string]struct {
		status map[string]int
		want   string
	}{
		"all work":              {nil, ""},
		"an image without Loki": {map[string]int{loki: http.StatusNotFound}, ""},
		"Grafana does not":      {map[string]int{grafana: http.StatusServiceUnavailable}, "asking Grafana: "},
		"Prometheus has ended":  {map[string]int{prometheus: http.StatusBadGateway}, "asking Prometheus: "},
		"OTLP is refused":       {map[string]int{otlp: http.StatusServiceUnavailable}, "asking the OTLP receiver: "},
		"Loki has ended":        {map[string]int{loki: http.StatusBadGateway}, "asking Loki: "},
		"two have ended": {
			map[string]int{prometheus: http.StatusBadGateway, loki: http.StatusBadGateway}, "asking Prometheus: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(max(test.status[r.URL.Path], http.StatusOK))
			}))
			defer server.Close()
			_, text, err := net.SplitHostPort(server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			port, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			err = Probe(v1alpha1.Ports{Dashboards: port, OTLPHTTP: port})(t.Context())
			said := err != nil && test.want != "" && strings.HasPrefix(err.Error(), test.want)
			if !said && (err != nil || test.want != "") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
