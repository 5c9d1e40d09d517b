package simulatedhostmetrics

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
	"github.com/diorama-lab/diorama/internal/collector/simulatednodes/nodestest"
)

func hostMetrics(w http.ResponseWriter, _ *http.Request, node string) {
	switch node {
	case "gone":
		http.Error(w, "There is no such node.", http.StatusNotFound)
		return
	case "garbled":
		_, _ = w.Write([]byte("not protobuf"))
		return
	}
	md := pmetric.NewMetrics()
	resource := md.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("k8s.node.name", node)
	m := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("system.cpu.load_average.1m")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(0.5)
	body, _ := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	_, _ = w.Write(body)
}

func start(
	t *testing.T, k *nodestest.Kubelets, more map[string]any,
) (*nodestest.Source, *componenttest.Telemetry, *consumertest.MetricsSink) {
	t.Helper()
	telemetry, source, sink := componenttest.NewTelemetry(), nodestest.NewSource(), new(consumertest.MetricsSink)
	factory := newFactory(source)
	config := factory.CreateDefaultConfig()
	settings := map[string]any{
		"auth_type": "kubeConfig", "endpoint": k.URL, "collection_interval": "20ms", "timeout": "30s",
		"tls": map[string]any{"ca_file": k.CA, "cert_file": k.Cert, "key_file": k.Key},
	}
	maps.Copy(settings, more)
	if err := confmap.NewFromStringMap(settings).Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	if err := xconfmap.Validate(config); err != nil {
		t.Fatal(err)
	}
	set := receiver.Settings{ID: component.NewID(Type()), TelemetrySettings: telemetry.NewTelemetrySettings()}
	r, err := factory.CreateMetrics(t.Context(), set, config, sink)
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
	return source, telemetry, sink
}

func TestNodesComeAndGo(t *testing.T) {
	k := nodestest.NewKubelets(t, "hostmetrics", hostMetrics)
	source, telemetry, sink := start(t, k, nil)
	source.Add("node-a", "node-b")
	nodestest.Eventually(t, "both nodes have metrics", func() bool {
		nodes := nodestest.Nodes(sink.AllMetrics())
		return nodes["node-a"] && nodes["node-b"]
	})
	source.Remove("node-a")
	others := k.Requests("node-b")
	nodestest.Eventually(t, "a scrape that was under way is over", func() bool { return k.Requests("node-b") > others+2 })
	before, others := k.Requests("node-a"), k.Requests("node-b")
	nodestest.Eventually(t, "the other node is scraped on", func() bool { return k.Requests("node-b") > others+5 })
	if after := k.Requests("node-a"); after > before+1 {
		t.Errorf("the node that went is still scraped: %d, then %d requests", before, after)
	}
	points := nodestest.SelfMetric(telemetry, "otelcol_receiver_accepted_metric_points")
	if len(points) != 1 || points[0].Value == 0 {
		t.Errorf("accepted points: got %v, want one series for all nodes", points)
	}
}

func TestFailuresAreCounted(t *testing.T) {
	for _, node := range []string{"gone", "garbled", "unreachable"} {
		t.Run(node, func(t *testing.T) {
			k := nodestest.NewKubelets(t, "hostmetrics", hostMetrics)
			source, telemetry, sink := start(t, k, nil)
			if node == "unreachable" {
				k.Close()
			}
			source.Add(node)
			nodestest.Eventually(t, "failures are counted", func() bool {
				return nodestest.Outcomes(telemetry, simulatednodes.ScrapesMetric, simulatednodes.OutcomeFailure) > 2
			})
			if len(sink.AllMetrics()) > 0 {
				t.Error("a failed scrape handed something on")
			}
		})
	}
}

func TestScrapersAreRead(t *testing.T) {
	for about, c := range map[string]struct {
		scrapers map[string]any
		want     string // the metrics that are asked for, or what the refusal says
	}{
		"none": {nil, ""},
		"defaults": {
			map[string]any{"load": nil, "processes": map[string]any{}},
			"system.cpu.load_average.15m,system.cpu.load_average.1m,system.cpu.load_average.5m," +
				"system.processes.count,system.processes.created",
		},
		"on and off": {
			map[string]any{"cpu": metrics("system.cpu.utilization", true, "system.cpu.time", false)},
			"system.cpu.utilization",
		},
		"unknown scraper": {map[string]any{"process": nil}, "process"},
		"unknown metric":  {map[string]any{"cpu": metrics("system.cpu.heat", true)}, "system.cpu.heat"},
		"nothing enabled": {
			map[string]any{"processes": metrics("system.processes.count", false, "system.processes.created", false)},
			"no metric is enabled",
		},
		"unsupported part": {map[string]any{"disk": map[string]any{"include": map[string]any{}}}, "include"},
	} {
		t.Run(about, func(t *testing.T) {
			config := newFactory(nil).CreateDefaultConfig().(*Config)
			given := map[string]any{"endpoint": "https://localhost:1", "scrapers": c.scrapers}
			err := confmap.NewFromStringMap(given).Unmarshal(config)
			if err == nil {
				err = xconfmap.Validate(config)
			}
			if err != nil {
				if c.want == "" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			if selected, err := config.selection(); err != nil || selected.String() != c.want {
				t.Errorf("selects %q, %v; want %q", selected, err, c.want)
			}
		})
	}
}

// metrics is a scraper's configuration, given names and whether they are enabled.
func metrics(settings ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(settings); i += 2 {
		out[settings[i].(string)] = map[string]any{"enabled": settings[i+1]}
	}
	return map[string]any{"metrics": out}
}

// The selection reaches the kubelets.
func TestSelectionIsAskedFor(t *testing.T) {
	asked := make(chan string, 100)
	k := nodestest.NewKubelets(t, "hostmetrics", func(w http.ResponseWriter, r *http.Request, node string) {
		select {
		case asked <- r.URL.Query().Get("metrics"):
		default:
		}
		hostMetrics(w, r, node)
	})
	source, _, _ := start(t, k, map[string]any{"scrapers": map[string]any{"processes": nil}})
	source.Add("node-a")
	if got := <-asked; got != "system.processes.count,system.processes.created" {
		t.Errorf("asked for %q", got)
	}
}
