package component

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// played is a Run whose end a test decides on.
type played struct {
	exited  chan struct{}
	end     sync.Once
	stopErr error
}

func newPlayed() *played { return &played{exited: make(chan struct{})} }

func (p *played) Exited() <-chan struct{} { return p.exited }
func (p *played) Reason() string          { return "exit status 9" }
func (p *played) exit()                   { p.end.Do(func() { close(p.exited) }) }

func (p *played) Stop(context.Context) error {
	p.exit()
	return p.stopErr
}

// stage launches played runs, and probes what a test says.
type stage struct {
	mu       sync.Mutex
	launched []*played
	launch   error
	probe    error
	asked    int
}

// waitAsked waits until the probe was asked so often from now on.
func (s *stage) waitAsked(t *testing.T, times int) {
	t.Helper()
	count := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.asked
	}
	until := count() + times
	eventually(t, "the probe was asked", func() bool { return count() >= until })
}

func (s *stage) set(launch, probe error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.launch, s.probe = launch, probe
}

func (s *stage) runs() []*played {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.launched
}

// supervised returns what is launched and probed so.
func (s *stage) supervised(t *testing.T, patience Patience) *Supervised {
	t.Helper()
	c := NewSupervised(SupervisedConfig{
		Name: "played", Patience: patience,
		Launch: func(context.Context) (Run, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.launch != nil {
				return nil, s.launch
			}
			run := newPlayed()
			s.launched = append(s.launched, run)
			return run, nil
		},
		Probe: func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked++
			return s.probe
		},
	})
	stopped(t, c)
	return c
}

func started(t *testing.T, c Component) {
	t.Helper()
	if err := errors.Join(c.Start(t.Context()), c.Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// reaches waits for a phase, and returns the status then.
func reaches(t *testing.T, c interface{ Status() Status }, want Phase) Status {
	t.Helper()
	var got Status
	eventually(t, "the phase "+string(want), func() bool { got = c.Status(); return got.Phase == want })
	return got
}

func TestWhatDoesNotAnswerIsReported(t *testing.T) {
	s := &stage{}
	c := s.supervised(t, hurried)
	started(t, c)
	s.set(nil, errors.New("nobody there"))
	status := reaches(t, c, NotReady)
	begins := strings.HasPrefix(status.Message, "not answering since ")
	ends := strings.HasSuffix(status.Message, ": nobody there")
	if !begins || !ends {
		t.Errorf("the message is %q", status.Message)
	}
	s.set(nil, nil)
	if status = reaches(t, c, Ready); status.Message != "" || len(s.runs()) > 1 && status.Restarts == 0 {
		t.Errorf("it answers again, but says %+v", status)
	}
}

func TestWhatDoesNotAnswerForLongIsStartedAgain(t *testing.T) {
	s := &stage{}
	c := s.supervised(t, hurried)
	started(t, c)
	s.set(nil, errors.New("nobody there"))
	eventually(t, "another run", func() bool { return len(s.runs()) == 2 })
	s.set(nil, nil)
	if status := reaches(t, c, Ready); status.Restarts != 1 || status.Message != "" {
		t.Errorf("after a restart it says %+v", status)
	}
	select {
	case <-s.runs()[0].exited:
	default:
		t.Error("the run that did not answer was not ended")
	}
}

// A run that was started again may take its time: nothing that advances is
// thrown away.
func TestARestartMayTakeLong(t *testing.T) {
	s := &stage{}
	c := s.supervised(t, hurried)
	started(t, c)
	s.set(nil, errors.New("replaying"))
	s.runs()[0].exit()
	eventually(t, "another run was asked in vain, many times", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.restarts == 1 && c.answers.missed > 3*hurried.orUsual().GivenUp
	})
	if got := len(s.runs()); got != 2 {
		t.Errorf("%d runs were launched, want 2", got)
	}
	// Why the one before ended is still reported.
	if got := c.Status().Message; got != "ended: exit status 9; does not answer yet: replaying" {
		t.Errorf("the message is %q", got)
	}
	s.set(nil, nil)
	reaches(t, c, Ready)
}

func TestARestartThatNeverAnswersIsTriedAgain(t *testing.T) {
	s, patience := &stage{}, hurried
	patience.Launch = 30 * time.Millisecond
	c := s.supervised(t, patience)
	started(t, c)
	s.set(nil, errors.New("never"))
	s.runs()[0].exit()
	eventually(t, "a third run", func() bool { return len(s.runs()) >= 3 })
}

// What ends again and again is tried for ever: its cause may go away.
func TestNothingIsGivenUp(t *testing.T) {
	s := &stage{}
	c := s.supervised(t, hurried)
	started(t, c)
	s.set(errors.New("no space left on device"), nil)
	s.runs()[0].exit()
	eventually(t, "the cause is reported", func() bool {
		status := c.Status()
		return status.Phase == Restarting && strings.Contains(status.Message, "no space left on device")
	})
	s.set(nil, nil)
	if status := reaches(t, c, Ready); status.Restarts != 1 {
		t.Errorf("it says %+v", status)
	}
	for n := 2; n < 20; n++ {
		runs := s.runs()
		runs[len(runs)-1].exit()
		eventually(t, "the next run", func() bool { return len(s.runs()) == n+1 })
	}
	reaches(t, c, Ready)
}

func TestTheFirstRunThatEndsIsAFailure(t *testing.T) {
	s := &stage{probe: errors.New("not yet")}
	c := s.supervised(t, hurried)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.runs()[0].exit()
	var exit *ExitError
	if err := c.Ready(t.Context()); !errors.As(err, &exit) || exit.Reason != "exit status 9" {
		t.Errorf("Ready returns %v", err)
	}
	if status := reaches(t, c, Failed); status.Message != "ended: exit status 9" {
		t.Errorf("it says %+v", status)
	}
	if len(s.runs()) != 1 {
		t.Error("it was launched again")
	}
}

// Somebody else may answer the probe on a port that was lost to him.
func TestAnEndCountsMoreThanAnAnswer(t *testing.T) {
	p := NewProcess(ProcessConfig{
		Name: "false", Path: "/bin/false", Log: filepath.Join(t.TempDir(), "log"), Patience: hurried,
		Probe: func(context.Context) error { return nil },
	})
	stopped(t, p)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Whether the answer comes before the end is chance; both are seen to.
	if err := p.Ready(t.Context()); err != nil {
		if got := reaches(t, p, Failed); !strings.Contains(got.Message, "exit status 1") {
			t.Errorf("it says %+v", got)
		}
		return
	}
	eventually(t, "it is started again and again", func() bool { return p.Status().Restarts > 3 })
}

// What hangs is not Ready.
func TestAProcessThatHangsIsReported(t *testing.T) {
	p, address := newChild(t, "serves")
	p.patience.Answer, p.patience.GivenUp = 100*time.Millisecond, 1<<20
	started(t, p)
	first := p.Status().PID
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is reported", func() bool { return p.Status().Phase == NotReady })
	if err := syscall.Kill(first, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it answers again", func() bool {
		pid, err := ask(t.Context(), address)
		return err == nil && pid == first && p.Status().Phase == Ready && p.Status().Restarts == 0
	})
}

