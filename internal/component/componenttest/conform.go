// Package componenttest holds every kind of component to the promises that are
// written on component.Component.
package componenttest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/component"
)

// Kind makes components of one kind, each for one test. A fate that a kind
// cannot meet is nil.
type Kind struct {
	// Works becomes ready.
	Works func(t *testing.T) *Subject
	// Refused cannot be started. Start says so, or Ready where the work of the
	// kind is done there.
	Refused func(t *testing.T) *Subject
	// Hangs starts, and never becomes ready.
	Hangs func(t *testing.T) *Subject
	// Ends starts, and ends by itself before it is ready.
	Ends func(t *testing.T) *Subject
	// Deceived ends like that too, but its probe is answered: by somebody who
	// has the port that it wanted.
	Deceived func(t *testing.T) *Subject
}

// Subject is a component, and what a test has to know of it.
type Subject struct {
	component.Component
	// Says is what the error of one that fails has to contain.
	Says string
	// Dir is the folder that it may write to, "" if there is none; only the
	// file Log may stay there.
	Dir, Log string
	// Left names what is there of it outside this process and its folder:
	// processes, listeners, containers; nil if there is nothing of the kind.
	Left func() []string
	// Die ends what runs now, unasked; nil if there is nothing that runs.
	Die func()
}

// status is what the component says of itself; nothing if it does not.
func (s *Subject) status() component.Status {
	if reporter, ok := s.Component.(interface{ Status() component.Status }); ok {
		return reporter.Status()
	}
	return component.Status{}
}

// begin starts the component and waits until it is ready.
func (s *Subject) begin(ctx context.Context) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	return s.Ready(ctx)
}

// rests fails the test if something is there of a component that is not
// started, or stopped again.
func (s *Subject) rests(t *testing.T, allowed ...string) {
	t.Helper()
	if s.Left != nil {
		if left := s.Left(); len(left) > 0 {
			t.Errorf("left is %q", left)
		}
	}
	if s.Dir == "" {
		return
	}
	files, err := os.ReadDir(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if len(allowed) == 0 || file.Name() != filepath.Base(allowed[0]) {
			t.Errorf("left is the file %s", file.Name())
		}
	}
}

// limit bounds what a test waits for: far longer than it takes.
const limit = time.Minute

// Conform holds components of a kind to every promise.
func Conform(t *testing.T, kind Kind) {
	t.Run("making one does nothing", with(kind.Works, func(_ context.Context, t *testing.T, s *Subject) {
		s.rests(t)
	}))
	t.Run("it is ready once it answers", with(kind.Works, isReady))
	t.Run("it outlives the context of its start", with(kind.Works, outlivesItsStart))
	t.Run("it is stopped before it is started", with(kind.Works, func(ctx context.Context, t *testing.T, s *Subject) {
		succeed(t, s.Stop(ctx), s.Stop(ctx), s.begin(ctx))
	}))
	t.Run("it is stopped many times at once", with(kind.Works, stopsAtOnce))
	t.Run("it is started again", with(kind.Works, func(ctx context.Context, t *testing.T, s *Subject) {
		succeed(t, s.begin(ctx), s.Stop(ctx), s.begin(ctx))
	}))
	t.Run("it is not started twice", with(kind.Works, func(ctx context.Context, t *testing.T, s *Subject) {
		succeed(t, s.begin(ctx))
		if err := s.Start(ctx); err == nil {
			t.Error("it was started a second time")
		}
		succeed(t, s.Ready(ctx))
	}))
	t.Run("it is not ready before it is started", with(kind.Works, func(ctx context.Context, t *testing.T, s *Subject) {
		if err := s.Ready(ctx); err == nil {
			t.Error("it is ready")
		}
	}))
	t.Run("it is one of a group", with(kind.Works, inGroup))
	t.Run("its start fails", with(kind.Refused, fails))
	t.Run("its start fails in a group", with(kind.Refused, failsInGroup))
	t.Run("waiting for it ends with its context", with(kind.Hangs, waitsNoLongerThanAsked))
	t.Run("waiting for it ends when it is stopped", with(kind.Hangs, stopsWhileItStarts))
	t.Run("it ends before it is ready", with(kind.Ends, fails))
	t.Run("somebody else answers", with(kind.Deceived, isDeceived))
	t.Run("it dies", with(kind.Works, diesAndComesBack))
	t.Run("it dies while it is stopped", with(kind.Works, diesWhileItIsStopped))
}

