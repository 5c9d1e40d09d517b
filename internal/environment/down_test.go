package environment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

func TestDownOfNone(t *testing.T) {
	home(t)
	if err := Down(t.Context(), "second", false); !errors.As(err, new(*NotFoundError)) {
		t.Errorf("of one that is not there: %v", err)
	}
	if err := Down(t.Context(), "../default", false); err == nil || errors.As(err, new(*NotFoundError)) {
		t.Errorf("of a name that is none: %v", err)
	}
}

// The supervisor is asked, and has ended when down returns.
func TestDownOfARunningOne(t *testing.T) {
	for name, keepData := range map[string]bool{"with its data": false, "keeping its data": true} {
		t.Run(name, func(t *testing.T) {
			folder, client := detached(t, serves)
			if err := Down(t.Context(), "default", keepData); err != nil {
				t.Error(err)
			}
			if !ended(client.PID) {
				t.Error("the supervisor has not ended")
			}
			if gone(folder.Path) == keepData {
				t.Errorf("its folder is gone: %t", gone(folder.Path))
			}
		})
	}
}

// What the supervisor could not take back is reported, and another down does it.
func TestDownThatLeavesSomething(t *testing.T) {
	folder, client := detached(t, fails)
	err := Down(t.Context(), "default", false)
	if !says(err, "`diorama down --name default` tries again: the network is in use") || !ended(client.PID) {
		t.Errorf("it says %v; the supervisor has ended: %t", err, ended(client.PID))
	}
	if err := Down(t.Context(), "default", false); err != nil || !gone(folder.Path) {
		t.Errorf("the second time it says %v; the folder is gone: %t", err, gone(folder.Path))
	}
}

func TestDownThatIsNotWaitedFor(t *testing.T) {
	folder, client := detached(t, lingers)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- Down(ctx, "default", false) }()
	waittest.True(t, "it is asked to stop", func() bool { return !gone(filepath.Join(folder.Path, "asked")) })
	cancel()
	err := <-result
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrGoesOn) {
		t.Errorf("it says %v", err)
	}
	if gone(folder.Path) || ended(client.PID) {
		t.Error("it is down")
	}
}

// A supervisor that holds the folder and does not answer is not taken for dead.
func TestDownOfOneThatDoesNotAnswer(t *testing.T) {
	folder := held(t, state.Record{Environment: lab(), Phase: state.Ready, Control: "/none"})
	const patience = 100 * time.Millisecond
	err := down(t.Context(), "default", false, patience)
	if !says(err, "asking the supervisor") || !says(err, "`diorama down --name default` removes") {
		t.Errorf("it says %v", err)
	}
	write(t, filepath.Join(folder.Path, "state.json"), "{")
	if err := down(t.Context(), "default", false, patience); !errors.Is(err, state.ErrHeld) {
		t.Errorf("with a record that cannot be read: %v", err)
	}
	if gone(folder.Path) {
		t.Error("its folder is gone")
	}
}

