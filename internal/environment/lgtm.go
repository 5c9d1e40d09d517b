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
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// probeLGTM asks each of the programs in LGTM that telemetry goes through: one
// of them may end while the container, and its own health check, go on.
func (r *recipe) probeLGTM(ctx context.Context) error {
	ports := r.plan.Environment.Ports
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if err := controlplane.Probe(ctx, client, "http://"+loopback(ports.Dashboards)+"/api/health"); err != nil {
		return fmt.Errorf("asking Grafana: %w", err)
	}
	if err := controlplane.Probe(ctx, client, "http://"+loopback(ports.Dashboards)+lgtmProbePath); err != nil {
		return fmt.Errorf("asking Prometheus: %w", err)
	}
	if err := probeOTLP(ctx, client, "http://"+loopback(ports.OTLPHTTP)+"/v1/metrics"); err != nil {
		return fmt.Errorf("asking the OTLP receiver: %w", err)
	}
	if err := probeSource(ctx, client, grafanaSource(ports.Dashboards, "loki")+"/loki/api/v1/labels"); err != nil {
		return fmt.Errorf("asking Loki: %w", err)
	}
	return nil
}

// probeOTLP sends no metrics.
func probeOTLP(ctx context.Context, client *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		return fmt.Errorf("making the probe: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	return answersBelow(client, request, http.StatusMultipleChoices)
}

// probeSource asks a data source of Grafana's that an image need not have.
func probeSource(ctx context.Context, client *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("making the probe: %w", err)
	}
	return answersBelow(client, request, http.StatusInternalServerError)
}

// answersBelow makes a request whose answer has to have a smaller status.
func answersBelow(client *http.Client, request *http.Request, status int) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= status {
		return fmt.Errorf("%s answers %s", request.URL, response.Status)
	}
	return nil
}

// sourcePath is where Grafana forwards to a data source, and lgtmProbePath
// what only answers while both Grafana and Prometheus do.
const (
	sourcePath    = "/api/datasources/proxy/uid/"
	lgtmProbePath = sourcePath + "prometheus/api/v1/query?query=1"
)

func grafanaSource(port int, uid string) string { return "http://" + loopback(port) + sourcePath + uid }

// prometheusURL is where Prometheus' API can be asked. LGTM's is not
// published, but Grafana leads to it.
func prometheusURL(p Plan) string {
	ports := p.Environment.Ports
	if p.Network == "" || p.K3d != nil || p.Environment.Backend.PublishPrometheus {
		return "http://" + loopback(ports.Prometheus)
	}
	return grafanaSource(ports.Dashboards, "prometheus")
}

// readPrometheus asks any Prometheus for what it tells of itself in its API:
// the series in its head, and the time of the newest sample.
// https://prometheus.io/docs/prometheus/latest/querying/api/#tsdb-stats
func readPrometheus(ctx context.Context, base string) (backend.Ingestion, error) {
	client := prometheus.NewClient(base)
	defer client.Close()
	var status struct {
		HeadStats struct{ NumSeries, MaxTime int64 }
	}
	if err := client.Get(ctx, "status/tsdb", url.Values{"limit": {"1"}}, &status); err != nil {
		return backend.Ingestion{}, err
	}
	head := status.HeadStats
	ingestion := backend.Ingestion{Series: head.NumSeries}
	if head.NumSeries > 0 && head.MaxTime > 0 {
		ingestion.LastSampleTime = time.UnixMilli(head.MaxTime)
	}
	return ingestion, nil
}
