package supervisor

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// Status says all that is known of the environment now.
func (s *supervisor) Status(ctx context.Context) control.Status {
	s.mu.Lock()
	record := s.record
	s.mu.Unlock()
	status := control.Status{
		Name: record.Environment.Name, Kind: record.Environment.Kind, Phase: record.Phase, Message: record.Message,
		CreatedAt: record.CreatedAt, StartedIn: rounded(record.StartedIn),
		KubeContext: plan.ContextName(record.Environment.Name), Endpoints: s.plan.Endpoints,
		Cluster: s.plan.Cluster.Status(record.Environment.Cluster), Telemetry: s.flow.Telemetry(),
		Forwards: s.plan.Forwards(), Warnings: slices.Concat(s.plan.Warnings(), s.flow.Warnings()),
	}
	status.Components, status.RSSBytes = s.allStatuses(ctx, true)
	if record.Phase == state.Ready || record.Phase == state.Degraded {
		status.Phase, status.Message = s.health(status.Components)
	}
	return status
}

// health is that of the components, and of the disk that they write to.
func (s *supervisor) health(components []control.ComponentStatus) (state.Phase, string) {
	phase, message := health(components)
	err := component.CheckSpace(s.folder.Path)
	switch {
	case err == nil || strings.Contains(message, "no space left"):
		return phase, message
	case message == "":
		return state.Degraded, err.Error()
	}
	return state.Degraded, err.Error() + "; " + message
}

// health is the phase of an environment that is up, and what is wrong with it.
func health(components []control.ComponentStatus) (state.Phase, string) {
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

// allStatuses are those of the components, and of what a real cluster is made of,
// with the memory of all processes together, in bytes. Memory is measured only if
// it is asked for.
func (s *supervisor) allStatuses(ctx context.Context, measured bool) (all []control.ComponentStatus, total uint64) {
	all = []control.ComponentStatus{}
	containers := map[string]interface{ Memory() uint64 }{}
	for _, c := range s.group.Components() {
		if container, ok := c.(interface{ Memory() uint64 }); ok {
			containers[c.Name()] = container
		}
	}
	statuses := s.componentStatuses()
	var held map[int]memory
	if measured {
		held = s.memories.of(ctx, statuses)
	}
	for _, c := range statuses {
		status := control.ComponentStatus{Status: c, StartedIn: rounded(s.group.StartedIn(c.Name))}
		switch {
		case !measured:
		case c.Container != "":
			status.RSSBytes = containers[c.Name].Memory()
		case c.PID != 0:
			status.RSSBytes = held[c.PID].resident
			total += held[c.PID].share
		}
		all = append(all, status)
	}
	return append(all, s.plan.Members()...), total
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

func rounded(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