// An up that has prepared is waited for, until its supervisor can be asked.
func TestDownDuringUp(t *testing.T) {
	folder := home(t)
	p := prepared(t)
	result := make(chan error, 1)
	go func() { result <- Down(context.Background(), "default", false) }()
	t.Setenv(roleEnv, serves)
	client, err := Detach(t.Context(), p, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil || !gone(folder.Path) || !ended(client.PID) {
		t.Errorf("it says %v; gone are the folder: %t, the supervisor: %t", err, gone(folder.Path), ended(client.PID))
	}
}

// All of them are down when all have returned, whoever was asked first.
func TestDownOfManyAtOnce(t *testing.T) {
	folder, client := detached(t, serves)
	results := make(chan error, 5)
	for range cap(results) {
		go func() { results <- Down(context.Background(), "default", false) }()
	}
	for range cap(results) {
		if err := <-results; err != nil && !errors.As(err, new(*NotFoundError)) {
			t.Error(err)
		}
	}
	if !gone(folder.Path) || !ended(client.PID) {
		t.Errorf("gone are the folder: %t, the supervisor: %t", gone(folder.Path), ended(client.PID))
	}
}

// An up that was killed before its supervisor had a record leaves a folder to remove,
// of whatever kind: there is nothing else.
func TestDownOfAFolderWithoutARecord(t *testing.T) {
	for name, keepData := range map[string]bool{"with its data": false, "keeping its data": true} {
		t.Run(name, func(t *testing.T) {
			folder, env := home(t), lab()
			env.Kind = v1alpha1.Kwok
			if err := errors.Join(folder.Create(), folder.WriteEnvironment(env)); err != nil {
				t.Fatal(err)
			}
			if _, record, alive, err := Find("default"); err != nil || alive || record.Phase != state.Crashed ||
				record.Environment.Kind != v1alpha1.Kwok {
				t.Errorf("it is %+v, alive %t, %v", record, alive, err)
			}
			if err := Down(t.Context(), "default", keepData); err != nil || !gone(folder.Path) {
				t.Errorf("it says %v; the folder is gone: %t", err, gone(folder.Path))
			}
		})
	}
}

// merged is a user's kubeconfig with the context of an environment.
const merged = `{apiVersion: v1, kind: Config, current-context: diorama-default,
contexts: [{name: theirs, context: {cluster: c}}, {name: diorama-default, context: {cluster: diorama-default}}]}`

// crashed is an environment whose supervisor was killed, with its context in the
// kubeconfig and its socket elsewhere.
func crashed(t *testing.T, kind v1alpha1.Kind) (state.Folder, state.Record) {
	t.Helper()
	record := state.Record{Environment: lab(), Phase: state.Ready, PID: 4711}
	record.Environment.Kind = kind
	folder := left(t, record)
	path := write(t, os.Getenv("KUBECONFIG"), merged)
	record.Context = &state.Context{Kubeconfig: path, Name: "diorama-default", Previous: "theirs"}
	record.Control = write(t, filepath.Join(t.TempDir(), "control.sock"), "")
	if err := folder.Write(record); err != nil {
		t.Fatal(err)
	}
	return folder, record
}

func TestDownOfACrashedOne(t *testing.T) {
	for name, keepData := range map[string]bool{"with its data": false, "keeping its data": true} {
		t.Run(name, func(t *testing.T) {
			folder, record := crashed(t, v1alpha1.Embedded)
			if err := Down(t.Context(), "default", keepData); err != nil {
				t.Fatal(err)
			}
			user, err := clientcmd.LoadFromFile(record.Context.Kubeconfig)
			if err != nil || user.CurrentContext != "theirs" || len(user.Contexts) != 1 {
				t.Errorf("the kubeconfig is %+v, %v", user, err)
			}
			if !gone(filepath.Dir(record.Control)) {
				t.Error("the folder of its socket is left")
			}
			if !keepData {
				if !gone(folder.Path) {
					t.Error("its folder is left")
				}
				return
			}
			after, _, err := folder.Read()
			if err != nil || after.Phase != state.Stopped || after.Context != nil {
				t.Errorf("its record is %+v, %v", after, err)
			}
			if gone(folder.DataDir()) || !gone(folder.LogDir()) {
				t.Errorf("gone: the data %t, the logs %t", gone(folder.DataDir()), gone(folder.LogDir()))
			}
		})
	}
}

// A folder that was copied or moved names the socket of another one, which keeps
// what is its own.
func TestDownOfACopy(t *testing.T) {
	folder, record := crashed(t, v1alpha1.Embedded)
	other := t.TempDir()
	record.Control = write(t, filepath.Join(other, "control.sock"), "")
	data := write(t, filepath.Join(other, "state.json"), "{}")
	if err := folder.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := Down(t.Context(), "default", false); err != nil || !gone(folder.Path) {
		t.Errorf("it says %v; the folder is gone: %t", err, gone(folder.Path))
	}
	if gone(data) {
		t.Error("the other folder's data is gone")
	}
}

// A kubeconfig that cannot be changed is reported, and keeps nothing else there.
func TestDownWithAKubeconfigOfNoSense(t *testing.T) {
	folder, record := crashed(t, v1alpha1.Embedded)
	write(t, record.Context.Kubeconfig, "{")
	if err := Down(t.Context(), "default", false); !says(err, "taking the context diorama-default away") {
		t.Errorf("it says %v", err)
	}
	if !gone(folder.Path) || !gone(record.Control) {
		t.Errorf("gone: the folder %t, the socket %t", gone(folder.Path), gone(record.Control))
	}
}

// What a kind has outside of the folder keeps that there until it is gone.
func TestDownThatCannotCleanUp(t *testing.T) {
	const want = "docker.sock"
	for _, kind := range []v1alpha1.Kind{v1alpha1.Kwok, "of a newer version"} {
		t.Run(string(kind), func(t *testing.T) {
			folder, record := crashed(t, kind)
			for range 2 {
				if err := Down(t.Context(), "default", false); !says(err, want) {
					t.Errorf("it says %v, want %q", err, want)
				}
			}
			after, _, err := folder.Read()
			if err != nil || after.Phase != state.Crashed || gone(folder.DataDir()) || gone(folder.LogDir()) {
				t.Errorf("the folder has %+v, %v", after, err)
			}
			user, err := clientcmd.LoadFromFile(record.Context.Kubeconfig)
			if err != nil || user.CurrentContext != "theirs" {
				t.Errorf("the kubeconfig is %+v, %v", user, err)
			}
		})
	}
}

// A record that cannot be read leaves a folder to remove; its data goes only with
// the user's will.
func TestDownOfARecordThatCannotBeRead(t *testing.T) {
	folder := left(t, state.Record{})
	write(t, filepath.Join(folder.Path, "state.json"), "{")
	if err := Down(t.Context(), "default", true); !says(err, "`diorama down --name default` removes what is left") {
		t.Errorf("keeping its data: %v", err)
	}
	if gone(folder.DataDir()) {
		t.Error("its data is gone")
	}
	if err := Down(t.Context(), "default", false); err != nil || !gone(folder.Path) {
		t.Errorf("it says %v; the folder is gone: %t", err, gone(folder.Path))
	}
}
