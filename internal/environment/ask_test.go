package environment

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/state"
)

// unwell is a supervisor of an environment that is Ready only once somebody was in a
// hurry; silent is one that does not answer.
type unwell struct {
	player
	silent  bool
	hurried atomic.Bool
}

func (u *unwell) Status(ctx context.Context) control.Status {
	if u.silent {
		<-ctx.Done()
	}
	if u.hurried.Load() {
		return control.Status{Phase: state.Ready}
	}
	return control.Status{Phase: state.Degraded, Message: "etcd ended: exit status 1"}
}

func (u *unwell) Hurry() { u.hurried.Store(true) }

// kept returns the record of what a supervisor keeps in this process.
func kept(t *testing.T, s control.Supervisor) state.Record {
	t.Helper()
	folder := home(t)
	if err := folder.Create(); err != nil {
		t.Fatal(err)
	}
	record := state.Record{
		Environment: v1alpha1.Default(), Phase: state.Ready, PID: 4711, Control: filepath.Join(folder.Path, "control.sock"),
	}
	stop, err := control.Serve(folder, record.Control, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return record
}

// What has ended is started, and waited for.
func TestRecover(t *testing.T) {
	record := kept(t, &unwell{})
	if status, err := Ask(t.Context(), record); err != nil || status.Phase != state.Degraded {
		t.Errorf("it is %s, %v", status.Phase, err)
	}
	if status, err := Recover(t.Context(), record); err != nil || status.Phase != state.Ready {
		t.Errorf("after that it is %s, %v", status.Phase, err)
	}
}

// A supervisor that does not answer is not waited for long, and named.
func TestAskOfASilentOne(t *testing.T) {
	record := kept(t, &unwell{silent: true})
	_, err := Ask(t.Context(), record)
	if !errors.As(err, new(*SilentError)) {
		t.Fatalf("it says %v", err)
	}
	for _, want := range []string{`"default" (pid 4711)`, "`kill -9 4711`", "`diorama up --name default`", "2s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ask(gone, record); errors.As(err, new(*SilentError)) || err == nil {
		t.Errorf("who does not wait hears %v", err)
	}
}
