package lgtm

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/loopback"
)

// Probe asks each of the programs in LGTM that telemetry goes through: one of them
// may end while the container, and its own health check, go on. ports are those of
// this machine that are forwarded to them.
func Probe(ports v1alpha1.Ports) func(context.Context) error {
	return func(ctx context.Context) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if err := controlplane.Probe(ctx, client, loopback.HTTP(ports.Dashboards, "/api/health")); err != nil {
			return fmt.Errorf("asking Grafana: %w", err)
		}
		if err := controlplane.Probe(ctx, client, loopback.HTTP(ports.Dashboards, probePath)); err != nil {
			return fmt.Errorf("asking Prometheus: %w", err)
		}
		if err := probeOTLP(ctx, client, loopback.HTTP(ports.OTLPHTTP, "/v1/metrics")); err != nil {
			return fmt.Errorf("asking the OTLP receiver: %w", err)
		}
		if err := probeSource(ctx, client, source(ports.Dashboards, "loki")+"/loki/api/v1/labels"); err != nil {
			return fmt.Errorf("asking Loki: %w", err)
		}
		return nil
	}
}

// sourcePath is where Grafana forwards to a data source, and probePath what only
// answers while both Grafana and Prometheus do.
const (
	sourcePath = "/api/datasources/proxy/uid/"
	probePath  = sourcePath + "prometheus/api/v1/query?query=1"
)

func source(port int, uid string) string { return loopback.HTTP(port, sourcePath+uid) }

// Prometheus is the URL of LGTM's Prometheus by way of Grafana, for a kind that
// does not publish it.
func Prometheus(grafanaPort int) string { return source(grafanaPort, "prometheus") }

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
