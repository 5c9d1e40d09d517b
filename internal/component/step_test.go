package component

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
)

func TestAStepIsAskedForAsLongAsItIsThere(t *testing.T) {
	var down, again atomic.Int32
	probe := func(context.Context) error {
		if down.Load() > again.Load() {
			return fmt.Errorf("down %d times", down.Load())
		}
		return nil
	}
	s := &Step{
		StepName: "workload", Do: nothing, Probe: probe, Patience: hurried,
		Again: func(context.Context) error { again.Add(1); return nil },
	}
	if got := s.Status(); got.Phase != "" {
		t.Errorf("before its work it says %+v", got)
	}
	stopped(t, s)
	started(t, s)
	down.Add(1)
	eventually(t, "it was brought back", func() bool { return again.Load() == 1 })
	if got := reaches(t, s, Ready); got.Restarts != 1 || got.Name != "workload" {
		t.Errorf("it says %+v", got)
	}
}

func TestAStepThatNothingBringsBackIsReported(t *testing.T) {
	var down atomic.Bool
	s := &Step{
		StepName: "somebody's", Do: nothing, Patience: hurried,
		Probe: func(context.Context) error {
			if down.Load() {
				return os.ErrDeadlineExceeded
			}
			return nil
		},
	}
	stopped(t, s)
	started(t, s)
	down.Store(true)
	eventually(t, "it was asked in vain, many times", func() bool {
		s.watched.mu.Lock()
		defer s.watched.mu.Unlock()
		return s.watched.answers.missed > 2*s.watched.patience.Reported
	})
	if got := s.Status(); got.Phase != NotReady || got.Restarts != 0 {
		t.Errorf("it says %+v", got)
	}
	down.Store(false)
	reaches(t, s, Ready)
}

func TestAStepThatCameBackIsLeftAlone(t *testing.T) {
	var down, again atomic.Int32
	s := &Step{
		StepName: "workload", Do: nothing, Patience: hurried,
		Probe: func(context.Context) error {
			// Whoever is given up is asked once more, and answers.
			if n := down.Load(); n > 0 && n <= int32(usual().GivenUp) {
				down.Add(1)
				return errors.New("away")
			}
			return nil
		},
		Again: func(context.Context) error { again.Add(1); return nil },
	}
	stopped(t, s)
	started(t, s)
	down.Store(1)
	eventually(t, "it was given up", func() bool { return s.Status().Restarts == 1 })
	if got := reaches(t, s, Ready); again.Load() != 0 {
		t.Errorf("it was brought back, though it was there: %+v", got)
	}
}
