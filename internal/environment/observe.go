package environment

import (
	"context"
	"errors"
	"maps"
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
	own := plan.Environment.Telemetry.Collectors
	page := func(port string) string { return "http://" + loopback(plan.Internal[port]) + "/metrics" }
	// A configuration of the user's need not have a page of its own metrics.
	if own.Cluster == "" && !f.stored {
		f.collectors = append(f.collectors, page("clusterCollectorSelf"))
	}
	if own.Nodes == "" && !f.foreign {
		f.collectors = append(f.collectors, page("nodeCollectorSelf"))
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
	ctx, cancel := context.WithTimeout(ctx, sampleEvery)
	defer cancel()
	read := backend.ReadIngestion
	if f.foreign {
		read = readPrometheus
	}
	ingestion, err := read(ctx, f.backendURL)
	t := Telemetry{
		Series: uint64(ingestion.Series), DroppedSamples: uint64(ingestion.DroppedTotal + ingestion.FailedTotal),
		Events: uint64(ingestion.EventsStored),
	}
	for _, page := range f.collectors {
		health, healthErr := collector.ReadHealth(ctx, page)
		err = errors.Join(err, healthErr)
		t.FailedScrapes += health.FailedScrapes
		t.DroppedSamples += health.LostPoints()
		if f.foreign {
			ingestion.SamplesAppendedTotal += int64(health.SentPoints)
			t.Events += health.SentRecords
		}
	}
	// A store that was restarted counts from 0 again.
	if appended := ingestion.SamplesAppendedTotal - before.SamplesAppendedTotal; before.SamplesAppendedTotal > 0 && appended >= 0 {
		t.SamplesPerSecond = float64(appended) / since.Seconds()
	}
	if f.stored && err == nil {
		err = readStored(ctx, f.backendURL, &t)
	}
	if err != nil {
		t.Error = err.Error()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last, f.lastSample, f.rules = t, ingestion.LastSampleTime, ingestion.RulesError
	return ingestion, err
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
		Cluster: s.clusterStatus(record), Telemetry: s.flow.telemetry(), Components: []ComponentStatus{},
		Forwards: s.recipe.forwards(), Warnings: append(s.recipe.warnings(), s.flow.warnings()...),
	}
	for _, c := range s.componentStatuses(record) {
		var resident, share uint64
		if c.Container != "" {
			resident = s.recipe.memoryOf(c.Name)
		} else if c.PID != 0 {
			resident, share = memory(ctx, c.PID)
		}
		status.RSSBytes += share
		status.Components = append(status.Components, ComponentStatus{Status: c, StartedIn: rounded(s.group.StartedIn(c.Name)), RSSBytes: resident})
	}
	status.Components = append(status.Components, s.recipe.parts.statuses()...)
	for _, c := range status.Components {
		if c.Phase == component.Restarting && status.Phase == state.Ready {
			status.Phase = state.Degraded
			status.Message = c.Name + " " + c.Message
		}
	}
	return status
}

// componentStatuses are those of the processes and containers, and of the
// steps that are under way.
func (s *supervisor) componentStatuses(record state.Record) []component.Status {
	// The supervisor is a process of the environment like the others.
	all := []component.Status{{Name: "supervisor", Phase: component.Ready, PID: record.PID, Log: s.folder.Log("supervisor")}}
	s.mu.Lock()
	underWay := maps.Clone(s.underWay)
	s.mu.Unlock()
	for _, c := range s.group.Components() {
		if told, ok := c.(interface{ Status() component.Status }); ok {
			all = append(all, told.Status())
		} else if step, ok := underWay[c.Name()]; ok {
			all = append(all, component.Status{Name: c.Name(), Phase: component.Starting, Message: step})
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
