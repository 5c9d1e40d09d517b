package environment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/dashboard"
)

// probeLGTM asks Grafana, Prometheus through Grafana, and the OTLP receiver.
func (r *recipe) probeLGTM(ctx context.Context) error {
	ports := r.plan.Environment.Ports
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if err := controlplane.Probe(ctx, client, "http://"+loopback(ports.Dashboards)+"/api/health"); err != nil {
		return err
	}
	if err := controlplane.Probe(ctx, client, prometheusURL(r.plan)+"/api/v1/query?query=1"); err != nil {
		return err
	}
	address := "http://" + loopback(ports.OTLPHTTP) + "/v1/metrics"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		return fmt.Errorf("making the probe: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	return nil
}

// prometheusURL is where Prometheus' API can be asked. LGTM's is not
// published, but Grafana leads to it.
func prometheusURL(p Plan) string {
	ports := p.Environment.Ports
	if p.Network == "" || p.K3d != nil || p.Environment.Backend.PublishPrometheus {
		return "http://" + loopback(ports.Prometheus)
	}
	return "http://" + loopback(ports.Dashboards) + "/api/datasources/proxy/uid/prometheus"
}

// readPrometheus asks any Prometheus for what it tells of itself in its API:
// the series in its head, and the time of the newest sample.
// https://prometheus.io/docs/prometheus/latest/querying/api/#tsdb-stats
func readPrometheus(ctx context.Context, base string) (backend.Ingestion, error) {
	prometheus := dashboard.NewClient(base)
	defer prometheus.Close()
	var status struct {
		HeadStats struct{ NumSeries, MaxTime int64 }
	}
	if err := prometheus.Get(ctx, "status/tsdb", url.Values{"limit": {"1"}}, &status); err != nil {
		return backend.Ingestion{}, err
	}
	head := status.HeadStats
	ingestion := backend.Ingestion{Series: head.NumSeries}
	if head.NumSeries > 0 && head.MaxTime > 0 {
		ingestion.LastSampleTime = time.UnixMilli(head.MaxTime)
	}
	return ingestion, nil
}
