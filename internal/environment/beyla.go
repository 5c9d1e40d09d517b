package environment

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
)

// beylaPort is where Beyla serves metrics about itself, in its container.
const beylaPort = 6060

// beylaSpec is the container of Grafana Beyla, which traces what listens on the
// ports of Grafana and Prometheus. To attach to processes it has to be
// privileged and to see them: it sees LGTM's, and nothing else of this machine.
// https://grafana.com/docs/beyla/latest/setup/docker/
func beylaSpec(p Plan) docker.Spec {
	return docker.Spec{
		Image: p.Environment.Images.Beyla, Privileged: true, ProcessesOf: p.Network + "-" + lgtmName,
		Env: []string{
			fmt.Sprintf("BEYLA_OPEN_PORT=%d,%d", grafanaPort, prometheusPort),
			"BEYLA_SERVICE_NAME=grafana-lgtm",
			"BEYLA_TRACE_PRINTER=text",
			"BEYLA_INTERNAL_METRICS_EXPORTER=prometheus",
			fmt.Sprintf("BEYLA_INTERNAL_METRICS_PROMETHEUS_PORT=%d", beylaPort),
			"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
			fmt.Sprintf("OTEL_EXPORTER_OTLP_ENDPOINT=http://%s:%d", lgtmName, otlpHTTPPort),
		},
		Ports: []docker.Port{{Host: p.Internal["beylaMetrics"], Container: beylaPort}},
	}
}

// probeBeyla asks Beyla whether it has attached to a process.
func (r *recipe) probeBeyla(ctx context.Context) error {
	address := "http://" + loopback(r.plan.Internal["beylaMetrics"]) + "/internal/metrics"
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
