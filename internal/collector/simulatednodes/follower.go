package simulatednodes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"
)

// shutdownTimeout bounds how long the end waits for scrapes that a kubelet
// does not answer.
const shutdownTimeout = 5 * time.Second

// New makes the component of one node. It is to scrape first after delay and
// then at every interval.
type New func(node string, delay time.Duration) (component.Component, error)

// Follower keeps one component running for each node.
type Follower struct {
	// Source reports the nodes; NewSource, called in Start, makes it when it is nil.
	Source    Source
	NewSource func() (Source, error)
	// Interval is the one at which the components scrape.
	Interval time.Duration
	New      New
	Scrapes  *Scrapes
	Logger   *zap.Logger

	host     component.Host
	cancel   context.CancelFunc
	finished chan struct{}
	ring     ring
	running  map[string]follow
	stopping sync.WaitGroup
}

// follow is the running component of a node and its slot in the ring.
type follow struct {
	component component.Component
	slot      int
}

// Start begins to follow the nodes. The components start as nodes are seen.
func (f *Follower) Start(_ context.Context, host component.Host) error {
	if f.Source == nil {
		source, err := f.NewSource()
		if err != nil {
			return err
		}
		f.Source = source
	}
	f.host, f.finished = host, make(chan struct{})
	f.ring.interval = f.Interval
	f.running = map[string]follow{}
	// Start's own context ends with the start.
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	go func() {
		defer close(f.finished)
		if err := f.Source.Follow(ctx, f.added, f.removed); err != nil && ctx.Err() == nil {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
		}
	}()
	return nil
}

// Shutdown stops following and then all components.
func (f *Follower) Shutdown(ctx context.Context) error {
	if f.cancel == nil {
		return nil
	}
	f.cancel()
	<-f.finished
	// From here on nobody else touches f.running.
	for node := range f.running {
		f.removed(node)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		f.stopping.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return errors.New("some scrapes still wait for the kubelet's answer; they end with the process")
	}
}

func (f *Follower) added(node string) {
	if _, ok := f.running[node]; ok {
		return
	}
	slot, delay := f.ring.take(time.Now())
	started, err := f.start(node, delay)
	if err != nil {
		f.ring.free(slot)
		f.Logger.Error("A node is not scraped", zap.String("node", node), zap.Error(err))
		return
	}
	f.running[node] = follow{started, slot}
	f.Scrapes.follow(1)
}

func (f *Follower) start(node string, delay time.Duration) (component.Component, error) {
	made, err := f.New(node, delay)
	if err != nil {
		return nil, fmt.Errorf("making its receiver: %w", err)
	}
	if err := made.Start(context.Background(), f.host); err != nil {
		return nil, fmt.Errorf("starting its receiver: %w", err)
	}
	return made, nil
}

// removed stops a node's component. A kubelet that does not answer keeps the
// component from stopping; that must not keep other nodes waiting.
func (f *Follower) removed(node string) {
	gone, ok := f.running[node]
	if !ok {
		return
	}
	delete(f.running, node)
	f.ring.free(gone.slot)
	f.Scrapes.follow(-1)
	f.stopping.Go(func() {
		if err := gone.component.Shutdown(context.Background()); err != nil {
			f.Logger.Warn("Stopping the scrapes of a node failed", zap.String("node", node), zap.Error(err))
		}
	})
}
