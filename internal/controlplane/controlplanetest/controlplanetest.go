// Package controlplanetest starts a control plane for the tests of a package whose
// TestMain is Main: its programs share global state, so that each is a process, and
// the test binary is all of them.
package controlplanetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// Main runs the tests of a package; where the first argument is the name of a
// program, of the control plane's or one of more, it runs that until SIGTERM, or
// until the test that started it is gone.
func Main(m *testing.M, more ...controlplane.Program) {
	for _, program := range slices.Concat(controlplane.Programs(), more) {
		if len(os.Args) < 2 || os.Args[1] != program.Name {
			continue
		}
		ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer cancel()
		ctx, _ = component.Lifeline(ctx)
		if err := program.Run(ctx, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Start starts etcd and an API server, which end with the test. Nothing controls
// what is in it.
func Start(t *testing.T) controlplane.Options {
	t.Helper()
	ports := Ports(t, 6)
	o := controlplane.Options{Dir: t.TempDir(), Ports: controlplane.Ports{
		API: ports[0], EtcdClient: ports[1], EtcdPeer: ports[2], ControllerManager: ports[3], Scheduler: ports[4],
		KubeletTunnel: ports[5],
	}}
	if err := controlplane.EnsureCredentials(o); err != nil {
		t.Fatal(err)
	}
	for path, content := range o.Files() {
		errFolder := os.MkdirAll(filepath.Dir(path), 0o700)
		if err := errors.Join(errFolder, os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	Run(t, o.Dir, "etcd", o.EtcdArgs(), o.ProbeEtcd)
	Run(t, o.Dir, "kube-apiserver", o.APIServerArgs(), o.ProbeAPIServer)
	return o
}

// Ports are free ones that nobody else picks until the end of the test.
func Ports(t *testing.T, n int) []int {
	t.Helper()
	held := new(state.Ports)
	t.Cleanup(func() { _ = held.Release() })
	ports, err := held.Pick(n, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

// Run starts one of Main's programs and returns when its probe is answered. It ends
// with the test, and its log is in dir.
func Run(t *testing.T, dir, name string, args []string, probe func(context.Context) error) {
	t.Helper()
	process := component.NewProcess(component.ProcessConfig{
		Name: name, Path: os.Args[0], Args: append([]string{name}, args...),
		Log: filepath.Join(dir, name+".log"), Probe: probe,
	})
	ctx, cancel := context.WithTimeout(t.Context(), waittest.Patience)
	defer cancel()
	t.Cleanup(func() {
		if err := process.Stop(context.Background()); err != nil {
			t.Errorf("stopping %s: %v", name, err)
		}
	})
	err := process.Start(ctx)
	if err == nil {
		err = process.Ready(ctx)
	}
	if err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
}
