package component_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/component/componenttest"
)

// engine plays a container engine with one name to give: a container that is
// created replaces the one before.
type engine struct {
	mu      sync.Mutex
	created int
	// present are the containers, also those that have ended.
	present map[string]*contained
	// refuses is why no container can be created; ends lets each end at once.
	refuses error
	ends    bool
}

// contained is one container.
type contained struct {
	ended chan struct{}
	once  sync.Once
	code  int
}

func (c *contained) end(code int) {
	c.once.Do(func() {
		c.code = code
		close(c.ended)
	})
}

var errNoContainer = errors.New("no such container")

func newEngine() *engine { return &engine{present: map[string]*contained{}} }

func (e *engine) create(context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuses != nil {
		return "", e.refuses
	}
	for id, c := range e.present {
		c.end(137)
		delete(e.present, id)
	}
	e.created++
	id, c := fmt.Sprintf("c%d", e.created), &contained{ended: make(chan struct{})}
	if e.ends {
		c.end(3)
	}
	e.present[id] = c
	return id, nil
}

func (e *engine) find(id string) (*contained, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.present[id]; c != nil {
		return c, nil
	}
	return nil, errNoContainer
}

// Logs implements component.ContainerEngine.
func (e *engine) Logs(ctx context.Context, id string, to io.Writer) error {
	c, err := e.find(id)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(to, "I am", id); err != nil {
		return err
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
	}
	return nil
}

// Wait implements component.ContainerEngine.
func (e *engine) Wait(ctx context.Context, id string) (int, error) {
	c, err := e.find(id)
	if err != nil {
		return 0, err
	}
	select {
	case <-c.ended:
		return c.code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Stop implements component.ContainerEngine. It does not mind one that is gone.
func (e *engine) Stop(_ context.Context, id string, _ int) error {
	if c, err := e.find(id); err == nil {
		c.end(143)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.present, id)
	return nil
}

// Memory implements component.ContainerEngine.
func (e *engine) Memory(_ context.Context, id string) uint64 {
	if _, err := e.find(id); err != nil {
		return 0
	}
	return 5 << 20
}

func (e *engine) refuse(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuses = err
}

// die ends what runs.
func (e *engine) die() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.present {
		c.end(137)
	}
}

// left names the containers that are there.
func (e *engine) left() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.present))
}

// subject returns a container of the engine.
func (e *engine) subject(t *testing.T, probe func(context.Context) error) (*component.Container, *subject) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "contained.log")
	c := component.NewContainer(component.ContainerConfig{
		Name: "contained", Log: log, Image: "example/contained:1", Engine: e, Create: e.create,
		Probe: probe, Patience: component.Hurried,
	})
	return c, &subject{Component: c, Dir: filepath.Dir(log), Log: log, Left: e.left, Die: e.die}
}

func TestContainerConforms(t *testing.T) {
	answered := func(context.Context) error { return nil }
	refused := errors.New("no such image")
	container := func(
		refuses error, ends bool, probe func(context.Context) error, says string,
	) func(*testing.T) *subject {
		return func(t *testing.T) *subject {
			e := newEngine()
			e.refuses, e.ends = refuses, ends
			_, s := e.subject(t, probe)
			s.Says = says
			return s
		}
	}
	componenttest.Conform(t, componenttest.Kind{
		Works:    container(nil, false, answered, ""),
		Refused:  container(refused, false, answered, refused.Error()),
		Hangs:    container(nil, false, never, ""),
		Ends:     container(nil, true, never, "I am c1"),
		Deceived: container(nil, true, answered, "exit status 3"),
	})
}

func TestContainer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	e := newEngine()
	c, of := e.subject(t, nil)
	if err := errors.Join(c.Stop(t.Context()), c.Start(t.Context()), c.Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
	if s := c.Status(); s.Phase != component.Ready || s.Container != "c1" || s.Image != "example/contained:1" {
		t.Errorf("it says %+v", s)
	}
	componenttest.Eventually(t, "its memory", func() bool { return c.Memory() == 5<<20 })

	e.refuse(errors.New("the engine is away"))
	e.die()
	componenttest.Eventually(t, "the cause", func() bool {
		s := c.Status()
		return s.Phase == component.Restarting && strings.Contains(s.Message, "the engine is away")
	})
	e.refuse(nil)
	componenttest.Eventually(t, "another container", func() bool {
		s := c.Status()
		return s.Phase == component.Ready && s.Container == "c2" && s.Restarts == 1
	})
	for range 2 {
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Status(); s.Phase != component.Stopped || s.Container != "" {
		t.Errorf("it says %+v", s)
	}
	if left := e.left(); len(left) > 0 || e.created != 2 {
		t.Errorf("left of %d are %q", e.created, left)
	}
	if text, err := os.ReadFile(of.Log); err != nil || string(text) != "I am c1\nI am c2\n" {
		t.Errorf("the log is %q, %v", text, err)
	}
}

func TestContainerThatCannotBeMade(t *testing.T) {
	e := newEngine()
	e.refuses = errors.New("no such image")
	c, _ := e.subject(t, nil)
	if err := c.Start(t.Context()); !errors.Is(err, e.refuses) {
		t.Errorf("Start returns %v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestContainerThatEndsAtOnce(t *testing.T) {
	e := newEngine()
	e.ends = true
	c, _ := e.subject(t, never)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var exit *component.ExitError
	err := c.Ready(t.Context())
	if !errors.As(err, &exit) || exit.Reason != "exit status 3" || !strings.Contains(err.Error(), "I am c1") {
		t.Errorf("Ready returns %v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
