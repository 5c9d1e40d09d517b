package component

import (
	"context"
	"sync"
	"time"
)

// Step is a Component that does one thing and is then ready: it applies
// objects, or waits for a state that others bring about.
type Step struct {
	StepName  string
	StepNeeds []string
	// Do is the work; it ends with ctx.
	Do func(ctx context.Context) error
	// Undo takes back what Do made outside the environment's folder; nil if
	// there is nothing of the kind. It must bear a Do that failed.
	Undo func(ctx context.Context) error
	// Probe asks what Do has brought about whether it still works, for as
	// long as it is there; nil if there is nothing to ask.
	Probe func(ctx context.Context) error
	// Again brings back what does not answer any more; nil where nothing but
	// time can.
	Again func(ctx context.Context) error
	// Waits and Patience are those of a Supervised.
	Waits    func() bool
	Patience Patience

	mu      sync.Mutex
	watched *Supervised
}

// Name implements Component.
func (s *Step) Name() string { return s.StepName }

// Needs implements Component.
func (s *Step) Needs() []string { return s.StepNeeds }

// Start implements Component; the work is Ready's.
func (s *Step) Start(context.Context) error { return nil }

// Ready does the work.
func (s *Step) Ready(ctx context.Context) error {
	if err := s.Do(ctx); err != nil || s.Probe == nil {
		return err
	}
	s.mu.Lock()
	s.watched = NewSupervised(SupervisedConfig{
		Name: s.StepName, Launch: s.launch, Probe: s.Probe, Waits: s.Waits, Patience: s.patience(),
	})
	watched := s.watched
	s.mu.Unlock()
	if err := watched.Start(ctx); err != nil {
		return err
	}
	return watched.Ready(ctx)
}

// patience is without end where nothing brings back what does not answer.
func (s *Step) patience() Patience {
	p := s.Patience
	if s.Again == nil {
		const never = 1 << 30
		p.GivenUp, p.Launch = never, never*time.Second
	}
	return p
}

// launch is called for the first run, which Do has made, and for those after.
func (s *Step) launch(ctx context.Context) (Run, error) {
	s.mu.Lock()
	first := s.watched.Present() == nil
	s.mu.Unlock()
	// It may have come back by itself.
	if first || s.Probe(ctx) == nil {
		return lasting{}, nil
	}
	return lasting{}, s.Again(ctx)
}

// lasting is a Run that others end.
type lasting struct{}

func (lasting) Exited() <-chan struct{}    { return nil }
func (lasting) Reason() string             { return "" }
func (lasting) Stop(context.Context) error { return nil }

// Status returns the present state of a step that has a probe and has done its
// work; that of others has no phase.
func (s *Step) Status() Status {
	s.mu.Lock()
	watched := s.watched
	s.mu.Unlock()
	if watched == nil {
		return Status{}
	}
	return watched.Status()
}

// Stop ends the probing, and takes the work back.
func (s *Step) Stop(ctx context.Context) error {
	s.mu.Lock()
	watched := s.watched
	s.mu.Unlock()
	if watched != nil {
		if err := watched.Stop(ctx); err != nil {
			return err
		}
	}
	if s.Undo == nil {
		return nil
	}
	return s.Undo(ctx)
}
