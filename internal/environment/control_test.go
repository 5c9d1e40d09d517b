package environment

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/state"
)

// served is a supervisor with no components that answers on its socket.
func served(t *testing.T) (*supervisor, *Client) {
	t.Helper()
	// A socket's path may not be long: t.TempDir's can be.
	dir, err := os.MkdirTemp("", "diorama-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &supervisor{
		folder: state.Folder{Name: "default", Path: dir}, plan: examplePlan(t), progress: newProgressLog(), flow: &flow{},
		record: state.Record{Environment: v1alpha1.Default(), Phase: state.Starting, PID: os.Getpid(), Control: filepath.Join(dir, "control.sock")},
	}
	if s.recipe, err = newRecipe(s.plan, "/none", s); err != nil {
		t.Fatal(err)
	}
	if s.group, err = component.NewGroup(nil); err != nil {
		t.Fatal(err)
	}
	stop, err := s.serveControl(s.record.Control)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s, NewClient(s.record)
}

func TestControlSocketIsForTheUserAlone(t *testing.T) {
	s, _ := served(t)
	info, err := os.Stat(s.record.Control)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("its mode is %o", mode)
	}
}

func TestStatusWhileStarting(t *testing.T) {
	_, client := served(t)
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Phase != state.Starting || status.Cluster.Nodes.Desired != 50 || status.Endpoints.Prometheus != "http://127.0.0.1:9090" {
		t.Errorf("the status is %+v", status)
	}
	if len(status.Components) != 1 || status.Components[0].RSSBytes == 0 || status.RSSBytes == 0 || status.RSSBytes > status.Components[0].RSSBytes {
		t.Errorf("the supervisor is not among the components, with its memory: %+v, %d bytes", status.Components, status.RSSBytes)
	}
}

// Who asks late is told all from the beginning, and the end once.
func TestFollowTellsEverything(t *testing.T) {
	s, client := served(t)
	s.progress.add(Progress{Component: "etcd", Phase: component.Starting})
	told := make(chan Progress, 10)
	done := make(chan error, 1)
	go func() { done <- client.Follow(t.Context(), func(p Progress) { told <- p }) }()
	if got := <-told; got.Component != "etcd" {
		t.Errorf("the first line is %+v", got)
	}
	s.progress.add(Progress{Component: "etcd", Phase: component.Ready, Took: time.Second})
	if got := <-told; got.Phase != component.Ready || got.Took != time.Second {
		t.Errorf("the second line is %+v", got)
	}
	s.progress.add(Progress{End: true, Error: "etcd: broke"})
	if err := <-done; err == nil || err.Error() != "etcd: broke" {
		t.Errorf("it ended with %v", err)
	}
	if err := client.Follow(t.Context(), func(Progress) {}); err == nil || err.Error() != "etcd: broke" {
		t.Errorf("asked again it ended with %v", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	_, client := served(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Follow(ctx, func(Progress) {}) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func TestScaleIsRefusedBeforeReady(t *testing.T) {
	s, client := served(t)
	err := client.Scale(t.Context(), 3, 6, func(Progress) {})
	if err == nil || !strings.Contains(err.Error(), "Starting") {
		t.Errorf("it says %v", err)
	}
	s.record.Phase = state.Ready
	err = client.Scale(t.Context(), 0, 6, func(Progress) {})
	if err == nil || !strings.Contains(err.Error(), "cluster.nodes is 0") {
		t.Errorf("it says %v", err)
	}
}

func TestAClientOfNobody(t *testing.T) {
	client := NewClient(state.Record{Control: filepath.Join(t.TempDir(), "none.sock")})
	if _, err := client.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "asking the supervisor") {
		t.Errorf("it says %v", err)
	}
}

// A socket's file that a killed supervisor left behind does not answer.
func TestAnswers(t *testing.T) {
	s, _ := served(t)
	if !answers(s.record.Control) {
		t.Error("a supervisor that listens does not answer")
	}
	left := filepath.Join(s.folder.Path, "left.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: left, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Fatal(err)
	}
	if answers(left) {
		t.Error("a file that nobody listens on answers")
	}
}

// A folder with a long path has its socket elsewhere, and still one.
func TestControlPath(t *testing.T) {
	long := state.Folder{Path: "/" + strings.Repeat("long/", 30)}
	path, err := controlPath(long)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Dir(path))
	if len(path) >= 104 {
		t.Errorf("%s has %d bytes", path, len(path))
	}
	if path, err := controlPath(state.Folder{Path: "/env"}); err != nil || path != "/env/control.sock" {
		t.Errorf("got %s, %v", path, err)
	}
}

func TestRunningErrorSaysWhatToDo(t *testing.T) {
	text := fmt.Sprint(&RunningError{Record: state.Record{Environment: v1alpha1.Default(), Phase: state.Ready}})
	for _, want := range []string{"default", "50 nodes", "200 pods", "diorama scale", "diorama down"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}