// with makes a component, lets a test have it, and sees to it that nothing is
// left of it.
func with(
	create func(*testing.T) *Subject, test func(ctx context.Context, t *testing.T, s *Subject),
) func(*testing.T) {
	return func(t *testing.T) {
		if create == nil {
			t.Skip("this cannot happen to this kind")
		}
		before := goleak.IgnoreCurrent()
		s := create(t)
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		test(ctx, t, s)
		for range 2 {
			if err := s.Stop(ctx); err != nil {
				t.Errorf("Stop returns %v", err)
			}
		}
		s.rests(t, s.Log)
		goleak.VerifyNone(t, before)
	}
}

// succeed fails a test for the first error.
func succeed(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// Eventually polls until a condition holds.
func Eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", limit, what)
		}
	}
}

func isReady(ctx context.Context, t *testing.T, s *Subject) {
	succeed(t, s.begin(ctx), s.Ready(ctx))
	if s.Die == nil {
		return
	}
	if len(s.Left()) == 0 {
		t.Error("it is ready, but nothing runs")
	}
	if got := s.status(); got.Phase != component.Ready || got.Name != s.Name() {
		t.Errorf("it says %+v", got)
	}
}

func outlivesItsStart(ctx context.Context, t *testing.T, s *Subject) {
	start, cancel := context.WithCancel(ctx)
	succeed(t, s.Start(start))
	cancel()
	succeed(t, s.Ready(ctx))
	if got := s.status(); got.Restarts > 0 {
		t.Errorf("it says %+v", got)
	}
}

func stopsAtOnce(ctx context.Context, t *testing.T, s *Subject) {
	succeed(t, s.begin(ctx))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			succeed(t, s.Stop(ctx))
			s.rests(t, s.Log)
		})
	}
	all.Wait()
}

func inGroup(ctx context.Context, t *testing.T, s *Subject) {
	group, err := component.NewGroup(nil, s.Component)
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, group.Start(ctx), group.Stop(ctx), group.Stop(ctx))
	s.rests(t, s.Log)
}

func fails(ctx context.Context, t *testing.T, s *Subject) {
	if err := s.begin(ctx); err == nil || !strings.Contains(err.Error(), s.Says) || ctx.Err() != nil {
		t.Errorf("it fails with %v, want %q", err, s.Says)
	}
}

func failsInGroup(ctx context.Context, t *testing.T, s *Subject) {
	group, err := component.NewGroup(nil, s.Component)
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Start(ctx); err == nil || !strings.Contains(err.Error(), s.Name()+": ") {
		t.Errorf("the group says %v", err)
	}
	succeed(t, group.Stop(ctx))
	s.rests(t, s.Log)
}

func waitsNoLongerThanAsked(ctx context.Context, t *testing.T, s *Subject) {
	succeed(t, s.Start(ctx))
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Ready(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ready returns %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Ready(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Ready returns %v", err)
	}
	if ctx.Err() != nil {
		t.Error("it took a minute")
	}
}

func stopsWhileItStarts(ctx context.Context, t *testing.T, s *Subject) {
	succeed(t, s.Start(ctx))
	ready := make(chan error, 1)
	go func() { ready <- s.Ready(ctx) }()
	succeed(t, s.Stop(ctx))
	if err := <-ready; err == nil || ctx.Err() != nil {
		t.Errorf("Ready returns %v", err)
	}
}

// isDeceived leaves open whether the answer comes before the end: that is
// chance. But the end has to show.
func isDeceived(ctx context.Context, t *testing.T, s *Subject) {
	succeed(t, s.Start(ctx))
	if err := s.Ready(ctx); err != nil {
		if !strings.Contains(err.Error(), s.Says) {
			t.Errorf("it fails with %v, want %q", err, s.Says)
		}
		return
	}
	Eventually(t, "it is started again and again", func() bool { return s.status().Restarts > 2 })
}

func diesAndComesBack(ctx context.Context, t *testing.T, s *Subject) {
	if s.Die == nil {
		t.Skip("nothing runs")
	}
	succeed(t, s.begin(ctx))
	for restarts := 1; restarts < 4; restarts++ {
		s.Die()
		Eventually(t, "it is ready again", func() bool {
			got := s.status()
			return got.Phase == component.Ready && got.Restarts == restarts && got.Message == ""
		})
	}
}

func diesWhileItIsStopped(ctx context.Context, t *testing.T, s *Subject) {
	if s.Die == nil {
		t.Skip("nothing runs")
	}
	for range 5 {
		succeed(t, s.begin(ctx))
		var dying sync.WaitGroup
		dying.Go(s.Die)
		succeed(t, s.Stop(ctx))
		dying.Wait()
		s.rests(t, s.Log)
		if got := s.status(); got.Phase != component.Stopped {
			t.Errorf("it says %+v", got)
		}
	}
}
