package containers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/docker/dockertest"
	"github.com/diorama-lab/diorama/internal/state"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func connected(t *testing.T) (*dockertest.Engine, *Shared) {
	t.Helper()
	engine := dockertest.Start(t)
	shared := New(folder(), "diorama-lab")
	if err := shared.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return engine, shared
}

func folder() state.Folder { return state.Folder{Name: "lab", Path: "/env"} }

// same compares what the engine has left.
func same(t *testing.T, engine *dockertest.Engine, want ...string) {
	t.Helper()
	if left := engine.Left(); !slices.Equal(left, want) {
		t.Errorf("the engine has %q, want %q", left, want)
	}
}

// store is a container with a volume.
func store() docker.Spec {
	return docker.Spec{
		Name: "diorama-lab-store", Image: "store:1@" + digestA, Network: "diorama-lab", Alias: "store",
		Mounts: []docker.Mount{{Source: "diorama-lab-data", Target: "/data"}},
		Ports:  []docker.Port{{Host: 3000, Container: 80}},
	}
}

// An environment's containers from its first step to its end, and what of others
// is there before and after.
func TestLifeOfContainers(t *testing.T) {
	engine, shared := connected(t)
	engine.AddImage("store:1") // loaded: without a digest
	engine.AddNetwork("theirs", nil)
	engine.AddContainer("lab", "other:1", map[string]string{"diorama.dev/environment": "lab"})
	// What an earlier run left: its network is in the way of the new one.
	engine.AddNetwork("diorama-lab", shared.Owner.Labels())
	engine.AddContainer("diorama-lab-old", "store:1", shared.Owner.Labels())
	engine.AddVolume("diorama-lab-data", shared.Owner.Labels())
	others := []string{"container lab", "network theirs"}

	if err := shared.EnsureImages(t.Context(), []string{store().Image}, nil, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := shared.MakeNetwork(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, engine, "container lab", "network diorama-lab", "network theirs", "volume diorama-lab-data")
	id, err := shared.Create(t.Context(), store())
	if err != nil {
		t.Fatal(err)
	}
	// The engine would not find the image by the digest that it does not know.
	made, _ := engine.Container("diorama-lab-store")
	if made.ID != id || !made.Running || made.Config.Image != "store:1" || made.Network != "diorama-lab" ||
		!slices.Equal(made.Aliases, []string{"store"}) {
		t.Errorf("it is made as %+v", made)
	}
	if again, err := shared.Create(t.Context(), store()); err != nil || again == id {
		t.Errorf("it is not replaced by one of the same name: %v", err)
	}
	if err := shared.RemoveNetwork(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, engine, append(others, "volume diorama-lab-data")...)
	if err := shared.Release(true); err != nil {
		t.Fatal(err)
	}
	same(t, engine, append(others, "volume diorama-lab-data")...)
	if err := shared.Release(false); err != nil {
		t.Fatal(err)
	}
	same(t, engine, others...)
}

// What cannot be made leaves nothing behind but the network, whose step undoes it.
func TestCreateFails(t *testing.T) {
	engine, shared := connected(t)
	engine.AddImage("store:1@" + digestA)
	if _, err := shared.Create(t.Context(), store()); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("without its network: %v", err)
	}
	if err := shared.MakeNetwork(t.Context()); err != nil {
		t.Fatal(err)
	}
	unknown, unreadable := store(), store()
	unknown.Image = "none:1"
	unreadable.Mounts = []docker.Mount{{Source: "/there/is/none", Target: "/x", ReadOnly: true}}
	for want, spec := range map[string]docker.Spec{
		"No such image: none:1": unknown, "bind source path does not exist": unreadable,
	} {
		if _, err := shared.Create(t.Context(), spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := shared.Create(t.Context(), store()); err != nil {
		t.Fatal(err)
	}
	second := store()
	second.Name = "diorama-lab-second"
	_, err := shared.Create(t.Context(), second)
	if err == nil || !strings.Contains(err.Error(), "set another port in the environment file") {
		t.Errorf("two publish one port: %v", err)
	}
	same(t, engine, "container diorama-lab-store", "network diorama-lab", "volume diorama-lab-data")
	engine.AddContainer("diorama-lab-taken", "other:1", nil)
	taken := store()
	taken.Name = "diorama-lab-taken"
	if _, err := shared.Create(t.Context(), taken); !errors.As(err, new(*docker.TakenError)) {
		t.Errorf("a container of somebody else's is replaced: %v", err)
	}
}

func TestNetworkFails(t *testing.T) {
	engine, shared := connected(t)
	engine.AddContainer("old", "store:1", shared.Owner.Labels())
	for call, want := range map[string]string{
		"GET /containers/json": "listing the containers of lab", "DELETE /containers/{id}": "removing the container ",
		"POST /networks/create": "making the network diorama-lab", "GET /networks": "listing the networks of lab",
		"GET /networks/{id}": "looking at the network",
	} {
		engine.Fail(call, "out of order")
		err := shared.MakeNetwork(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), ": out of order") {
			t.Errorf("%s fails: %v, want %q", call, err, want)
		}
		engine.Fail(call, "")
		engine.AddContainer("old", "store:1", shared.Owner.Labels())
	}
	if err := shared.RemoveNetwork(t.Context()); err != nil {
		t.Error(err)
	}
	same(t, engine)
	engine.AddNetwork("diorama-lab", nil)
	if err := shared.MakeNetwork(t.Context()); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a network of somebody else's is used: %v", err)
	}
}