func TestStopWhileItIsStartedAgain(t *testing.T) {
	s := &stage{}
	c := s.supervised(t, hurried)
	started(t, c)
	s.set(errors.New("not now"), nil)
	s.runs()[0].exit()
	reaches(t, c, Restarting)
	for range 2 {
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Status(); got.Phase != Stopped || got.Message != "" {
		t.Errorf("it says %+v", got)
	}
}

func TestStopWhileItHangs(t *testing.T) {
	c := NewSupervised(SupervisedConfig{
		Name: "hangs", Launch: func(context.Context) (Run, error) { return newPlayed(), nil },
		Probe: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err == nil {
		t.Error("it was started twice")
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStopSaysWhatItCannotEnd(t *testing.T) {
	stuck := errors.New("stuck")
	run := newPlayed()
	run.stopErr = stuck
	c := NewSupervised(SupervisedConfig{Name: "stuck", Launch: func(context.Context) (Run, error) { return run, nil }})
	started(t, c)
	if err := c.Stop(t.Context()); !errors.Is(err, stuck) {
		t.Errorf("Stop returns %v", err)
	}
}

func TestALaunchThatFails(t *testing.T) {
	s := &stage{launch: errors.New("no such image")}
	c := s.supervised(t, hurried)
	if err := c.Start(t.Context()); !errors.Is(err, s.launch) {
		t.Errorf("Start returns %v", err)
	}
	if got := c.Status(); got.Phase != Failed || got.Message != "no such image" {
		t.Errorf("it says %+v", got)
	}
	if err := c.Ready(t.Context()); !errors.Is(err, s.launch) {
		t.Errorf("Ready returns %v", err)
	}
}

// What waits for something else that does not work is reported, and not started
// again: it may be fine.
func TestWhatWaitsForAnotherIsNotStartedAgain(t *testing.T) {
	s, broken := &stage{}, &atomic.Bool{}
	c := s.supervised(t, hurried)
	c.config.Waits = broken.Load
	started(t, c)
	broken.Store(true)
	s.set(nil, errors.New("etcd failed"))
	reaches(t, c, NotReady)
	s.waitAsked(t, 3*c.patience.GivenUp)
	if got := c.Status(); len(s.runs()) != 1 || got.Phase != NotReady {
		t.Errorf("%d runs were launched, it says %+v", len(s.runs()), got)
	}
	broken.Store(false)
	eventually(t, "it is started again, now that the fault is its own", func() bool { return len(s.runs()) == 2 })
}
