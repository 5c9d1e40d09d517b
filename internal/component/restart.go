package component

import (
	"context"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/internal/logfile"
)

// launch starts a run, and says how large the log was before.
func (s *Supervised) launch(ctx context.Context) (Run, int64, error) {
	begun := logfile.Size(s.config.Log)
	run, err := s.config.Launch(ctx)
	return run, begun, err
}

// Hurry starts what has ended at once, where that would be done after a while.
func (s *Supervised) Hurry() {
	if s.Status().Phase != Restarting {
		return
	}
	select {
	case s.hurry <- struct{}{}:
	default:
	}
}

// replace ends a run that does not answer any more, so that another one comes.
func (s *Supervised) replace(run Run) {
	s.mu.Lock()
	message := s.answers.text()
	s.cause = message
	s.mu.Unlock()
	s.set(Restarting, message)
	if err := run.Stop(s.life); err != nil && s.life.Err() == nil {
		s.set(Restarting, fmt.Sprintf("%s, and cannot be ended: %v", message, err))
	}
}

// ended notes that a run ended unasked.
func (s *Supervised) ended(run Run) {
	s.mu.Lock()
	begun := s.begun
	s.mu.Unlock()
	message := "ended: " + why(run.Reason(), s.config.Log, begun)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == Stopping {
		return
	}
	s.message, s.cause = message, message
	if s.wasReadyLocked() {
		s.phase = Restarting
		return
	}
	s.phase = Failed
	s.closeFirst(&ExitError{Reason: run.Reason(), Log: s.config.Log, begun: begun})
}

// sleep waits, unless somebody is in a hurry, and tells whether the component is to go on.
func (s *Supervised) sleep(delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-s.life.Done():
		return false
	case <-timer.C:
	case <-s.hurry:
	}
	return true
}