// What is left is removed as far as it can be: one fault does not keep the rest.
func TestReleaseGoesOn(t *testing.T) {
	for call, left := range map[string][]string{
		"DELETE /containers/{id}": {"container c", "network diorama-lab"},
		"DELETE /networks/{id}":   {"network diorama-lab"}, "DELETE /volumes/{id}": {"volume v"},
		"GET /networks": {"network diorama-lab"}, "GET /volumes": {"volume v"},
		"GET /containers/json": {"container c", "network diorama-lab", "volume v"},
	} {
		engine, shared := connected(t)
		engine.AddImage("store:1")
		engine.AddVolume("v", shared.Owner.Labels())
		if err := shared.MakeNetwork(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := shared.Create(t.Context(), docker.Spec{Name: "c", Image: "store:1", Alias: "c"}); err != nil {
			t.Fatal(err)
		}
		engine.Fail(call, "out of order")
		if err := shared.Release(false); err == nil || !strings.Contains(err.Error(), "out of order") {
			t.Errorf("%s fails: %v", call, err)
		}
		same(t, engine, left...)
		engine.Fail(call, "")
		if err := Remove(t.Context(), folder(), false); err != nil {
			t.Errorf("after %s has failed: %v", call, err)
		}
		same(t, engine)
	}
}

// The supervisor may have failed before it looked for an engine, and another
// process removes what one that was killed has left.
func TestReleaseWithoutConnect(t *testing.T) {
	engine := dockertest.Start(t)
	shared := New(folder(), "diorama-lab")
	engine.AddContainer("c", "store:1", shared.Owner.Labels())
	engine.AddNetwork("diorama-lab", shared.Owner.Labels())
	engine.AddVolume("v", shared.Owner.Labels())
	if err := shared.Release(false); err != nil {
		t.Error(err)
	}
	same(t, engine, "container c", "network diorama-lab", "volume v")
	if err := Remove(t.Context(), folder(), true); err != nil {
		t.Error(err)
	}
	same(t, engine, "volume v")
	engine.Fail("GET /version", "out of order")
	for what, err := range map[string]error{
		"removing the containers of lab: ": Remove(t.Context(), folder(), false),
		"connecting to the Docker engine":  shared.Connect(t.Context()), "out of order": check(shared),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("without an engine: %v, want %q", err, what)
		}
	}
	if err := shared.Release(false); err != nil {
		t.Errorf("it is released after a Connect that failed: %v", err)
	}
}

func check(s *Shared) error {
	return s.Check(context.Background(), []string{"diorama-lab-store"}, []string{"diorama-lab-data"})
}

// Names that somebody else has are all reported, before anything is made.
func TestCheck(t *testing.T) {
	engine := dockertest.Start(t)
	shared := New(folder(), "diorama-lab")
	if err := check(shared); err != nil {
		t.Errorf("nothing is taken: %v", err)
	}
	engine.AddContainer("diorama-lab-store", "other:1", nil)
	// Another environment of the same name, in another folder.
	engine.AddNetwork("diorama-lab", docker.Owner{Environment: "lab", Folder: "/elsewhere"}.Labels())
	engine.AddVolume("diorama-lab-data", nil)
	err := check(shared)
	if err == nil {
		t.Fatal("nothing is reported")
	}
	for _, want := range []string{
		"the container name diorama-lab-store is taken", "of the image other:1", "the network name diorama-lab is taken",
		"the volume name diorama-lab-data is taken",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	same(t, engine, "container diorama-lab-store", "network diorama-lab", "volume diorama-lab-data")
}
