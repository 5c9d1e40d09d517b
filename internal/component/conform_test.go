package component_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/component/componenttest"
)

type subject = componenttest.Subject

func never(context.Context) error { return errors.New("not yet") }

func TestProcessConforms(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	componenttest.Conform(t, componenttest.Kind{
		Works: func(t *testing.T) *subject { return process(t, "serves", component.FreeAddress(t), nil) },
		Refused: func(t *testing.T) *subject {
			log := filepath.Join(t.TempDir(), "log")
			p := component.NewProcess(component.ProcessConfig{Name: "none", Path: "/nonexistent", Log: log})
			return &subject{Component: p, Dir: filepath.Dir(log), Log: log, Says: "starting /nonexistent"}
		},
		Hangs: func(t *testing.T) *subject { return process(t, "serves", component.FreeAddress(t), never) },
		Ends: func(t *testing.T) *subject {
			s := process(t, "fails", component.FreeAddress(t), never)
			s.Says = "cannot open the frobnicator"
			return s
		},
		Deceived: func(t *testing.T) *subject {
			s := process(t, "serves", other.Listener.Addr().String(), nil)
			s.Says = "address already in use"
			return s
		},
	})
}

// process returns this test binary in a role, as a child process. Without a
// probe it is asked whether it answers.
func process(t *testing.T, role, address string, probe func(context.Context) error) *subject {
	t.Helper()
	log, pids := filepath.Join(t.TempDir(), role+".log"), filepath.Join(t.TempDir(), "pids")
	if probe == nil {
		probe = func(ctx context.Context) error { _, err := component.Ask(ctx, address); return err }
	}
	p := component.NewProcess(component.ProcessConfig{
		Name: role, Path: os.Args[0], Log: log, Probe: probe, Patience: component.Hurried,
		Env: []string{
			component.ChildEnv + "=" + role, "COMPONENT_TEST_ADDRESS=" + address, "COMPONENT_TEST_PIDS=" + pids,
		},
	})
	return &subject{
		Component: p, Dir: filepath.Dir(log), Log: log,
		Left: func() []string { return alive(t, pids) },
		Die: func() {
			// It may be gone already.
			if pid := p.Status().PID; pid > 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		},
	}
}

// alive are the processes of those noted in a file that are still there.
func alive(t *testing.T, path string) []string {
	t.Helper()
	noted, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	var left []string
	for line := range bytes.Lines(noted) {
		pid, err := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil {
			t.Error(err)
		}
		if !component.Gone(pid) {
			left = append(left, fmt.Sprintf("process %d", pid))
		}
	}
	return left
}

func TestStepConforms(t *testing.T) {
	errWork := errors.New("the work cannot be done")
	for name, probe := range map[string]bool{"with a probe": true, "without a probe": false} {
		t.Run(name, func(t *testing.T) {
			step := func(end error) func(*testing.T) *subject {
				return func(*testing.T) *subject { return newStep(probe, end) }
			}
			componenttest.Conform(t, componenttest.Kind{
				Works: step(nil), Ends: step(errWork), Refused: step(errWork), Hangs: step(context.Canceled),
			})
		})
	}
}

// newStep returns a step whose work is to be undone, and ends with an error;
// with context.Canceled when it is told to. What is probed dies on command, and
// Again brings it back.
func newStep(probed bool, end error) *subject {
	var made, dead atomic.Bool
	s := &component.Step{
		StepName: "work", Patience: component.Hurried,
		Do: func(ctx context.Context, report func(string)) error {
			report("beginning")
			made.Store(true)
			dead.Store(false)
			if errors.Is(end, context.Canceled) {
				<-ctx.Done()
				return ctx.Err()
			}
			return end
		},
		Undo: func(context.Context) error {
			if !made.CompareAndSwap(true, false) {
				return errors.New("there is nothing to undo")
			}
			return nil
		},
	}
	of := &subject{Component: s, Left: func() []string {
		if made.Load() {
			return []string{"what it made"}
		}
		return nil
	}}
	if end != nil {
		of.Says = end.Error()
	}
	if probed {
		s.Probe = func(context.Context) error {
			if dead.Load() {
				return errors.New("it is gone")
			}
			return nil
		}
		s.Again = func(context.Context) error { dead.Store(false); return nil }
		of.Die = func() { dead.Store(true) }
	}
	return of
}
