package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// TestMain lets this test binary play the processes of a plan: one that serves, and
// otherwise ones that end at once.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-test.") {
		goleak.VerifyTestMain(m)
		return
	}
	if os.Args[1] != "serves" {
		fmt.Println("cannot open the frobnicator")
		os.Exit(3)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	ctx, _ = component.Lifeline(ctx)
	<-ctx.Done()
}

var errBroke = errors.New("it broke")

// lab is a plan of small components, and what became of it.
type lab struct {
	folder  state.Folder
	plan    *plan.Plan
	options Options

	mu      sync.Mutex
	journal []string
}

// newLab has a folder as up prepares it, and a plan of no components.
func newLab(t *testing.T) *lab {
	t.Helper()
	// A socket's path may not be long: t.TempDir's can be.
	dir, err := os.MkdirTemp("", "diorama-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l := &lab{folder: state.Folder{Name: "default", Path: filepath.Join(dir, "default")}}
	if err := l.folder.Create(); err != nil {
		t.Fatal(err)
	}
	l.plan = plan.New(v1alpha1.Default(), l.folder, map[string]int{"etcd": 20001})
	l.plan.Cluster = &cluster.Cluster{}
	l.plan.Connect = func(context.Context) error { l.note("connect"); return nil }
	l.plan.Prepare = func() error { l.note("prepare"); return nil }
	l.plan.Release = func(keep bool) error { l.note(fmt.Sprintf("release, keeping %t", keep)); return nil }
	return l
}

func (l *lab) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.journal = append(l.journal, what)
}

func (l *lab) did() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.journal, "; ")
}

// step adds a step that notes that it is done and taken back. do, which may be nil,
// is its work.
func (l *lab) step(name string, do func(ctx context.Context, report func(string)) error, needs ...string) {
	l.plan.Add(plan.Component{Name: name, Needs: needs, Runs: plan.Step{
		Do: func(ctx context.Context, report func(string)) error {
			l.note("do " + name)
			if do == nil {
				return nil
			}
			return do(ctx, report)
		},
		Undo: func(context.Context) error { l.note("undo " + name); return nil },
	}})
}

// made is a supervisor that has not started anything.
func (l *lab) made(t *testing.T) *supervisor {
	t.Helper()
	s, err := newSupervisor(l.folder, l.plan)
	if err == nil {
		err = s.makeReady(l.options)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// hadData makes the folder one that an earlier run has left.
func (l *lab) hadData(t *testing.T, left state.Record) {
	t.Helper()
	if err := l.folder.Write(left); err != nil {
		t.Fatal(err)
	}
}

// running is a supervisor at work.
type running struct {
	lab    *lab
	end    context.CancelFunc
	result chan error
}

// up runs the plan as Run does, under the folder's lock.
func (l *lab) up(t *testing.T) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{lab: l, end: cancel, result: make(chan error, 1)}
	lock, err := l.folder.Lock()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.result <- errors.Join(run(ctx, l.folder, l.plan, l.options), lock.Unlock())
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

// client asks the supervisor once it answers.
func (r *running) client(t *testing.T) *control.Client {
	t.Helper()
	var record state.Record
	waittest.True(t, "the supervisor answers", func() bool {
		var err error
		record, _, err = r.lab.folder.Read()
		return err == nil && record.PID == os.Getpid() && control.Answers(record.Control)
	})
	return control.NewClient(record)
}

// ready waits until the environment is up.
func (r *running) ready(t *testing.T) *control.Client {
	t.Helper()
	client := r.client(t)
	if err := client.Follow(t.Context(), func(control.Progress) {}); err != nil {
		t.Fatal(err)
	}
	return client
}

// wait returns what the supervisor ended with.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.result:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the supervisor has not ended for a minute")
		return nil
	}
}

// record is what the folder says when nobody holds it.
func (l *lab) record(t *testing.T) state.Record {
	t.Helper()
	record, _, err := l.folder.Read()
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func (l *lab) removed() bool { return gone(l.folder.Path) }

func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// component returns the status of one component, and whether there is any.
func componentOf(status control.Status, name string) (control.ComponentStatus, bool) {
	i := slices.IndexFunc(status.Components, func(c control.ComponentStatus) bool { return c.Name == name })
	if i < 0 {
		return control.ComponentStatus{}, false
	}
	return status.Components[i], true
}
