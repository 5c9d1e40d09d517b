package component

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Run is one life of something that a Supervised keeps alive, such as one
// process or one container.
type Run interface {
	// Exited is closed when it has ended.
	Exited() <-chan struct{}
	// Reason says how it ended, once Exited is closed.
	Reason() string
	// Stop ends it, by force when it takes too long or ctx has ended, and
	// removes what is left of it. It may be called for a run that has ended.
	Stop(ctx context.Context) error
}

// SupervisedConfig describes what is kept alive.
type SupervisedConfig struct {
	Name  string
	Needs []string
	// Log is the file that takes what the runs say.
	Log string
	// Launch starts a run. ctx bounds the launch only.
	Launch func(ctx context.Context) (Run, error)
	// Probe asks the component's own API whether it works; nil means that a
	// run that has not ended is a ready one.
	Probe func(ctx context.Context) error
	// Waits tells whether something that the component needs does not work: one
	// that does not answer meanwhile may be waiting for it, and is not started
	// again. nil is never.
	Waits func() bool
	// Patience says how long what is waited for; the zero value is usual.
	Patience Patience
}

// Supervised is a component that runs: it is probed for as long as it lives, and
// started again, with back-off, when it ends unasked or does not answer any more.
// docs/architecture.md, "Supervision", has the rules.
type Supervised struct {
	config   SupervisedConfig
	patience Patience

	// stopping keeps two calls of Stop from crossing.
	stopping sync.Mutex

	mu      sync.Mutex
	run     Run
	phase   Phase
	message string
	// cause is why the run before the present one ended, until this one answers.
	cause    string
	restarts int
	answers  answers
	// begun is how large the log was when the present run was launched.
	begun int64
	// hurry ends a delay before the next run.
	hurry chan struct{}
	// life ends when the component is to go; done is closed when nothing
	// starts it again.
	life context.Context
	end  context.CancelFunc
	done chan struct{}
	// first says how the first run fared; it is nil before there is one.
	first *outcome
}

// outcome is how something ended: err, once known is closed.
type outcome struct {
	known chan struct{}
	err   error
}

// What components say that are used in the wrong order, and of a Ready that
// Stop has ended.
var (
	errStarted    = errors.New("is started already")
	errNotStarted = errors.New("is not started")
	errStopped    = fmt.Errorf("was stopped before it was ready: %w", context.Canceled)
)

// NewSupervised returns a component that is not started yet.
func NewSupervised(config SupervisedConfig) *Supervised {
	return &Supervised{config: config, patience: config.Patience.orUsual(), phase: Waiting, hurry: make(chan struct{}, 1)}
}

// Name implements Component.
func (s *Supervised) Name() string { return s.config.Name }

// Needs implements Component.
func (s *Supervised) Needs() []string { return s.config.Needs }

// Status returns the component's present state.
func (s *Supervised) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{Name: s.config.Name, Phase: s.phase, Restarts: s.restarts, Log: s.config.Log, Message: s.message}
}

