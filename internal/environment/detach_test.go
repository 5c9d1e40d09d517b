package environment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// The supervisor answers when Detach returns, and lives on until it is asked to end.
func TestDetachAndAbort(t *testing.T) {
	folder, client := detached(t, serves)
	status, err := client.Status(t.Context())
	if err != nil || status.Name != "played" || client.PID == os.Getpid() {
		t.Errorf("process %d answers %+v, %v", client.PID, status, err)
	}
	if err := Abort(folder, client); err != nil {
		t.Error(err)
	}
	if !gone(folder.Path) || !ended(client.PID) {
		t.Errorf("the folder is gone: %t, the supervisor: %t", gone(folder.Path), ended(client.PID))
	}
	if err := Abort(folder, client); !says(err, "asking the supervisor") {
		t.Errorf("the second time it says %v", err)
	}
}

func TestAwaitRollback(t *testing.T) {
	folder, client := detached(t, serves)
	if err := client.Stop(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := AwaitRollback(folder, client); err != nil || !gone(folder.Path) || !ended(client.PID) {
		t.Errorf("it says %v; the folder is gone: %t, the supervisor: %t", err, gone(folder.Path), ended(client.PID))
	}
	// A lock that cannot be asked.
	if err := os.MkdirAll(filepath.Join(folder.Path, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := AwaitRollback(folder, client); !says(err, "waiting for the supervisor to end") {
		t.Errorf("it says %v", err)
	}
}

// A supervisor that ends at once is reported with what it said, also if it has
// removed its log, and not with what earlier ones said.
func TestDetachOfOneThatEnds(t *testing.T) {
	for role, want := range map[string]string{
		ends:    "the supervisor ended at once: cannot open the frobnicator; called with [\"--retain\"]",
		forgets: "the supervisor ended at once: cannot open the frobnicator",
		silent:  "the supervisor ended at once without a word: exit status 3",
	} {
		t.Run(role, func(t *testing.T) {
			folder := home(t)
			if err := folder.Create(); err != nil {
				t.Fatal(err)
			}
			write(t, folder.Log("supervisor"), "level=error msg=\"of yesterday\"\n")
			t.Setenv(roleEnv, role)
			client, err := Detach(t.Context(), folder, "--retain")
			if client != nil || err == nil || err.Error() != want {
				t.Errorf("it says %v, want %s", err, want)
			}
		})
	}
}

// The interrupt of who waits reaches a supervisor that does not come up.
func TestDetachIsInterrupted(t *testing.T) {
	folder := home(t)
	if err := folder.Create(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleEnv, hangs)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { _, err := Detach(ctx, folder); result <- err }()
	waittest.True(t, "it is there", func() bool { return !gone(filepath.Join(folder.Path, "begun")) })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	if gone(filepath.Join(folder.Path, "ended")) {
		t.Error("it has not ended by itself")
	}
}

func TestDetachWithoutAFolder(t *testing.T) {
	if _, err := Detach(t.Context(), home(t)); !says(err, "opening the supervisor's log") {
		t.Errorf("it says %v", err)
	}
}

// A record of another process, or one that nobody answers for, is not the new
// supervisor's.
func TestDetachDoesNotTakeAnotherForIts(t *testing.T) {
	folder := held(t, state.Record{Environment: lab(), Phase: state.Ready, PID: os.Getpid()})
	socket := filepath.Join(folder.Path, "control.sock")
	stop, err := control.Serve(folder, socket, &player{})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	record := state.Record{Environment: lab(), Phase: state.Ready, PID: os.Getpid(), Control: socket}
	if err := folder.Write(record); err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleEnv, serves) // which cannot have the lock
	if _, err := Detach(t.Context(), folder); err == nil || !strings.Contains(err.Error(), state.ErrHeld.Error()) {
		t.Errorf("it says %v", err)
	}
}
