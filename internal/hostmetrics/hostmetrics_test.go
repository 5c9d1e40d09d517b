package hostmetrics

import (
	"reflect"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

func host() Host {
	const boot = int64(1795426800) * 1e9
	return Host{
		Name: "node-1", Boot: boot, At: boot + 3600e9, CPUs: 4, Busy: 4000e9,
		Load:        Load{1.1, 1.2, 1.3},
		Memory:      Memory{Total: 16 << 30, Used: 4 << 30, Cached: 2 << 30},
		Filesystem:  Filesystem{Total: 100 << 30, Used: 20 << 30, Available: 75 << 30, Inodes: 6553600, InodesUsed: 400000},
		Disk:        Disk{ReadBytes: 1 << 30, WriteBytes: 2 << 30},
		Interfaces:  []Interface{{"lo", 1000, 1000}, {"eth0", 5 << 20, 7 << 20}},
		Connections: Connections{Established: 10, Listen: 3, TimeWait: 2},
		Rate:        1.5, Faults: Faults{All: 5000, Major: 10}, Processes: 150,
	}
}

// each calls f for every metric.
func each(m pmetric.Metrics, f func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric)) {
	for _, rm := range m.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, metric := range sm.Metrics().All() {
				f(rm, sm, metric)
			}
		}
	}
}

func pointsOf(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeSum {
		return m.Sum().DataPoints()
	}
	return m.Gauge().DataPoints()
}

func TestResource(t *testing.T) {
	each(Metrics(host(), nil), func(rm pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, m pmetric.Metric) {
		want := map[string]any{"host.name": "node-1", "k8s.node.name": "node-1", "os.type": "linux"}
		if got := rm.Resource().Attributes().AsRaw(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: resource %v", m.Name(), got)
		}
		for _, p := range pointsOf(m).All() {
			if int64(p.Timestamp()) != host().At || int64(p.StartTimestamp()) != host().Boot {
				t.Errorf("%s: from %d to %d", m.Name(), p.StartTimestamp(), p.Timestamp())
			}
		}
	})
}

// byState sums the points of a metric by their state.
func byState(m pmetric.Metrics, name string) map[string]float64 {
	out := map[string]float64{}
	each(m, func(_ pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, metric pmetric.Metric) {
		if metric.Name() != name {
			return
		}
		for _, p := range pointsOf(metric).All() {
			state, _ := p.Attributes().Get("state")
			if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
				out[state.Str()] += p.DoubleValue()
			} else {
				out[state.Str()] += float64(p.IntValue())
			}
		}
	})
	return out
}

func TestAccounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := host()
		h.CPUs = rapid.IntRange(1, 128).Draw(t, "cpus")
		h.At = h.Boot + rapid.Int64Range(1e9, 1e17).Draw(t, "uptime")
		uptime := float64(h.At-h.Boot) / 1e9
		// Up to 95%: what imbalance leaves room for.
		h.Busy = uint64(uptime * 1e9 * float64(h.CPUs) * rapid.Float64Range(0, 0.95).Draw(t, "share"))
		h.Memory.Used = rapid.Uint64Range(0, 32<<30).Draw(t, "used")
		h.Memory.Cached = rapid.Uint64Range(0, 32<<30).Draw(t, "cached")
		m := Metrics(h, everything())

		cpu := byState(m, "system.cpu.time")
		idle := cpu["idle"]
		delete(cpu, "idle")
		var busy float64
		for _, v := range cpu {
			busy += v
		}
		if want := float64(h.Busy) / 1e9; !near(busy, want) {
			t.Fatalf("not idle for %v s, want %v", busy, want)
		}
		if want := uptime * float64(h.CPUs); !near(busy+idle, want) || idle < 0 {
			t.Fatalf("%v s in all states, want %v", busy+idle, want)
		}
		var memory float64
		for state, v := range byState(m, "system.memory.usage") {
			if v < 0 {
				t.Fatalf("%v bytes %s", v, state)
			}
			memory += v
		}
		if memory != float64(h.Memory.Total) {
			t.Fatalf("states of memory sum up to %v of %v", memory, h.Memory.Total)
		}
		var disk float64
		for _, v := range byState(m, "system.filesystem.usage") {
			disk += v
		}
		if disk != float64(h.Filesystem.Total) {
			t.Fatalf("states of the file system sum up to %v", disk)
		}
	})
}

func near(a, b float64) bool { return a-b < 1e-6*(1+b) && b-a < 1e-6*(1+b) }

// A clock before boot and a node that claims more than it has give no negative numbers.
func TestNothingIsNegative(t *testing.T) {
	for name, change := range map[string]func(*Host){
		"before boot":   func(h *Host) { h.At = h.Boot - 1e12 },
		"overcommitted": func(h *Host) { h.Busy = 1 << 62 },
		"zero":          func(h *Host) { *h = Host{Name: h.Name} },
	} {
		h := host()
		change(&h)
		each(Metrics(h, everything()), func(_ pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, m pmetric.Metric) {
			for _, p := range pointsOf(m).All() {
				if p.DoubleValue() < 0 || p.IntValue() < 0 {
					t.Errorf("%s: %s is negative", name, m.Name())
				}
			}
		})
	}
}
