package environment

import (
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/state"
)

// sampleEvery is how often the flow of the telemetry is read, so that status
// has a rate to tell.
const sampleEvery = 2 * time.Second

// flow reads how the telemetry flows, in the background.
type flow struct {
	backendURL string
	// foreign tells that the backend is a Prometheus of somebody else's,
	// which tells less of itself.
	foreign bool
	// stored tells that the collectors' own metrics are in that Prometheus.
	stored bool
	// collectors are the pages of the collectors' own metrics.
	collectors []string
	// passing is that of the collector in LGTM, "" for a kind without; an
	// image that stands for LGTM has none.
	passing string
	relay   collector.Relay
	// scrapers are those of a stock collector.
	scrapers standstill

	mu   sync.Mutex
	last Telemetry
	// lastSample is the newest stored timestamp.
	lastSample time.Time
	// rules is what is wrong with the rule files.
	rules string
}

// newFlow knows where to read of a plan's telemetry.
func newFlow(plan Plan) *flow {
	f := &flow{backendURL: endpoints(plan).Prometheus, foreign: plan.Network != "", stored: plan.K3d != nil}
	f.scrapers = standstill{interval: time.Duration(plan.Environment.Telemetry.Interval), renewed: sampleEvery}
	if f.stored {
		f.scrapers.renewed = collector.SelfMetricsInterval(f.scrapers.interval)
	}
	own := plan.Environment.Telemetry.Collectors
	page := func(port string) string { return "http://" + loopback(plan.Internal[port]) + "/metrics" }
	// A configuration of the user's need not have a page of its own metrics.
	if own.Cluster == "" && !f.stored {
		f.collectors = append(f.collectors, page("clusterCollectorSelf"))
	}
	if own.Nodes == "" && !f.foreign {
		f.collectors = append(f.collectors, page("nodeCollectorSelf"))
	}
	if f.foreign {
		f.passing = page(lgtmCollectorSelf)
	}
	return f
}

