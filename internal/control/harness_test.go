package control

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a supervisor that does what a test says; a nil function does nothing.
type scripted struct {
	status   Status
	progress func(ctx context.Context, emit func(Progress) error) error
	scale    func(size Size, emit func(Progress) error) error
	hurry    func()
	stop     func(keepData bool)
}

func (s *scripted) Status(context.Context) Status { return s.status }

func (s *scripted) Progress(ctx context.Context, emit func(Progress) error) error {
	return s.progress(ctx, emit)
}

func (s *scripted) Scale(size Size, emit func(Progress) error) error { return s.scale(size, emit) }

func (s *scripted) Hurry() { s.hurry() }

func (s *scripted) Stop(keepData bool) { s.stop(keepData) }

// served answers with a supervisor until the end of the test, and returns who asks it.
func served(t *testing.T, s Supervisor) *Client {
	t.Helper()
	dir := shortDir(t)
	record := state.Record{PID: 4711, Control: filepath.Join(dir, "control.sock")}
	stop, err := Serve(state.Folder{Path: dir}, record.Control, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return NewClient(record)
}

// answered answers every request in one way, which a supervisor may not.
func answered(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	record := state.Record{Control: filepath.Join(shortDir(t), "control.sock")}
	listener, err := net.Listen("unix", record.Control)
	if err != nil {
		t.Fatal(err)
	}
	server, done := &http.Server{Handler: answer}, make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return NewClient(record)
}

// shortDir is a folder for sockets, whose paths may not be long: t.TempDir's can be.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "diorama-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// leaveSocket leaves what a killed supervisor leaves: a socket that nobody listens on.
func leaveSocket(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "control.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if gone(path) {
		t.Fatal("the socket's file is gone with its listener")
	}
	return path
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// received waits for what a test has to hear of.
func received[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came for a minute")
		panic("not reached")
	}
}
