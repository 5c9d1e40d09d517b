package docker

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/docker/dockertest"
)

// running is an engine with a container of an owner's that runs.
func running(t *testing.T) (*dockertest.Engine, *Engine, Owner, string) {
	t.Helper()
	engine, owner := dockertest.Start(t), Owner{Environment: "lab", Folder: "/env"}
	engine.AddImage("i:1")
	e, err := Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	network, err := e.CreateNetwork(t.Context(), owner, "n")
	if err != nil {
		t.Fatal(err)
	}
	id, err := e.Run(t.Context(), owner, network, Spec{Name: "c", Image: "i:1", Network: "n", Alias: "c"})
	if err != nil {
		t.Fatal(err)
	}
	return engine, e, owner, id
}

// A container is followed until it ends, and how it ended is known.
func TestContainerThatEnds(t *testing.T) {
	engine, e, owner, id := running(t)
	if got := e.Memory(t.Context(), id); got != dockertest.Memory {
		t.Errorf("it holds %d bytes, want %d", got, dockertest.Memory)
	}
	var log bytes.Buffer
	logged := make(chan error, 1)
	go func() { logged <- e.Logs(t.Context(), id, &log) }()
	if err := e.Signal(t.Context(), id, "HUP"); err != nil {
		t.Error(err)
	}
	if c, _ := engine.Container("c"); !slices.Equal(c.Signals, []string{"HUP"}) {
		t.Errorf("it is sent %q", c.Signals)
	}
	ended := make(chan int, 1)
	go func() {
		code, err := e.Wait(t.Context(), id)
		if err != nil {
			t.Error(err)
		}
		ended <- code
	}()
	engine.End("c", 3)
	if code := <-ended; code != 3 {
		t.Errorf("it ended with %d, want 3", code)
	}
	if err := <-logged; err != nil || log.String() != "c runs\n" {
		t.Errorf("its log is %q, %v", log.String(), err)
	}
	found, err := e.Containers(t.Context(), owner)
	if err != nil || len(found) != 1 || found[0].Name != "c" || found[0].State != "exited" || found[0].ID != id {
		t.Errorf("there is %+v, %v", found, err)
	}
	err = e.Signal(t.Context(), id, "HUP")
	if err == nil || !strings.Contains(err.Error(), "sending HUP to the container "+id[:12]) {
		t.Errorf("one that has ended takes a signal: %v", err)
	}
}

// A container that could not be asked to end is removed all the same, and one that
// is gone is no fault.
func TestStop(t *testing.T) {
	engine, e, _, id := running(t)
	engine.Fail("POST /containers/{id}/stop", "out of order")
	err := e.Stop(t.Context(), id, 1)
	if err == nil || !strings.HasPrefix(err.Error(), "stopping the container "+id[:12]) {
		t.Errorf("what was not done as it should be: %v", err)
	}
	if left := engine.Left(); !slices.Equal(left, []string{"network n"}) {
		t.Errorf("there is %q", left)
	}
	engine.Fail("POST /containers/{id}/stop", "")
	if err := e.Stop(t.Context(), id, 1); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
	if got := e.Memory(t.Context(), id); got != 0 {
		t.Errorf("one that is gone holds %d bytes", got)
	}
	for what, err := range map[string]error{
		"reading the log of the container ":    e.Logs(t.Context(), id, &bytes.Buffer{}),
		"running ctr in the container gone: ":  e.Exec(t.Context(), "gone", []string{"ctr"}, strings.NewReader("")),
		"waiting for the end of the container": waitFor(t, e, id),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("of one that is gone: %v, want %q", err, what)
		}
	}
}

func waitFor(t *testing.T, e *Engine, id string) error {
	_, err := e.Wait(t.Context(), id)
	return err
}

// What cannot be described or started is not left behind.
func TestNothingIsLeft(t *testing.T) {
	engine, e, owner, id := running(t)
	engine.Fail("GET /networks/{id}", "out of order")
	if _, err := e.CreateNetwork(t.Context(), owner, "second"); err == nil {
		t.Error("a network that cannot be looked at is used")
	}
	engine.Fail("GET /networks/{id}", "")
	engine.Fail("POST /containers/{id}/start", "out of order")
	_, err := e.Run(t.Context(), owner, Network{Name: "n"}, Spec{Name: "second", Image: "i:1", Network: "n", Alias: "s"})
	if err == nil || !strings.HasPrefix(err.Error(), "starting the container second of the image i:1: ") {
		t.Errorf("a container that does not start: %v", err)
	}
	if left := engine.Left(); !slices.Equal(left, []string{"container c", "network n"}) {
		t.Errorf("there is %q", left)
	}
	// One whose processes another one sees has to run.
	engine.Fail("POST /containers/{id}/start", "")
	if err := e.Stop(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	_, err = e.Run(t.Context(), owner, Network{Name: "n"},
		Spec{Name: "second", Image: "i:1", Network: "n", Alias: "s", Privileged: true, ProcessesOf: "c"})
	if err == nil || !strings.Contains(err.Error(), "non running container") {
		t.Errorf("it sees the processes of one that is gone: %v", err)
	}
	if left := engine.Left(); !slices.Equal(left, []string{"network n"}) {
		t.Errorf("there is %q", left)
	}
}