// run samples until ctx ends.
func (f *flow) run(ctx context.Context) {
	var before backend.Ingestion
	var at time.Time
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		now := time.Now()
		ingestion, err := f.sample(ctx, before, now.Sub(at))
		if err == nil {
			before, at = ingestion, now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (f *flow) sample(ctx context.Context, before backend.Ingestion, since time.Duration) (backend.Ingestion, error) {
	read := backend.ReadIngestion
	if f.foreign {
		read = readPrometheus
	}
	ingestion, storeErr := within(ctx, func(ctx context.Context) (backend.Ingestion, error) {
		return read(ctx, f.backendURL)
	})
	err := storeErr
	t := Telemetry{
		Series: uint64(ingestion.Series), DroppedSamples: uint64(ingestion.DroppedTotal + ingestion.FailedTotal),
		Events: uint64(ingestion.EventsStored),
	}
	for _, page := range f.collectors {
		health, healthErr := within(ctx, func(ctx context.Context) (collector.Health, error) {
			return collector.ReadHealth(ctx, page)
		})
		err = errors.Join(err, healthErr)
		t.FailedScrapes += health.FailedScrapes
		t.DroppedSamples += health.LostPoints()
		if f.foreign {
			t.FailedScrapes += f.scrapers.failed(health.Scraped, time.Now())
			ingestion.SamplesAppendedTotal += int64(health.SentPoints)
			t.Events += health.SentRecords
		}
	}
	t.DroppedSamples += f.lostOnTheWay(ctx)
	// A store that was restarted counts from 0 again.
	if appended := ingestion.SamplesAppendedTotal - before.SamplesAppendedTotal; before.SamplesAppendedTotal > 0 && appended >= 0 {
		t.SamplesPerSecond = float64(appended) / since.Seconds()
	}
	if f.stored && err == nil {
		var scraped map[string]uint64
		scraped, err = within(ctx, func(ctx context.Context) (map[string]uint64, error) {
			return readStored(ctx, f.backendURL, &t)
		})
		if err == nil {
			t.FailedScrapes += f.scrapers.failed(scraped, time.Now())
		}
	}
	if err != nil {
		t.Error = err.Error()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if storeErr != nil {
		// What is known of it is old, and what is sent now is not stored.
		t.Series, t.SamplesPerSecond = f.last.Series, 0
		f.last = t
		return ingestion, err
	}
	f.last, f.lastSample, f.rules = t, ingestion.LastSampleTime, ingestion.RulesError
	return ingestion, err
}

// lostOnTheWay is what the collector in LGTM took and did not deliver.
func (f *flow) lostOnTheWay(ctx context.Context) uint64 {
	if f.passing == "" {
		return 0
	}
	passed, err := within(ctx, func(ctx context.Context) (collector.Passed, error) {
		return collector.ReadPassed(ctx, f.passing)
	})
	if err == nil { // it may be down, or not be there at all
		f.relay.Note(passed)
	}
	return f.relay.Lost()
}

// within reads with a deadline of its own: who hangs is not to use up that of
// the others.
func within[T any](ctx context.Context, read func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleEvery)
	defer cancel()
	return read(ctx)
}

// telemetry returns the last sample.
func (f *flow) telemetry() Telemetry {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.last
	t.LastSampleAge = -1
	if !f.lastSample.IsZero() {
		t.LastSampleAge = max(0, time.Since(f.lastSample).Seconds())
	}
	return t
}

// warnings are the faults of rule files, where they do not keep the store from
// starting.
func (f *flow) warnings() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for fault := range strings.Lines(f.rules) {
		all = append(all, "rules not loaded: "+strings.TrimSuffix(fault, "\n"))
	}
	return all
}

// status tells all that is known of the environment now.
func (s *supervisor) status(ctx context.Context) Status {
	s.mu.Lock()
	record := s.record
	s.mu.Unlock()
	status := Status{
		Name: record.Environment.Name, Kind: record.Environment.Kind, Phase: record.Phase, Message: record.Message,
		CreatedAt: record.CreatedAt, StartedIn: rounded(record.StartedIn),
		KubeContext: contextName(record.Environment), Endpoints: endpoints(s.plan),
		Cluster: s.clusterStatus(record), Telemetry: s.flow.telemetry(), Components: s.allStatuses(ctx, true),
		Forwards: s.recipe.forwards(), Warnings: append(s.recipe.warnings(), s.flow.warnings()...),
	}
	for _, c := range status.Components {
		status.RSSBytes += c.share
	}
	if record.Phase == state.Ready || record.Phase == state.Degraded {
		status.Phase, status.Message = health(status.Components)
	}
	return status
}

// health is the phase of an environment that is up, and what is wrong with it.
func health(components []ComponentStatus) (state.Phase, string) {
	var wrong []string
	for _, c := range components {
		switch c.Phase {
		case component.Restarting, component.NotReady, component.Failed:
			wrong = append(wrong, strings.TrimSpace(c.Name+" "+c.Message))
		}
	}
	if len(wrong) == 0 {
		return state.Ready, ""
	}
	return state.Degraded, strings.Join(wrong, "; ")
}

// allStatuses are those of the components, and of what a real cluster is made
// of. Memory is measured only if it is asked for.
func (s *supervisor) allStatuses(ctx context.Context, measured bool) []ComponentStatus {
	all := []ComponentStatus{}
	for _, c := range s.componentStatuses() {
		status := ComponentStatus{Status: c, StartedIn: rounded(s.group.StartedIn(c.Name))}
		switch {
		case !measured:
		case c.Container != "":
			status.RSSBytes = s.recipe.memoryOf(c.Name)
		case c.PID != 0:
			status.RSSBytes, status.share = memory(ctx, c.PID)
		}
		all = append(all, status)
	}
	return append(all, s.recipe.parts.statuses()...)
}

// componentStatuses are those of the processes and containers, of the steps
// that are under way, and of those whose work is asked about.
func (s *supervisor) componentStatuses() []component.Status {
	// The supervisor is a process of the environment like the others.
	all := []component.Status{
		{Name: "supervisor", Phase: component.Ready, PID: os.Getpid(), Log: s.folder.Log("supervisor")},
	}
	s.mu.Lock()
	underWay := maps.Clone(s.underWay)
	s.mu.Unlock()
	for _, c := range s.group.Components() {
		var status component.Status
		if reporter, ok := c.(interface{ Status() component.Status }); ok {
			status = reporter.Status()
		}
		detail, starting := underWay[c.Name()]
		switch {
		case status.Phase != "":
			all = append(all, status)
		case starting:
			all = append(all, component.Status{Name: c.Name(), Phase: component.Starting, Message: detail})
		}
	}
	return all
}

func (s *supervisor) clusterStatus(record state.Record) ClusterStatus {
	size := record.Environment.Cluster
	status := ClusterStatus{Nodes: NodeCounts{Desired: size.Nodes}, Pods: PodCounts{Desired: size.Pods}}
	s.recipe.mu.Lock()
	counter := s.recipe.counter
	s.recipe.mu.Unlock()
	if counter == nil {
		return status
	}
	// Before the counter has seen everything its counts are only part.
	counts, _ := counter.Counts()
	status.Nodes.Ready, status.Pods.Running = counts.NodesReady, counts.PodsRunning
	if !s.recipe.ownControlPlane() {
		// Nobody here says how much there is to be.
		status.Nodes.Desired, status.Pods.Desired = counts.Nodes, counts.PodsDesired
	}
	status.DaemonPods, status.JobPods = counts.DaemonPodsRunning, counts.JobPodsRunning
	return status
}

func endpoints(p Plan) Endpoints {
	ports := p.Environment.Ports
	if p.Network != "" && p.K3d == nil {
		e := Endpoints{
			Dashboards: "http://" + loopback(ports.Dashboards), Prometheus: prometheusURL(p),
			OTLPGRPC: loopback(ports.OTLPGRPC), OTLPHTTP: "http://" + loopback(ports.OTLPHTTP),
			Kubelet: "https://" + loopback(ports.Kubelet),
		}
		if p.Environment.Cluster.KubeContext == "" {
			e.Kubernetes = "https://" + loopback(ports.Kubernetes)
		}
		return e
	}
	if p.K3d != nil {
		e := Endpoints{
			Dashboards: "http://" + loopback(ports.Dashboards), Prometheus: prometheusURL(p),
			OTLPGRPC: loopback(ports.OTLPGRPC), OTLPHTTP: "http://" + loopback(ports.OTLPHTTP), Kubernetes: "https://" + loopback(ports.Kubernetes),
		}
		if p.Environment.Cluster.Nodes > 0 {
			e.Kubelet = "https://" + loopback(ports.Kubelet) // of the simulated nodes
		}
		return e
	}
	return Endpoints{
		Dashboards: "http://" + loopback(ports.Dashboards), Prometheus: "http://" + loopback(ports.Prometheus),
		OTLPGRPC: loopback(ports.OTLPGRPC), OTLPHTTP: "http://" + loopback(ports.OTLPHTTP),
		Kubernetes: "https://" + loopback(ports.Kubernetes), Kubelet: "https://" + loopback(ports.Kubelet),
		CollectorMetrics: "http://" + loopback(ports.CollectorMetrics) + "/metrics", NodeMetrics: "http://" + loopback(ports.NodeMetrics) + "/metrics",
	}
}

func rounded(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
