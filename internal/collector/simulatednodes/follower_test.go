package simulatednodes_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap/zaptest"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
	"github.com/diorama-lab/diorama/internal/collector/simulatednodes/nodestest"
)

// fleet makes components and knows which of them run.
type fleet struct {
	mutex   sync.Mutex
	running map[string]int
	stuck   chan struct{}
}

func (f *fleet) change(node string, by int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.running[node] += by; f.running[node] == 0 {
		delete(f.running, node)
	}
}

func (f *fleet) is(nodes ...string) func() bool {
	return func() bool {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		return slices.Equal(slices.Sorted(maps.Keys(f.running)), nodes)
	}
}

func (f *fleet) make(node string, _ time.Duration) (component.Component, error) {
	if node == "broken" {
		return nil, errors.New("no receiver for this one")
	}
	return &member{f, node}, nil
}

type member struct {
	fleet *fleet
	node  string
}

func (m *member) Start(context.Context, component.Host) error {
	m.fleet.change(m.node, 1)
	return nil
}

func (m *member) Shutdown(context.Context) error {
	if m.node == "stuck" {
		<-m.fleet.stuck
	}
	m.fleet.change(m.node, -1)
	return nil
}

func newFollower(t *testing.T) (*simulatednodes.Follower, *fleet, *nodestest.Source, *componenttest.Telemetry) {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
	scrapes, err := simulatednodes.NewScrapes(telemetry.NewTelemetrySettings(), component.MustNewID("test"))
	if err != nil {
		t.Fatal(err)
	}
	f, source := &fleet{running: map[string]int{}, stuck: make(chan struct{})}, nodestest.NewSource()
	follower := &simulatednodes.Follower{
		Source: source, Interval: time.Second, New: f.make, Scrapes: scrapes, Logger: zaptest.NewLogger(t),
	}
	if err := follower.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	return follower, f, source, telemetry
}

func TestFollower(t *testing.T) {
	follower, f, source, telemetry := newFollower(t)
	source.Add("a", "b", "a", "broken", "c")
	nodestest.Eventually(t, "a, b and c run", f.is("a", "b", "c"))
	source.Remove("b", "unknown")
	nodestest.Eventually(t, "a and c run", f.is("a", "c"))
	source.Add("b", "c")
	nodestest.Eventually(t, "all run again", f.is("a", "b", "c"))
	points := nodestest.SelfMetric(telemetry, simulatednodes.FollowedMetric)
	if len(points) != 1 || points[0].Value != 3 {
		t.Errorf("%s: got %v, want 3", simulatednodes.FollowedMetric, points)
	}
	if err := follower.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !f.is()() {
		t.Errorf("some run after the end: %v", f.running)
	}
}

func TestFollowerStuckNode(t *testing.T) {
	follower, f, source, _ := newFollower(t)
	source.Add("stuck", "a")
	source.Remove("stuck", "a")
	source.Add("b")
	nodestest.Eventually(t, "b runs alongside the node that does not stop", f.is("b", "stuck"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := follower.Shutdown(ctx); err == nil {
		t.Error("the end says nothing about the node that does not stop")
	}
	close(f.stuck)
	nodestest.Eventually(t, "none runs", f.is())
}

func TestFollowerNeverStarted(t *testing.T) {
	if err := (&simulatednodes.Follower{}).Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
