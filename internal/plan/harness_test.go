package plan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/state"
)

// childEnv makes this test binary play a child process.
const childEnv = "PLAN_TEST_CHILD"

func TestMain(m *testing.M) {
	if greeting := os.Getenv(childEnv); greeting != "" {
		ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer cancel()
		ctx, _ = component.Lifeline(ctx)
		fmt.Println(greeting, os.Args[1:])
		<-ctx.Done()
		return
	}
	goleak.VerifyTestMain(m)
}

// hosted is a Host that keeps what is reported to it.
type hosted struct {
	mu       sync.Mutex
	reported []string
	context  *state.Context
	// forgets makes it fail to write the context down.
	forgets error
}

func (h *hosted) host(t *testing.T) Host {
	t.Helper()
	folder := state.Folder{Name: "default", Path: t.TempDir()}
	if err := folder.Create(); err != nil {
		t.Fatal(err)
	}
	return Host{
		Executable: os.Args[0], Folder: folder, Waits: func(string) bool { return false },
		Report: func(name, text string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.reported = append(h.reported, name+": "+text)
		},
		Context:    func() *state.Context { return h.context },
		SetContext: func(c *state.Context) error { h.context = c; return h.forgets },
	}
}

// stopped stops a component at the end of the test.
func stopped(t *testing.T, c component.Component) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// started starts a component and waits until it is ready.
func started(ctx context.Context, c component.Component) error {
	if err := c.Start(ctx); err != nil {
		return err
	}
	return c.Ready(ctx)
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var errBroke = errors.New("it broke")

func inTemp(t *testing.T, name string) string { return filepath.Join(t.TempDir(), name) }
