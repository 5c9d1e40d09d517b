// Package beyla is Grafana Beyla, which traces the programs of LGTM.
package beyla

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/loopback"
)

// metricsPort is where Beyla serves metrics about itself, in its container.
const metricsPort = 6060

// Container is Beyla's, which traces what listens on the ports of Grafana and
// Prometheus. To attach to processes it has to be privileged and to see them: it
// sees those of the container traced, LGTM's, and nothing else of this machine.
// metrics is the port of this machine for its own metrics.
// https://grafana.com/docs/beyla/latest/setup/docker/
func Container(image, traced string, metrics int) docker.Spec {
	return docker.Spec{
		Image: image, Privileged: true, ProcessesOf: traced,
		Env: []string{
			fmt.Sprintf("BEYLA_OPEN_PORT=%d,%d", lgtm.GrafanaPort, lgtm.PrometheusPort),
			"BEYLA_SERVICE_NAME=grafana-lgtm",
			"BEYLA_TRACE_PRINTER=text",
			"BEYLA_INTERNAL_METRICS_EXPORTER=prometheus",
			fmt.Sprintf("BEYLA_INTERNAL_METRICS_PROMETHEUS_PORT=%d", metricsPort),
			"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
			"OTEL_EXPORTER_OTLP_ENDPOINT=" + lgtm.OTLP(),
		},
		Ports: []docker.Port{{Host: metrics, Container: metricsPort}},
	}
}

// Probe asks Beyla whether it has attached to a process.
func Probe(metrics int) func(context.Context) error {
	return func(ctx context.Context) error { return probe(ctx, loopback.HTTP(metrics, "/internal/metrics")) }
}

func probe(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("making the probe: %w", err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	return attached(response.Body)
}

// attached reads Beyla's metrics about itself.
func attached(metrics io.Reader) error {
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		sample, found := strings.CutPrefix(lines.Text(), "beyla_instrumented_processes{")
		if !found {
			continue
		}
		value := sample[strings.LastIndex(sample, " ")+1:]
		if n, err := strconv.ParseFloat(value, 64); err == nil && n > 0 {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the metrics of Beyla: %w", err)
	}
	return errors.New("no process of LGTM is instrumented yet")
}