// Present returns the present run, nil if there is none.
func (s *Supervised) Present() Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// Start launches the first run and the goroutine that keeps it alive.
func (s *Supervised) Start(ctx context.Context) error {
	s.mu.Lock()
	if s.done != nil {
		s.mu.Unlock()
		return errStarted
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.done, s.first = make(chan struct{}), &outcome{known: make(chan struct{})}
	s.phase, s.message, s.cause = Starting, "", ""
	s.mu.Unlock()
	run, begun, err := s.launch(ctx)
	if err != nil {
		s.set(Failed, err.Error())
		s.finishFirst(err)
		close(s.done)
		return err
	}
	s.present(run, begun)
	go s.keep(run)
	return nil
}

// Ready waits until the first run answers. If that ends first, the error says
// how.
func (s *Supervised) Ready(ctx context.Context) error {
	s.mu.Lock()
	first := s.first
	s.mu.Unlock()
	if first == nil {
		return errNotStarted
	}
	select {
	case <-first.known:
		return first.err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return &NotReadyError{Cause: ctx.Err(), Last: s.answers.last, Log: s.config.Log}
	}
}

// Stop ends the present run, and sees to it that there is no other one. A run
// that cannot be ended stays the present one, for another Stop.
func (s *Supervised) Stop(ctx context.Context) error {
	s.stopping.Lock()
	defer s.stopping.Unlock()
	s.mu.Lock()
	done := s.done
	if done == nil {
		s.mu.Unlock()
		return nil
	}
	s.end()
	s.phase, s.message = Stopping, ""
	s.mu.Unlock()
	<-done
	s.finishFirst(errStopped)
	if run := s.Present(); run != nil {
		if err := run.Stop(ctx); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.phase, s.message = Failed, "cannot be stopped: "+err.Error()
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run, s.done, s.first, s.phase = nil, nil, nil, Stopped
	return nil
}

// keep looks after one run after the other until the component is to go, or
// until the first run ends before it was ready.
func (s *Supervised) keep(run Run) {
	defer close(s.done)
	delay := s.patience.RestartFirst
	var begun int64
	for {
		born := time.Now()
		s.watch(run)
		if s.life.Err() != nil || !s.wasReady() {
			return
		}
		if time.Since(born) > s.patience.Settled {
			delay = s.patience.RestartFirst
		}
		for {
			if !s.sleep(delay) {
				return
			}
			delay = min(2*delay, s.patience.RestartMost)
			var err error
			if run, begun, err = s.launch(s.life); err == nil {
				break
			}
			s.set(Restarting, "cannot be started again: "+err.Error())
		}
		s.present(run, begun)
	}
}

// present makes a run the present one.
func (s *Supervised) present(run Run, begun int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		s.restarts++
	}
	s.run, s.begun, s.answers = run, begun, answers{}
}

// watch asks a run whether it works until it has ended, was ended because it
// does not answer, or the component is to go.
func (s *Supervised) watch(run Run) {
	born := time.Now()
	for {
		err := s.ask(run)
		select {
		case <-s.life.Done():
			return
		case <-run.Exited():
			s.ended(run)
			return
		default:
		}
		waits := err != nil && (blocked(err) || s.config.Waits != nil && s.config.Waits())
		next := s.note(err, waits, time.Since(born))
		if next == giveUp {
			s.replace(run)
			return
		}
		timer := time.NewTimer(next)
		select {
		case <-s.life.Done():
		case <-run.Exited():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// ask probes once. The end of the run or of the component ends it early.
func (s *Supervised) ask(run Run) error {
	if s.config.Probe == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.life, s.patience.Answer)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- s.config.Probe(ctx) }()
	select {
	case err := <-answered:
		return err
	case <-run.Exited():
		cancel()
		return <-answered
	}
}

// giveUp is what note says of a run that is to be replaced.
const giveUp time.Duration = -1

// note takes what a probe said of a run of some age, and says when to ask
// again. What is missed while the component waits for another counts for the
// report only.
func (s *Supervised) note(err error, waits bool, age time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers.note(err, time.Now())
	if waits {
		s.answers.missed = min(s.answers.missed, s.patience.Reported)
	}
	if s.phase == Stopping {
		return s.patience.Again
	}
	switch s.answers.verdict(s.patience, age) {
	case answering:
		s.phase, s.message, s.cause = Ready, "", ""
		s.closeFirst(nil)
		return s.patience.Period
	case silent:
		s.phase, s.message = NotReady, s.answers.text()
	case hopeless:
		if s.wasReadyLocked() && !waits {
			return giveUp
		}
	}
	if !s.answers.once {
		s.message = "does not answer yet: " + err.Error()
		if s.cause != "" {
			s.message = s.cause + "; " + s.message
		}
		// One that takes long is asked less often.
		return min(max(s.patience.Starting, age/40), s.patience.Again)
	}
	return s.patience.Again
}

func (s *Supervised) set(phase Phase, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != Stopping {
		s.phase, s.message = phase, message
	}
}

func (s *Supervised) finishFirst(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeFirst(err)
}

// closeFirst says how the first run fared, once. The caller holds the lock.
func (s *Supervised) closeFirst(err error) {
	select {
	case <-s.first.known:
	default:
		s.first.err = err
		close(s.first.known)
	}
}

func (s *Supervised) wasReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wasReadyLocked()
}

// wasReadyLocked tells whether the first run was ready. The caller holds the lock.
func (s *Supervised) wasReadyLocked() bool {
	select {
	case <-s.first.known:
		return s.first.err == nil
	default:
		return false
	}
}
