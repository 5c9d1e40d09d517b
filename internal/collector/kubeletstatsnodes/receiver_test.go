package kubeletstatsnodes

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
	"github.com/diorama-lab/diorama/internal/collector/simulatednodes/nodestest"
)

func summary(w http.ResponseWriter, _ *http.Request, node string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"node":{"nodeName":%q,"startTime":"2026-01-01T00:00:00Z",
		"cpu":{"time":"2026-01-01T00:01:00Z",
			"usageNanoCores":250000000,"usageCoreNanoSeconds":15000000000}},"pods":[]}`, node)
}

// start runs a receiver of the kubelets' nodes that scrapes every interval.
func start(
	t testing.TB, k *nodestest.Kubelets, next consumer.Metrics, interval time.Duration,
) (*nodestest.Source, *componenttest.Telemetry) {
	t.Helper()
	telemetry, source := componenttest.NewTelemetry(), nodestest.NewSource()
	factory := newFactory(source)
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(map[string]any{
		"auth_type": "kubeConfig", "endpoint": k.URL,
		"kubeletstats": map[string]any{
			"auth_type": "tls", "ca_file": k.CA, "cert_file": k.Cert, "key_file": k.Key,
			"collection_interval": interval.String(),
		},
	}).Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	if err := xconfmap.Validate(config); err != nil {
		t.Fatal(err)
	}
	set := receiver.Settings{ID: component.NewID(Type()), TelemetrySettings: telemetry.NewTelemetrySettings()}
	r, err := factory.CreateMetrics(t.Context(), set, config, next)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		_ = telemetry.Shutdown(context.Background())
	})
	return source, telemetry
}

func TestNodesComeAndGo(t *testing.T) {
	k := nodestest.NewKubelets(t, "stats/summary", summary)
	sink := new(consumertest.MetricsSink)
	source, telemetry := start(t, k, sink, 20*time.Millisecond)
	source.Add("node-a", "node-b")
	nodestest.Eventually(t, "both nodes have metrics", func() bool {
		nodes := nodestest.Nodes(sink.AllMetrics())
		return nodes["node-a"] && nodes["node-b"]
	})
	source.Remove("node-a")
	source.Add("node-c")
	// The scrape that was under way may still be counted: take the number
	// once c has been scraped.
	nodestest.Eventually(t, "the new node is scraped", func() bool { return k.Requests("node-c") > 1 })
	before, others := k.Requests("node-a"), k.Requests("node-b")
	nodestest.Eventually(t, "the other node is scraped on", func() bool { return k.Requests("node-b") > others+5 })
	if after := k.Requests("node-a"); after > before+1 {
		t.Errorf("the node that went is still scraped: %d, then %d requests", before, after)
	}
	for _, name := range []string{"otelcol_receiver_accepted_metric_points", "otelcol_scraper_scraped_metric_points"} {
		if points := nodestest.SelfMetric(telemetry, name); len(points) != 1 || points[0].Value == 0 {
			t.Errorf("%s: got %v, want one series for all nodes", name, points)
		}
	}
	if failed := nodestest.Outcomes(telemetry, simulatednodes.ScrapesMetric, simulatednodes.OutcomeFailure); failed != 0 {
		t.Errorf("%d scrapes failed", failed)
	}
}

func TestUnreachableKubeletIsCounted(t *testing.T) {
	k := nodestest.NewKubelets(t, "stats/summary", summary)
	sink := new(consumertest.MetricsSink)
	source, telemetry := start(t, k, sink, 20*time.Millisecond)
	k.Close()
	source.Add("node-a")
	nodestest.Eventually(t, "failures are counted", func() bool {
		return nodestest.Outcomes(telemetry, simulatednodes.ScrapesMetric, simulatednodes.OutcomeFailure) > 2
	})
	if len(sink.AllMetrics()) > 0 {
		t.Error("a failed scrape handed something on")
	}
}

func TestConfig(t *testing.T) {
	const address = "https://localhost:10250"
	of := func(kubeletstats map[string]any) map[string]any {
		return map[string]any{"endpoint": address, "kubeletstats": kubeletstats}
	}
	utilization := map[string]any{"k8s.pod.cpu.node.utilization": map[string]any{"enabled": true}}
	for about, c := range map[string]struct {
		settings map[string]any
		fails    bool
	}{
		"defaults":           {map[string]any{"endpoint": address}, false},
		"node utilization":   {of(map[string]any{"metrics": utilization}), false},
		"no endpoint":        {map[string]any{}, true},
		"endpoint inside":    {of(map[string]any{"endpoint": "x"}), true},
		"node inside":        {of(map[string]any{"node": "x"}), true},
		"unknown key inside": {of(map[string]any{"intervall": "1s"}), true},
		"unknown auth_type":  {map[string]any{"endpoint": address, "auth_type": "magic"}, true},
	} {
		t.Run(about, func(t *testing.T) {
			config := NewFactory().CreateDefaultConfig()
			err := confmap.NewFromStringMap(c.settings).Unmarshal(config)
			if err == nil {
				err = xconfmap.Validate(config)
			}
			if (err != nil) != c.fails {
				t.Fatalf("got %v", err)
			}
			if err == nil && len(config.(*Config).Kubeletstats.MetricGroupsToCollect) != 3 {
				t.Errorf("got groups %v, want kubeletstats' defaults", config.(*Config).Kubeletstats.MetricGroupsToCollect)
			}
		})
	}
}
