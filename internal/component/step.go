package component

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Step is a Component that does one thing and is then ready: it applies
// objects, or waits for a state that others bring about.
type Step struct {
	StepName  string
	StepNeeds []string
	// Do is the work; it ends with ctx. It may report how far it is.
	Do func(ctx context.Context, report func(text string)) error
	// Report takes what Do reports; nil if nobody wants to know.
	Report func(text string)
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

	// working is held while the work is done, and while it is taken back.
	working sync.Mutex
	// begun tells that there is work to take back, done that all is done.
	begun, done bool

	mu sync.Mutex
	// life ends when the step is to go; it is nil for one that is not started.
	life    context.Context
	end     context.CancelFunc
	watched *Supervised
}

// Name implements Component.
func (s *Step) Name() string { return s.StepName }

// Needs implements Component.
func (s *Step) Needs() []string { return s.StepNeeds }

// Start implements Component; the work is Ready's.
func (s *Step) Start(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != nil {
		return errStarted
	}
	s.life, s.end = context.WithCancel(context.Background())
	return nil
}

// Ready does the work, if it is not done yet.
func (s *Step) Ready(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	s.mu.Lock()
	life := s.life
	s.mu.Unlock()
	switch {
	case life == nil:
		return errNotStarted
	case s.done:
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	s.begun = true
	report := s.Report
	if report == nil {
		report = func(string) {}
	}
	if err := s.Do(ctx, report); err != nil {
		return err
	}
	if err := s.watch(ctx); err != nil {
		return err
	}
	s.done = true
	return nil
}

// watch asks what the work has brought about from now on, and waits for the
// first answer.
func (s *Step) watch(ctx context.Context) error {
	if s.Probe == nil {
		return nil
	}
	s.mu.Lock()
	if s.watched == nil {
		s.watched = NewSupervised(SupervisedConfig{
			Name: s.StepName, Launch: s.launch, Probe: s.Probe, Waits: s.Waits, Patience: s.patience(),
		})
	}
	watched := s.watched
	s.mu.Unlock()
	// The work may be done a second time, after a Ready that was interrupted.
	if err := watched.Start(ctx); err != nil && !errors.Is(err, errStarted) {
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

// Stop ends the work and the probing, and takes back what was done.
func (s *Step) Stop(ctx context.Context) error {
	s.mu.Lock()
	if s.end != nil {
		s.end()
	}
	s.mu.Unlock()
	s.working.Lock()
	defer s.working.Unlock()
	if s.watched != nil {
		if err := s.watched.Stop(ctx); err != nil {
			return err
		}
	}
	if s.begun && s.Undo != nil {
		if err := s.Undo(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.done, s.life, s.end = false, false, nil, nil
	return nil
}
