package component

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// playedEngine has containers that end when a test says so.
type playedEngine struct {
	mu      sync.Mutex
	refuses error
	ended   map[string]chan int
	removed []string
}

func (e *playedEngine) run(context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuses != nil {
		return "", e.refuses
	}
	id := fmt.Sprintf("c%d", len(e.ended)+1)
	e.ended[id] = make(chan int, 1)
	return id, nil
}

func (e *playedEngine) Logs(_ context.Context, id string, to io.Writer) error {
	_, err := fmt.Fprintln(to, "I am", id)
	return err
}

func (e *playedEngine) Wait(ctx context.Context, id string) (int, error) {
	e.mu.Lock()
	ended := e.ended[id]
	e.mu.Unlock()
	select {
	case code := <-ended:
		return code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (e *playedEngine) Stop(_ context.Context, id string, _ int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.removed = append(e.removed, id)
	return nil
}

func (e *playedEngine) Memory(context.Context, string) uint64 { return 5 << 20 }

func (e *playedEngine) refuse(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuses = err
}

// played returns a container of the engine and its log.
func (e *playedEngine) played(t *testing.T) (*Container, string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "played.log")
	return e.supervised(ContainerConfig{
		Name: "played", Log: log, Patience: Patience{RestartFirst: time.Millisecond, Period: time.Millisecond},
	}), log
}

func (e *playedEngine) supervised(config ContainerConfig) *Container {
	config.Image, config.Engine, config.Create = "example/played:1", e, e.run
	return NewContainer(config)
}

func awaitStatus(t *testing.T, c *Container, what string, is func(Status) bool) {
	t.Helper()
	eventually(t, what, func() bool { return is(c.Status()) })
}

func TestContainer(t *testing.T) {
	defer goleak.VerifyNone(t)
	e := &playedEngine{ended: map[string]chan int{}}
	c, log := e.played(t)
	if err := errors.Join(c.Stop(t.Context()), c.Start(t.Context()), c.Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
	if s := c.Status(); s.Phase != Ready || s.Container != "c1" || s.Image != "example/played:1" {
		t.Errorf("it says %+v", s)
	}
	awaitStatus(t, c, "its memory", func(Status) bool { return c.Memory() == 5<<20 })

	e.refuse(errors.New("the engine is away"))
	e.ended["c1"] <- 137
	awaitStatus(t, c, "the cause", func(s Status) bool {
		return s.Phase == Restarting && strings.Contains(s.Message, "the engine is away")
	})
	e.refuse(nil)
	awaitStatus(t, c, "another container", func(s Status) bool {
		return s.Phase == Ready && s.Container == "c2" && s.Restarts == 1
	})
	for range 2 {
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Status(); s.Phase != Stopped || s.Container != "" {
		t.Errorf("it says %+v", s)
	}
	if len(e.removed) != 1 || e.removed[0] != "c2" {
		t.Errorf("removed were %q", e.removed)
	}
	if text, err := os.ReadFile(log); err != nil || string(text) != "I am c1\nI am c2\n" {
		t.Errorf("the log is %q, %v", text, err)
	}
}

func TestContainerThatCannotBeMade(t *testing.T) {
	defer goleak.VerifyNone(t)
	e := &playedEngine{ended: map[string]chan int{}, refuses: errors.New("no such image")}
	c, _ := e.played(t)
	if err := c.Start(t.Context()); !errors.Is(err, e.refuses) {
		t.Errorf("Start returns %v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestContainerThatEndsAtOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	e := &playedEngine{ended: map[string]chan int{}}
	never := func(context.Context) error { return errors.New("not yet") }
	c := e.supervised(ContainerConfig{Name: "played", Log: filepath.Join(t.TempDir(), "log"), Probe: never})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.ended["c1"] <- 3
	var exit *ExitError
	err := c.Ready(t.Context())
	if !errors.As(err, &exit) || exit.Reason != "exit status 3" || !strings.Contains(err.Error(), "I am c1") {
		t.Errorf("Ready returns %v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
