package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/client"
)

// An engine carries out a request that is given up midway: what it makes then
// is to be removed by who asked for it, for nobody else knows of it.
func TestMakingIsNotCut(t *testing.T) {
	var cancel context.CancelFunc
	given := func() context.Context {
		ctx, c := context.WithCancel(t.Context())
		t.Cleanup(c)
		cancel = c
		return ctx
	}
	var mu sync.Mutex
	var asked []string
	handler := func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path[strings.Index(r.URL.Path[1:], "/")+1:]
		mu.Lock()
		asked = append(asked, r.Method+" "+path)
		mu.Unlock()
		switch r.Method + " " + path {
		case "POST /networks/create":
			cancel() // the caller gives up while this is under way
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"Id": "n1"}`)
		case "POST /containers/create":
			cancel()
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"Id": "c1"}`)
		case "GET /networks/n1":
			fmt.Fprint(w, `{"Id": "n1", "Name": "n", "IPAM": {"Config": [{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.1"}]}}`)
		case "GET /containers/c/json", "DELETE /containers/c":
			http.Error(w, `{"message": "No such container"}`, http.StatusNotFound)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}
	e := &Engine{client: clientOf(t, handler)}
	if _, err := e.CreateNetwork(given(), Owner{}, "n"); !errors.Is(err, context.Canceled) {
		t.Errorf("the network: %v", err)
	}
	_, err := e.Run(given(), Owner{}, Network{Name: "n"}, Spec{Name: "c", Image: "i"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the container: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"DELETE /networks/n1", "DELETE /containers/c1"} {
		if !slices.Contains(asked, want) {
			t.Errorf("the engine was not asked to %s, only %q", want, asked)
		}
	}
}

// clientOf asks a handler on a socket.
func clientOf(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine-") // a socket's path may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	c, err := client.NewClientWithOpts(client.WithHost("unix://"+listener.Addr().String()), client.WithVersion(oldestAPI))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
