package environment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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
	if err := Abort(folder, client, false); err != nil {
		t.Error(err)
	}
	if !gone(folder.Path) || !ended(client.PID) {
		t.Errorf("the folder is gone: %t, the supervisor: %t", gone(folder.Path), ended(client.PID))
	}
	if err := Abort(folder, client, false); err != nil {
		t.Errorf("of one that has ended meanwhile it says %v", err)
	}
}

// What an earlier run has left is kept.
func TestAbortKeepsData(t *testing.T) {
	folder, client := detached(t, serves)
	if err := Abort(folder, client, true); err != nil {
		t.Error(err)
	}
	if gone(folder.Path) || !ended(client.PID) {
		t.Errorf("the folder is gone: %t, the supervisor: %t", gone(folder.Path), ended(client.PID))
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
		ends:    "the supervisor ended at once: cannot open the frobnicator; called with []",
		forgets: "the supervisor ended at once: cannot open the frobnicator",
		silent:  "the supervisor ended at once without a word: exit status 3",
	} {
		t.Run(role, func(t *testing.T) {
			folder := home(t)
			p := prepared(t)
			write(t, folder.Log("supervisor"), "level=error msg=\"of yesterday\"\n")
			t.Setenv(roleEnv, role)
			client, err := Detach(t.Context(), p, false)
			if client != nil || err == nil || err.Error() != want {
				t.Errorf("it says %v, want %s", err, want)
			}
			if !gone(folder.Path) {
				t.Error("its folder is left")
			}
		})
	}
}

// What is to be retained is there for list, logs and down, with why.
func TestDetachThatIsRetained(t *testing.T) {
	folder := home(t)
	p := prepared(t)
	t.Setenv(roleEnv, ends)
	_, err := Detach(t.Context(), p, true)
	if !says(err, `called with ["--retain"]`) {
		t.Errorf("it says %v", err)
	}
	record, alive, err := folder.Read()
	if err != nil || alive || record.Phase != state.Failed || !strings.Contains(record.Message, "frobnicator") ||
		record.Environment.Name != "default" || gone(folder.Log("supervisor")) {
		t.Errorf("its record is %+v, alive %t, %v", record, alive, err)
	}
}

// What an earlier run has left is there as it was.
func TestDetachOfOneThatEndsWithDataOfAnEarlierRun(t *testing.T) {
	folder := left(t, state.Record{Environment: lab(), Phase: state.Stopped, Message: "of yesterday"})
	data := write(t, filepath.Join(folder.DataDir(), "samples"), "")
	p := prepared(t)
	t.Setenv(roleEnv, ends)
	if _, err := Detach(t.Context(), p, false); err == nil {
		t.Error("it came up")
	}
	record, alive, err := folder.Read()
	if err != nil || alive || record.Phase != state.Stopped || record.Message != "of yesterday" || gone(data) {
		t.Errorf("its record is %+v, alive %t, %v; its data is gone: %t", record, alive, err, gone(data))
	}
}

// The interrupt of who waits reaches a supervisor that does not come up, and nothing
// of it is left.
func TestDetachIsInterrupted(t *testing.T) {
	folder := home(t)
	p := prepared(t)
	t.Setenv(roleEnv, hangs)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { _, err := Detach(ctx, p, true); result <- err }()
	waittest.True(t, "it is there", func() bool { return !gone(filepath.Join(folder.Path, "begun")) })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	if !gone(folder.Path) {
		t.Error("its folder is left")
	}
}

// One that does not hear is ended by force.
func TestEndOfOneThatDoesNotHear(t *testing.T) {
	folder := home(t)
	p := prepared(t)
	t.Setenv(roleEnv, deaf)
	cmd, err := p.command(nil, false)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	waittest.True(t, "it is there", func() bool { return !gone(filepath.Join(folder.Path, "begun")) })
	if err := end(cmd.Process, exited, 10*time.Millisecond); err != nil || !ended(cmd.Process.Pid) {
		t.Errorf("it says %v; it has ended: %t", err, ended(cmd.Process.Pid))
	}
}

func TestDetachWithoutAFolder(t *testing.T) {
	home(t)
	p := prepared(t)
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := Detach(t.Context(), p, false); !says(err, "opening the supervisor's log") {
		t.Errorf("it says %v", err)
	}
}

// A record of another process that somebody answers for is not the new supervisor's.
func TestDetachDoesNotTakeAnotherForIts(t *testing.T) {
	folder := home(t)
	p := prepared(t)
	socket := filepath.Join(folder.Path, "another.sock")
	stop, err := control.Serve(folder, socket, &player{})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	record := state.Record{Environment: lab(), Phase: state.Ready, PID: os.Getpid(), Control: socket}
	if err := folder.Write(record); err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleEnv, serves)
	client, err := Detach(t.Context(), p, false)
	if err != nil || client.PID == os.Getpid() {
		t.Fatalf("it says %v", err)
	}
	if err := Abort(folder, client, false); err != nil {
		t.Error(err)
	}
}

// A supervisor that is killed while it starts leaves what down removes.
func TestAwaitRollbackOfOneThatWasKilled(t *testing.T) {
	folder, client := detached(t, serves)
	if err := syscall.Kill(client.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := AwaitRollback(folder, client)
	if !says(err, "`diorama up --name default` goes on") || !says(err, "`diorama down --name default` removes") {
		t.Errorf("it says %v", err)
	}
	if err := Down(t.Context(), "default", false); err != nil || !gone(folder.Path) {
		t.Errorf("down says %v; the folder is gone: %t", err, gone(folder.Path))
	}
}
