package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/kinds"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/telemetry"
)

// served is a supervisor with no components that answers on its socket.
func served(t *testing.T) (*supervisor, *control.Client) {
	t.Helper()
	// A socket's path may not be long: t.TempDir's can be.
	dir, err := os.MkdirTemp("", "diorama-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	folder := state.Folder{Name: "default", Path: dir}
	planned, err := kinds.DryPlan(v1alpha1.Default(), folder)
	if err != nil {
		t.Fatal(err)
	}
	s := &supervisor{
		folder: folder, plan: planned, progress: control.NewLog(), flow: telemetry.NewFlow(planned.Telemetry),
		record: state.Record{
			Environment: v1alpha1.Default(), Phase: state.Starting, PID: os.Getpid(),
			Control: filepath.Join(dir, "control.sock"),
		},
	}
	if s.group, err = component.NewGroup(nil); err != nil {
		t.Fatal(err)
	}
	stop, err := control.Serve(folder, s.record.Control, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s, control.NewClient(s.record)
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
	if status.Phase != state.Starting || status.Cluster.Nodes.Desired != 50 ||
		status.Endpoints.Prometheus != "http://127.0.0.1:9090" {
		t.Errorf("the status is %+v", status)
	}
	all := status.Components
	if len(all) != 1 || all[0].RSSBytes == 0 || status.RSSBytes == 0 || status.RSSBytes > all[0].RSSBytes {
		t.Errorf("the supervisor is not among the components, with its memory: %+v, %d bytes", all, status.RSSBytes)
	}
}

// Who asks late is said all from the beginning, and the end once.
func TestFollowTellsEverything(t *testing.T) {
	s, client := served(t)
	s.progress.Add(control.Progress{Component: "etcd", Phase: component.Starting})
	said := make(chan control.Progress, 10)
	done := make(chan error, 1)
	go func() { done <- client.Follow(t.Context(), func(p control.Progress) { said <- p }) }()
	if got := <-said; got.Component != "etcd" {
		t.Errorf("the first line is %+v", got)
	}
	s.progress.Add(control.Progress{Component: "etcd", Phase: component.Ready, Took: time.Second})
	if got := <-said; got.Phase != component.Ready || got.Took != time.Second {
		t.Errorf("the second line is %+v", got)
	}
	s.progress.Add(control.Progress{End: true, Error: "etcd: broke"})
	if err := <-done; err == nil || err.Error() != "etcd: broke" {
		t.Errorf("it ended with %v", err)
	}
	if err := client.Follow(t.Context(), func(control.Progress) {}); err == nil || err.Error() != "etcd: broke" {
		t.Errorf("asked again it ended with %v", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	_, client := served(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Follow(ctx, func(control.Progress) {}) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func TestScaleIsRefusedBeforeReady(t *testing.T) {
	s, client := served(t)
	err := client.Scale(t.Context(), 3, 6, func(control.Progress) {})
	if err == nil || !strings.Contains(err.Error(), "Starting") {
		t.Errorf("it says %v", err)
	}
	s.record.Phase = state.Ready
	err = client.Scale(t.Context(), 0, 6, func(control.Progress) {})
	if err == nil || !strings.Contains(err.Error(), "cluster.nodes is 0") {
		t.Errorf("it says %v", err)
	}
}

func TestAClientOfNobody(t *testing.T) {
	client := control.NewClient(state.Record{Control: filepath.Join(t.TempDir(), "none.sock")})
	if _, err := client.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "asking the supervisor") {
		t.Errorf("it says %v", err)
	}
}
