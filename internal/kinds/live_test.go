package kinds

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/controlplane/controlplanetest"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

func TestMain(m *testing.M) { controlplanetest.Main(m) }

// environment runs components of a plan, as a supervisor does.
type environment struct {
	*plan.Plan
	t       *testing.T
	folder  state.Folder
	context *state.Context
}

// reserved holds ports until the end of the test.
func reserved(t *testing.T) *state.Ports {
	ports := new(state.Ports)
	t.Cleanup(func() { _ = ports.Release() })
	return ports
}

// plannedHere plans an environment in a folder of the test's, with free ports.
func plannedHere(t *testing.T, env v1alpha1.Environment) *environment {
	t.Helper()
	env.Ports = v1alpha1.Auto()
	internal, err := PickPorts(&env, reserved(t))
	if err != nil {
		t.Fatal(err)
	}
	e := &environment{t: t, folder: state.Folder{Name: env.Name, Path: t.TempDir()}}
	if err := e.folder.Create(); err != nil {
		t.Fatal(err)
	}
	if e.Plan, err = NewPlan(env, e.folder, internal); err != nil {
		t.Fatal(err)
	}
	return e
}

// make makes a component of the plan.
func (e *environment) make(name string) component.Component {
	e.t.Helper()
	return planned(e.t, e.Plan, name).Make(plan.Host{
		Executable: os.Args[0], Folder: e.folder, Waits: func(string) bool { return false }, Report: func(string, string) {},
		Context:    func() *state.Context { return e.context },
		SetContext: func(c *state.Context) error { e.context = c; return nil },
	})
}

// start makes a component, starts it, and waits until it is ready; it may fail.
func (e *environment) start(ctx context.Context, name string) (component.Component, error) {
	e.t.Helper()
	c := e.make(name)
	e.t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			e.t.Errorf("stopping %s: %v", name, err)
		}
	})
	if err := c.Start(ctx); err != nil {
		return c, err
	}
	return c, c.Ready(ctx)
}

// started starts a component that has to become ready.
func (e *environment) started(name string) component.Component {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), waittest.Patience)
	defer cancel()
	c, err := e.start(ctx, name)
	if err != nil {
		e.t.Fatalf("starting %s: %v", name, err)
	}
	return c
}

// stopped stops a component, which is stopped once more at the end of the test.
func (e *environment) stopped(c component.Component) {
	e.t.Helper()
	if err := c.Stop(e.t.Context()); err != nil {
		e.t.Errorf("stopping %s: %v", c.Name(), err)
	}
}

// writeFile writes a file of the user's and returns its path.
func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err := errors.Join(err, os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}
