package control

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/state"
)

// A socket's file that a killed supervisor left behind does not answer.
func TestAnswers(t *testing.T) {
	// A socket's path may not be long: t.TempDir's can be.
	dir, err := os.MkdirTemp("", "diorama-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	left := filepath.Join(dir, "left.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: left, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if !Answers(left) {
		t.Error("a supervisor that listens does not answer")
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Fatal(err)
	}
	if Answers(left) {
		t.Error("a file that nobody listens on answers")
	}
}

// A folder with a long path has its socket elsewhere, and still one.
func TestPath(t *testing.T) {
	long := state.Folder{Path: "/" + strings.Repeat("long/", 30)}
	path, err := Path(long)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Dir(path))
	if len(path) >= 104 {
		t.Errorf("%s has %d bytes", path, len(path))
	}
	if path, err := Path(state.Folder{Path: "/env"}); err != nil || path != "/env/control.sock" {
		t.Errorf("got %s, %v", path, err)
	}
}
