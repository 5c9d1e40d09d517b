package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/rollout"
	"github.com/diorama-lab/diorama/internal/state"
)

// What is printed of a component tells how it runs as far as that is a value.
func TestComponentJSON(t *testing.T) {
	shared := containers.New(state.Folder{Name: "a"}, "diorama-a")
	for want, c := range map[string]Component{
		`{"name":"etcd","args":["etcd","--x"],"env":["A=1"]}`: {
			Name: "etcd", Runs: Process{Args: []string{"etcd", "--x"}, Env: []string{"A=1"}},
		},
		`{"name":"lgtm","needs":["network"],"container":` +
			`{"name":"diorama-a-lgtm","image":"lgtm:1","network":"diorama-a","alias":"lgtm"}}`: {
			Name: "lgtm", Needs: []string{"network"}, Runs: NewContainer(shared, "lgtm", docker.Spec{Image: "lgtm:1"}),
		},
		`{"name":"workloads","does":"applies them"}`: {Name: "workloads", Runs: Workload{Does: "applies them"}},
		`{"name":"network","does":"makes it"}`:       {Name: "network", Runs: Step{Does: "makes it"}},
		`{"name":"context","does":"adds it"}`:        {Name: "context", Runs: KubeContext{Does: "adds it", Context: "x"}},
	} {
		if got, err := json.Marshal(c); err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

// A process runs the executable, with what the plan says, and is probed.
func TestProcess(t *testing.T) {
	h := new(hosted)
	host := h.host(t)
	log := host.Folder.Log("child")
	c := Component{
		Name: "child", Needs: []string{"other"},
		Runs: Process{Args: []string{"play", "--one"}, Env: []string{childEnv + "=hello"}},
		Probe: func(context.Context) error {
			if data, err := os.ReadFile(log); err != nil || len(data) == 0 {
				return errors.New("it has said nothing")
			}
			return nil
		},
	}.Make(host)
	stopped(t, c)
	if err := started(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := read(t, log); got != "hello [play --one]\n" {
		t.Errorf("it says %q", got)
	}
	status := c.(*component.Process).Status()
	if status.Name != "child" || status.PID == 0 || !slices.Equal(c.Needs(), []string{"other"}) {
		t.Errorf("it is %+v and needs %q", status, c.Needs())
	}
}

// A step is done under the component's name, and what it has brought about is
// brought back when it does not answer, but not while it waits for another.
func TestStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var works, waits atomic.Bool
		var asked atomic.Int32
		done := make(chan string, 10)
		waits.Store(true)
		h := new(hosted)
		host := h.host(t)
		host.Waits = func(name string) bool { asked.Add(1); return name == "cluster" && waits.Load() }
		c := Component{
			Name: "cluster", Needs: []string{"api"},
			Runs: Step{
				Do: func(_ context.Context, report func(string)) error {
					report("making it")
					works.Store(true)
					done <- "do"
					return nil
				},
				Again:   func(context.Context) error { works.Store(true); done <- "again"; return nil },
				Undo:    func(context.Context) error { done <- "undo"; return nil },
				GivenUp: 3,
			},
			Probe: func(context.Context) error {
				if works.Load() {
					return nil
				}
				return errBroke
			},
		}.Make(host)
		if err := started(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(h.reported, []string{"cluster: making it"}) || c.Name() != "cluster" || c.Needs()[0] != "api" {
			t.Errorf("%s, which needs %q, reports %q", c.Name(), c.Needs(), h.reported)
		}
		works.Store(false)
		time.Sleep(time.Hour) // of the bubble's clock
		if len(done) != 1 || asked.Load() < 10 {
			t.Errorf("while it waits there were %d calls; asked %d times whether it does", len(done), asked.Load())
		}
		waits.Store(false)
		time.Sleep(10 * time.Second) // sooner than others are given up
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(done)
		var order []string
		for what := range done {
			order = append(order, what)
		}
		if !slices.Equal(order, []string{"do", "again", "undo"}) {
			t.Errorf("it did %q", order)
		}
	})
}

// A workload finds its cluster when it starts, and reports under its own name.
func TestWorkload(t *testing.T) {
	h := new(hosted)
	away := Component{Name: "chart", Needs: []string{"api"}, Runs: Workload{Config: rollout.WorkloadConfig{
		Name: "another", Config: func() (*rest.Config, error) { return nil, errBroke },
	}}}.Make(h.host(t))
	if err := away.Start(t.Context()); !errors.Is(err, errBroke) {
		t.Errorf("without a cluster: %v", err)
	}
	if away.Name() != "chart" || !slices.Equal(away.Needs(), []string{"api"}) {
		t.Errorf("it is %s and needs %q", away.Name(), away.Needs())
	}
	c := Component{Name: "chart", Runs: Workload{Config: rollout.WorkloadConfig{
		Config: func() (*rest.Config, error) { return &rest.Config{Host: "http://127.0.0.1:1"}, nil },
		Objects: func(_ context.Context, _ *rest.Config, report func(string)) ([]*rollout.Object, error) {
			report("rendering")
			return nil, errBroke
		},
	}}}.Make(h.host(t))
	stopped(t, c)
	if err := started(t.Context(), c); !errors.Is(err, errBroke) {
		t.Errorf("with objects that cannot be made: %v", err)
	}
	if !slices.Equal(h.reported, []string{"chart: rendering"}) {
		t.Errorf("it reports %q", h.reported)
	}
}

// A container is made in the environment's network, under its component's name.
func TestContainer(t *testing.T) {
	var name string
	var made struct {
		Image            string
		NetworkingConfig struct {
			EndpointsConfig map[string]struct{ Aliases []string }
		}
	}
	shared := containers.New(state.Folder{Name: "a", Path: "/a"}, "diorama-a")
	engine(t, func(w http.ResponseWriter, r *http.Request) {
		name = r.URL.Query().Get("name")
		if err := json.NewDecoder(r.Body).Decode(&made); err != nil {
			t.Error(err)
		}
		http.Error(w, `{"message": "there is no room"}`, http.StatusInsufficientStorage)
	})
	if err := shared.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Close() })
	shared.Network = docker.Network{Name: shared.Name}
	h := new(hosted)
	c := Component{
		Name: "lgtm", Needs: []string{"network"}, Runs: NewContainer(shared, "lgtm", docker.Spec{Image: "lgtm:1"}),
	}.Make(h.host(t))
	stopped(t, c)
	if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no room") {
		t.Errorf("it says %v", err)
	}
	aliases := made.NetworkingConfig.EndpointsConfig["diorama-a"].Aliases
	if name != "diorama-a-lgtm" || made.Image != "lgtm:1" || !slices.Equal(aliases, []string{"lgtm"}) {
		t.Errorf("%s was to be made as %+v", name, made)
	}
	status := c.(*component.Container).Status()
	if status.Name != "lgtm" || status.Image != "lgtm:1" || !strings.HasSuffix(status.Log, "lgtm.log") ||
		!slices.Equal(c.Needs(), []string{"network"}) {
		t.Errorf("it is %+v and needs %q", status, c.Needs())
	}
}

// engine is a Docker engine that has nothing, and makes containers as create says.
func engine(t *testing.T, create http.HandlerFunc) {
	t.Helper()
	dir, err := os.MkdirTemp("", "diorama-test-") // a socket's path may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.43") })
	mux.HandleFunc("GET /{version}/version", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"Version": "24.0.0", "ApiVersion": "1.43"}`)
	})
	mux.HandleFunc("GET /{version}/info", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"OSType": "linux"}`)
	})
	mux.HandleFunc("POST /{version}/containers/create", create)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"message": "no such thing"}`, http.StatusNotFound)
	})
	server, done := &http.Server{Handler: mux}, make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	t.Setenv("DOCKER_HOST", "unix://"+socket)
}
