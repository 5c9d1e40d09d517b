package component

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Event tells that a component has changed its phase.
type Event struct {
	Component string
	Phase     Phase
	// Took is the time from Start to Ready, set with the phase Ready.
	Took time.Duration
	Err  error
}

// Group starts components in the order of their needs, those that do not
// depend on each other at once, and stops them in reverse.
type Group struct {
	components []Component
	byName     map[string]Component
	observe    func(Event)

	mu      sync.Mutex
	touched map[string]bool
	took    map[string]time.Duration
}

// NewGroup checks that names are unique, that needs exist and that no
// component needs itself, directly or not. observe may be nil; it is called
// from several goroutines.
func NewGroup(observe func(Event), components ...Component) (*Group, error) {
	byName := map[string]Component{}
	for _, c := range components {
		if _, twice := byName[c.Name()]; twice {
			return nil, fmt.Errorf("two components are called %s", c.Name())
		}
		byName[c.Name()] = c
	}
	for _, c := range components {
		if err := checkNeeds(c, byName, nil); err != nil {
			return nil, err
		}
	}
	if observe == nil {
		observe = func(Event) {}
	}
	return &Group{
		components: components, byName: byName, observe: observe,
		touched: map[string]bool{}, took: map[string]time.Duration{},
	}, nil
}

func checkNeeds(c Component, byName map[string]Component, path []string) error {
	if slices.Contains(path, c.Name()) {
		return fmt.Errorf("components need each other in a circle: %s", strings.Join(append(path, c.Name()), " → "))
	}
	for _, need := range c.Needs() {
		other, ok := byName[need]
		if !ok {
			return fmt.Errorf("component %s needs %s, which does not exist", c.Name(), need)
		}
		if err := checkNeeds(other, byName, append(slices.Clone(path), c.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Components returns the components in the order they were given.
func (g *Group) Components() []Component { return g.components }

// Waits tells whether something that a component needs, directly or not, does not
// work at the moment.
func (g *Group) Waits(name string) bool {
	for _, need := range g.byName[name].Needs() {
		if reporter, ok := g.byName[need].(interface{ Status() Status }); ok {
			switch reporter.Status().Phase {
			case NotReady, Restarting, Failed:
				return true
			}
		}
		if g.Waits(need) {
			return true
		}
	}
	return false
}

// Hurry starts what has ended at once.
func (g *Group) Hurry() {
	for _, c := range g.components {
		if supervised, ok := c.(interface{ Hurry() }); ok {
			supervised.Hurry()
		}
	}
}

// StartedIn returns how long the component took to become ready, 0 before.
func (g *Group) StartedIn(name string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.took[name]
}

// Start starts every component and waits until all are ready. The first
// failure ends the start of the others; nothing is stopped: that is Stop's.
func (g *Group) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := map[string]chan struct{}{}
	for _, c := range g.components {
		ready[c.Name()] = make(chan struct{})
	}
	var wg sync.WaitGroup
	failures := make(chan error, len(g.components))
	for _, c := range g.components {
		wg.Go(func() {
			for _, need := range c.Needs() {
				select {
				case <-ready[need]:
				case <-ctx.Done():
					return
				}
			}
			if err := g.startOne(ctx, c); err != nil {
				failures <- err
				cancel()
				return
			}
			close(ready[c.Name()])
		})
	}
	wg.Wait()
	close(failures)
	return firstCause(ctx, failures)
}

// firstCause joins the failures, leaving out the components that only failed
// because another one had.
func firstCause(ctx context.Context, failures <-chan error) error {
	var causes, consequences []error
	for err := range failures {
		if errors.Is(err, context.Canceled) {
			consequences = append(consequences, err)
			continue
		}
		causes = append(causes, err)
	}
	if len(causes) > 0 {
		return errors.Join(causes...)
	}
	if len(consequences) > 0 {
		return consequences[0]
	}
	return ctx.Err()
}

func (g *Group) startOne(ctx context.Context, c Component) error {
	g.mu.Lock()
	g.touched[c.Name()] = true
	g.mu.Unlock()
	began := time.Now()
	g.observe(Event{Component: c.Name(), Phase: Starting})
	err := c.Start(ctx)
	if err == nil {
		err = c.Ready(ctx)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", c.Name(), err)
		g.observe(Event{Component: c.Name(), Phase: Failed, Err: err})
		return err
	}
	took := time.Since(began)
	g.mu.Lock()
	g.took[c.Name()] = took
	g.mu.Unlock()
	g.observe(Event{Component: c.Name(), Phase: Ready, Took: took})
	return nil
}

// Stop stops what Start has touched: a component only after those that need
// it. Errors are joined; one does not keep the others running.
func (g *Group) Stop(ctx context.Context) error {
	stopped := map[string]chan struct{}{}
	dependents := map[string][]string{}
	for _, c := range g.components {
		stopped[c.Name()] = make(chan struct{})
		for _, need := range c.Needs() {
			dependents[need] = append(dependents[need], c.Name())
		}
	}
	var wg sync.WaitGroup
	failures := make(chan error, len(g.components))
	for _, c := range g.components {
		wg.Go(func() {
			defer close(stopped[c.Name()])
			for _, dependent := range dependents[c.Name()] {
				<-stopped[dependent]
			}
			if err := g.stopOne(ctx, c); err != nil {
				failures <- err
			}
		})
	}
	wg.Wait()
	close(failures)
	var all []error
	for err := range failures {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func (g *Group) stopOne(ctx context.Context, c Component) error {
	g.mu.Lock()
	touched := g.touched[c.Name()]
	delete(g.touched, c.Name())
	g.mu.Unlock()
	if !touched {
		return nil
	}
	g.observe(Event{Component: c.Name(), Phase: Stopping})
	if err := c.Stop(ctx); err != nil {
		err = fmt.Errorf("stopping %s: %w", c.Name(), err)
		g.observe(Event{Component: c.Name(), Phase: Failed, Err: err})
		return err
	}
	g.observe(Event{Component: c.Name(), Phase: Stopped})
	return nil
}
