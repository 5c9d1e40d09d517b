// Package hostmetrics says about a simulated node what the OpenTelemetry
// Collector's hostmetrics receiver (contrib, version Version) says about a real one: the metrics
// of its cpu, load, memory, disk, filesystem, network, paging and processes
// scrapers, with their names, units, types, attributes and scopes.
//
// The numbers follow from the node's usage: CPU time that is not idle is what
// pods and node services used.
package hostmetrics

import (
	"math"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Version is that of the receiver whose output this is.
const Version = "0.149.0"

const (
	scopePrefix = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/" +
		"internal/scraper/"
	schemaURL = "https://opentelemetry.io/schemas/1.9.0"
)

// Host is one node at one instant. Sizes are bytes, instants Unix nanoseconds.
type Host struct {
	Name string // of the node; also its host name
	OS   string // os.type, linux if empty
	Boot int64  // where counters begin
	At   int64

	CPUs int
	Busy uint64  // core-nanoseconds since boot in which CPUs were not idle
	Rate float64 // CPUs that are not idle now
	Load Load

	Memory      Memory
	Filesystem  Filesystem
	Disk        Disk
	Interfaces  []Interface
	Connections Connections
	Faults      Faults
	Processes   uint64
}

// Load is how many threads ran or waited, averaged over so many minutes.
type Load struct{ One, Five, Fifteen float64 }

// Memory of a host. Cached is page cache on top of what the kernel itself keeps.
type Memory struct{ Total, Used, Cached uint64 }

// Filesystem is the root file system; what is neither used nor available is reserved.
type Filesystem struct{ Total, Used, Available, Inodes, InodesUsed uint64 }

// Disk has what was transferred since boot.
type Disk struct{ ReadBytes, WriteBytes uint64 }

// Interface has what a network interface carried since boot.
type Interface struct {
	Name             string
	RxBytes, TxBytes uint64
}

// Connections counts TCP connections by state; other states have none.
type Connections struct{ Established, Listen, TimeWait int64 }

// Faults are the page faults since boot; major ones read from disk.
type Faults struct{ All, Major uint64 }

// Metrics returns what the receiver would send at h.At.
func Metrics(h Host, selection Selection) pmetric.Metrics {
	out := pmetric.NewMetrics()
	b := &builder{
		out: out, host: h, at: pcommon.Timestamp(h.At), boot: pcommon.Timestamp(h.Boot),
		selection: selection, unselected: pmetric.NewMetricSlice(),
	}
	b.cpu()
	b.load()
	b.memory()
	b.disk()
	b.filesystem()
	b.network()
	if selection != nil {
		b.paging()
		b.processes()
		out.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
			return rm.ScopeMetrics().At(0).Metrics().Len() == 0
		})
	}
	return out
}

// builder appends one scraper after the other, each with a resource of its own
// as the receiver's are.
type builder struct {
	out      pmetric.Metrics
	host     Host
	at, boot pcommon.Timestamp
	metrics  pmetric.MetricSlice // of the current scraper

	selection  Selection
	unselected pmetric.MetricSlice // what nobody wants
}

func (b *builder) scraper(name string) {
	rm := b.out.ResourceMetrics().AppendEmpty()
	rm.SetSchemaUrl(schemaURL)
	attributes := rm.Resource().Attributes()
	attributes.PutStr("host.name", b.host.Name)
	attributes.PutStr("k8s.node.name", b.host.Name)
	osType := b.host.OS
	if osType == "" {
		osType = "linux"
	}
	attributes.PutStr("os.type", osType)
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(scopePrefix + name)
	sm.Scope().SetVersion(Version)
	b.metrics = sm.Metrics()
}

// points are the data points of one metric.
type points struct {
	*builder
	slice pmetric.NumberDataPointSlice
}

func (b *builder) metric(name, unit, description string) pmetric.Metric {
	into := b.metrics
	if b.selection != nil && !b.selection[name] {
		into = b.unselected
	}
	m := into.AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	m.SetDescription(description)
	return m
}

func (b *builder) sum(monotonic bool, name, unit, description string) points {
	s := b.metric(name, unit, description).SetEmptySum()
	s.SetIsMonotonic(monotonic)
	s.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return points{b, s.DataPoints()}
}

