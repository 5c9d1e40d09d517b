package environment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// roleEnv says which supervisor this test binary plays.
const roleEnv = "ENVIRONMENT_TEST_ROLE"

func TestMain(m *testing.M) {
	if len(os.Args) < 4 || os.Args[1] != "supervise" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := supervise(os.Getenv(roleEnv), os.Args[3]); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
}

// The roles of a supervisor; all but those that end at once serve.
const (
	deaf    = "does not come up, and cannot be asked to end"
	ends    = "ends at once"
	forgets = "ends at once, and has removed its folder"
	silent  = "ends at once, without a word"
	hangs   = "does not come up"
	serves  = "serves"
	fails   = "cannot take everything back"
	lingers = "does not go down"
)

// supervise plays a supervisor, of which nothing is left when its test is over.
func supervise(role, name string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	folder, err := state.Open(name)
	if err != nil {
		return err
	}
	switch role {
	case ends:
		return fmt.Errorf("cannot open the frobnicator; called with %q", os.Args[4:])
	case forgets:
		return errors.Join(errors.New("cannot open the frobnicator"), folder.Remove())
	case silent:
		os.Exit(3)
	case deaf:
		signal.Ignore(syscall.SIGTERM)
		begun := os.WriteFile(filepath.Join(folder.Path, "begun"), nil, 0o600)
		<-time.After(2 * time.Minute)
		return begun
	case hangs:
		begun := os.WriteFile(filepath.Join(folder.Path, "begun"), nil, 0o600)
		<-ctx.Done()
		return errors.Join(begun, os.WriteFile(filepath.Join(folder.Path, "ended"), nil, 0o600))
	}
	return serve(ctx, role, folder)
}

// serve holds the folder and answers until it is asked to stop.
func serve(ctx context.Context, role string, folder state.Folder) error {
	lock, err := folder.TakeOver()
	if err != nil {
		return err
	}
	s := &player{asked: make(chan bool, 1)}
	record := state.Record{
		Environment: v1alpha1.Default(), Phase: state.Ready, PID: os.Getpid(),
		Control: filepath.Join(folder.Path, "control.sock"),
	}
	if err := folder.Write(record); err != nil {
		return err
	}
	stop, err := control.Serve(folder, record.Control, s)
	if err != nil {
		return err
	}
	keepData := false
	if role == lingers {
		<-s.asked
		if err := os.WriteFile(filepath.Join(folder.Path, "asked"), nil, 0o600); err != nil {
			return err
		}
	}
	select {
	case keepData = <-s.asked:
	case <-ctx.Done():
	}
	stop()
	switch {
	case role == fails:
		record.Phase, record.Message = state.Failed, "the network is in use"
		err = folder.Write(record)
	case keepData:
		record.Phase = state.Stopped
		err = folder.Write(record)
	default:
		err = folder.Remove()
	}
	err = errors.Join(err, lock.Unlock())
	// A process does not end at once when it has given its folder back.
	time.Sleep(100 * time.Millisecond)
	return err
}

// player is what a played supervisor answers.
type player struct{ asked chan bool }

func (*player) Status(context.Context) control.Status { return control.Status{Name: "played"} }

func (*player) Progress(context.Context, func(control.Progress) error) error { return nil }

func (*player) Scale(control.Size, func(control.Progress) error) error { return nil }

func (*player) Hurry() {}

func (p *player) Stop(keepData bool) { p.asked <- keepData }

// home is where environments and a kubeconfig are for one test. It returns the
// folder of the environment default, which does not exist.
func home(t *testing.T) state.Folder {
	t.Helper()
	// A socket's path may not be long: t.TempDir's can be.
	dir, err := os.MkdirTemp("", "diorama-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("DIORAMA_HOME", filepath.Join(dir, "home"))
	t.Setenv("KUBECONFIG", filepath.Join(dir, "kubeconfig"))
	// No test has a Docker engine.
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "docker.sock"))
	folder, err := state.Open("default")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// left is a folder as a supervisor with that record leaves it when it is killed.
func left(t *testing.T, record state.Record) state.Folder {
	t.Helper()
	folder := home(t)
	if err := errors.Join(folder.Create(), folder.Write(record)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// held is a folder that a process at work has.
func held(t *testing.T, record state.Record) state.Folder {
	t.Helper()
	folder := left(t, record)
	lock, err := folder.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Unlock() })
	return folder
}

// detached starts a supervisor in a role, which has ended at the end of the test.
func detached(t *testing.T, role string) (state.Folder, *control.Client) {
	t.Helper()
	home(t)
	p := prepared(t)
	t.Setenv(roleEnv, role)
	client, err := Detach(t.Context(), p, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(client.PID, syscall.SIGKILL) // which it may have been spared
		waittest.True(t, "the supervisor has ended", func() bool { return ended(client.PID) })
	})
	return p.Folder, client
}

// prepared is the folder of the environment default, as up prepares it.
func prepared(t *testing.T) *Prepared {
	t.Helper()
	p, err := Prepare(t.Context(), lab())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.lock.Unlock() }) // which it has been already, as a rule
	return p
}

func ended(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func says(err error, want string) bool { return err != nil && strings.Contains(err.Error(), want) }
