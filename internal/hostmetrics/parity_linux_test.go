package hostmetrics

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"

	"github.com/diorama-lab/diorama/internal/metricshape"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// machineDependent are metrics that a machine may not have: it tells no
// frequency, does not track connections, has no disk of its own, no huge pages.
var machineDependent = []string{
	"system.cpu.frequency", "system.network.conntrack.count", "system.network.conntrack.max",
	"system.disk.io", "system.disk.io_time", "system.disk.merged", "system.disk.operation_time",
	"system.disk.operations", "system.disk.pending_operations", "system.disk.weighted_io_time",
	"system.memory.linux.hugepages.limit", "system.memory.linux.hugepages.page_size",
	"system.memory.linux.hugepages.reserved",
	"system.memory.linux.hugepages.surplus", "system.memory.linux.hugepages.usage",
}

// onlyElsewhere are metrics of what simulated hosts do not have: swap, huge pages in use.
var onlyElsewhere = []string{
	"system.paging.usage", "system.paging.utilization", "system.memory.linux.hugepages.utilization",
}

// The real receiver, with every metric enabled on this machine, sends what is
// sent here of a simulated one.
func TestShapeIsTheLiveReceivers(t *testing.T) {
	got, want := shapes(Metrics(host(), everything())), live(t)
	for _, name := range machineDependent {
		if _, found := want[name]; !found {
			delete(got, name)
		}
	}
	for _, name := range onlyElsewhere {
		delete(want, name)
	}
	// While a connection is in it, the receiver has this state under two names.
	states := want["system.network.connections"].Attributes
	states["state"] = slices.DeleteFunc(states["state"], func(state string) bool { return state == "FIN_WAIT2" })
	// Which of them there are processes in is this machine's own.
	for _, s := range []map[string]metricshape.Shape{got, want} {
		s["system.processes.count"].Attributes["status"] = nil
	}
	metricshape.Compare(t, got, want)
}

// live are the shapes of what the real receiver sends.
func live(t *testing.T) map[string]metricshape.Shape {
	t.Helper()
	factory := hostmetricsreceiver.NewFactory()
	sink := new(consumertest.MetricsSink)
	set := receiver.Settings{
		ID: component.NewID(factory.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	r, err := factory.CreateMetrics(t.Context(), set, receiverConfig(t, factory), sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var found map[string]metricshape.Shape
	waittest.True(t, "system.cpu.utilization is sent, with the second scrape", func() bool {
		found = shapes(sink.AllMetrics()...)
		return found["system.cpu.utilization"].Name != ""
	})
	return found
}

// receiverConfig enables every metric that the receiver knows, and checks that
// those are the metrics known here.
func receiverConfig(t *testing.T, factory receiver.Factory) component.Config {
	t.Helper()
	config := factory.CreateDefaultConfig().(*hostmetricsreceiver.Config)
	load := func(scrapers map[string]any) {
		settings := map[string]any{"collection_interval": "100ms", "initial_delay": "0s", "scrapers": scrapers}
		if err := confmap.NewFromStringMap(settings).Unmarshal(config); err != nil {
			t.Fatal(err)
		}
	}
	scrapers := map[string]any{}
	for name := range Scrapers() {
		scrapers[name] = map[string]any{}
	}
	load(scrapers)
	for kind, scraper := range config.Scrapers {
		conf := confmap.New()
		if err := conf.Marshal(scraper); err != nil {
			t.Fatal(err)
		}
		defaults, enabled := map[string]bool{}, map[string]any{}
		for name, metric := range conf.ToStringMap()["metrics"].(map[string]any) {
			defaults[name] = metric.(map[string]any)["enabled"].(bool)
			enabled[name] = map[string]any{"enabled": true}
		}
		if known := Scrapers()[kind.String()]; !maps.Equal(known, defaults) {
			t.Errorf("scraper %s has the metrics %v, known are %v", kind,
				slices.Sorted(maps.Keys(defaults)), slices.Sorted(maps.Keys(known)))
		}
		scrapers[kind.String()] = map[string]any{"metrics": enabled}
	}
	load(scrapers)
	return config
}