func (b *builder) gauge(name, unit, description string) points {
	return points{b, b.metric(name, unit, description).SetEmptyGauge().DataPoints()}
}

// add appends a point whose attributes are given as keys and values in turn.
func (p points) add(attributes ...string) pmetric.NumberDataPoint {
	d := p.slice.AppendEmpty()
	d.SetStartTimestamp(p.boot)
	d.SetTimestamp(p.at)
	d.Attributes().EnsureCapacity(len(attributes) / 2)
	for i := 0; i+1 < len(attributes); i += 2 {
		d.Attributes().PutStr(attributes[i], attributes[i+1])
	}
	return d
}

func (p points) int(v uint64, attributes ...string) {
	p.add(attributes...).SetIntValue(int64(min(v, math.MaxInt64)))
}

func (p points) float(v float64, attributes ...string) { p.add(attributes...).SetDoubleValue(v) }

// cpuStates divides the time that a CPU is not idle.
var cpuStates = [...]struct {
	name  string
	share float64
}{
	{"user", 0.70}, {"system", 0.24}, {"interrupt", 0}, {"nice", 0.01},
	{"softirq", 0.02}, {"steal", 0.005}, {"wait", 0.025},
}

func (b *builder) cpu() {
	b.scraper("cpuscraper")
	p := b.sum(true, "system.cpu.time", "s", "Total seconds each logical CPU spent on each mode.")
	n := max(b.host.CPUs, 1)
	uptime := float64(max(b.host.At-b.host.Boot, 0)) / 1e9
	b.eachCPU(p, float64(b.host.Busy)/1e9/float64(n), uptime)
	b.optionalCPU(n)
}

// eachCPU divides what each CPU could do into states, given what one is busy in the mean.
func (b *builder) eachCPU(p points, busy, whole float64) {
	n := max(b.host.CPUs, 1)
	p.slice.EnsureCapacity(n * (len(cpuStates) + 1))
	for i := range n {
		cpu := cpuName(i)
		used := min(max(busy, 0)*imbalance(i, n), whole)
		for _, s := range cpuStates {
			p.float(used*s.share, "cpu", cpu, "state", s.name)
		}
		p.float(whole-used, "cpu", cpu, "state", "idle")
	}
}

func cpuName(i int) string { return "cpu" + strconv.Itoa(i) }

// imbalance is how much more or less than the mean the i-th of n CPUs does;
// it averages to 1: interrupts and cache affinity favour the first ones.
func imbalance(i, n int) float64 {
	if n == 1 {
		return 1
	}
	return 1 + 0.05*(1-2*float64(i)/float64(n-1))
}

func (b *builder) load() {
	b.scraper("loadscraper")
	l := b.host.Load
	b.gauge("system.cpu.load_average.15m", "{thread}", "Average CPU Load over 15 minutes.").float(hundredths(l.Fifteen))
	b.gauge("system.cpu.load_average.1m", "{thread}", "Average CPU Load over 1 minute.").float(hundredths(l.One))
	b.gauge("system.cpu.load_average.5m", "{thread}", "Average CPU Load over 5 minutes.").float(hundredths(l.Five))
}

// hundredths is as exact as the kernel reports the load.
func hundredths(v float64) float64 { return math.Round(v*100) / 100 }

type memoryState struct {
	name  string
	bytes uint64
}

func (b *builder) memory() {
	b.scraper("memoryscraper")
	m := b.host.Memory
	buffered, reclaimable, unreclaimable := m.Total/1000*2, m.Total/1000*15, m.Total/1000*4
	used := min(m.Used, m.Total)
	rest := m.Total - used
	take := func(v uint64) uint64 { // of what is left, so that the states never pass the total
		v = min(v, rest)
		rest -= v
		return v
	}
	buffered, reclaimable, unreclaimable = take(buffered), take(reclaimable), take(unreclaimable)
	cached := take(m.Cached)
	states := []memoryState{
		{"used", used}, {"free", rest}, {"buffered", buffered}, {"cached", cached},
		{"slab_reclaimable", reclaimable}, {"slab_unreclaimable", unreclaimable},
	}
	p := b.sum(false, "system.memory.usage", "By", "Bytes of memory in use.")
	for _, s := range states {
		p.int(s.bytes, "state", s.name)
	}
	b.optionalMemory(states)
}
