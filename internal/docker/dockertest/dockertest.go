// Package dockertest is a container engine in memory, for tests of what makes and
// removes containers, networks, volumes and images. It refuses what Docker refuses
// (https://docs.docker.com/reference/api/engine), and any call it is told to.
package dockertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/system"
)

const apiVersion = "1.51"

// Engine is a container engine, and what it has. Containers do nothing until End,
// a signal or their removal.
type Engine struct {
	t  testing.TB
	mu sync.Mutex
	// made counts what was made, for IDs.
	made       int
	containers map[string]*Container
	networks   map[string]labelled
	volumes    map[string]map[string]string
	images     []image
	// registry has what can be pulled.
	registry []image
	// failures are what calls are answered with, by their pattern.
	failures map[string]string
	patterns []string
}

// Container is what the engine has of one.
type Container struct {
	ID, Name string
	Config   container.Config
	Host     container.HostConfig
	Network  string
	Aliases  []string
	Running  bool
	Signals  []string
	ExitCode int64
	ended    chan struct{}
}

type labelled struct {
	id     string
	labels map[string]string
}

// Start starts an engine that DOCKER_HOST names until the test ends.
func Start(t testing.TB) *Engine {
	t.Helper()
	e := &Engine{
		t: t, containers: map[string]*Container{}, networks: map[string]labelled{},
		volumes: map[string]map[string]string{}, failures: map[string]string{},
	}
	mux := http.NewServeMux()
	for pattern, answer := range e.calls() {
		e.patterns = append(e.patterns, pattern)
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { e.serve(w, r, pattern, answer) })
	}
	version := regexp.MustCompile(`^/v1\.\d+`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = version.ReplaceAllString(r.URL.Path, "")
		if _, pattern := mux.Handler(r); pattern == "" {
			t.Errorf("the engine of the test does not know %s %s", r.Method, r.URL.Path)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(e.endAll)
	t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
	return e
}

// call answers a request, or returns why not. It holds the engine's lock.
type call func(w http.ResponseWriter, r *http.Request) error

func (e *Engine) calls() map[string]call {
	return map[string]call{
		"GET /_ping": e.ping, "HEAD /_ping": e.ping, "GET /version": e.version, "GET /info": e.info,
		"GET /containers/json": e.listContainers, "POST /containers/create": e.createContainer,
		"GET /containers/{id}/json": e.inspectContainer, "POST /containers/{id}/start": e.startContainer,
		"POST /containers/{id}/stop": e.stopContainer, "POST /containers/{id}/kill": e.killContainer,
		"POST /containers/{id}/wait": e.waitContainer, "GET /containers/{id}/logs": e.containerLogs,
		"GET /containers/{id}/stats": e.containerStats, "POST /containers/{id}/exec": e.createExec,
		"DELETE /containers/{id}": e.removeContainer,
		"GET /networks":           e.listNetworks, "POST /networks/create": e.createNetwork,
		"GET /networks/{id}": e.inspectNetwork, "DELETE /networks/{id}": e.removeNetwork,
		"GET /volumes": e.listVolumes, "GET /volumes/{id}": e.inspectVolume, "DELETE /volumes/{id}": e.removeVolume,
		"POST /images/create": e.pullImage, "POST /images/load": e.loadImages, "GET /images/get": e.saveImages,
		"GET /images/{name...}": e.inspectImage,
	}
}

// refusal is an answer with a status and the text that people read.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

func (e *Engine) serve(w http.ResponseWriter, r *http.Request, pattern string, answer call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Api-Version", apiVersion)
	var err error
	if message, fails := e.failures[pattern]; fails {
		err = refuse(http.StatusInternalServerError, "%s", message)
	} else {
		err = answer(w, r)
	}
	if err == nil {
		return
	}
	status := http.StatusBadRequest
	if known := new(refusal); errors.As(err, &known) {
		status = known.status
	}
	_ = send(w, status, map[string]string{"message": err.Error()})
}

// Fail makes the engine answer a call, such as POST /containers/{id}/start, with an
// internal error from now on; with an empty message it carries it out again.
func (e *Engine) Fail(pattern, message string) {
	e.t.Helper()
	if !slices.Contains(e.patterns, pattern) {
		e.t.Fatalf("%q is none of the engine's calls: %q", pattern, e.patterns)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failures[pattern] = message
	if message == "" {
		delete(e.failures, pattern)
	}
}

// Left names the containers, networks and volumes that there are, such as
// "network n", in order.
func (e *Engine) Left() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, c := range e.containers {
		all = append(all, "container "+c.Name)
	}
	for name := range e.networks {
		all = append(all, "network "+name)
	}
	for name := range e.volumes {
		all = append(all, "volume "+name)
	}
	slices.Sort(all)
	return all
}

func (e *Engine) newID() string {
	e.made++
	return fmt.Sprintf("%064x", e.made)
}

func (e *Engine) ping(http.ResponseWriter, *http.Request) error { return nil }

func (e *Engine) version(w http.ResponseWriter, _ *http.Request) error {
	return send(w, http.StatusOK, types.Version{Version: "28.5.2", APIVersion: apiVersion, MinAPIVersion: "1.24"})
}

func (e *Engine) info(w http.ResponseWriter, _ *http.Request) error {
	return send(w, http.StatusOK, system.Info{OSType: "linux", OperatingSystem: "Linux"})
}

func send(w http.ResponseWriter, status int, answer any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Who has gone misses nothing.
	_ = json.NewEncoder(w).Encode(answer)
	return nil
}

func truth(r *http.Request, name string) bool {
	// What is not said is false.
	value, _ := strconv.ParseBool(r.FormValue(name))
	return value
}

func sameID(id, given string) bool { return len(given) >= 12 && strings.HasPrefix(id, given) }
