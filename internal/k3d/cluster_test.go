package k3d

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker/dockertest"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// connected is what the containers of an environment share, and their engine.
func connected(t *testing.T) (*dockertest.Engine, *containers.Shared) {
	t.Helper()
	engine := dockertest.Start(t)
	shared := containers.New(state.Folder{Name: "lab", Path: "/env"}, "diorama-lab")
	if err := shared.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine, shared
}

// fakeAPI is a Kubernetes API that answers everything with one list; without one it is
// out of order.
type fakeAPI struct {
	t      *testing.T
	config *rest.Config
	asked  atomic.Int32
	answer atomic.Pointer[[]byte]
}

func startAPI(t *testing.T) *fakeAPI {
	t.Helper()
	a := &fakeAPI{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer a.asked.Add(1)
		data := a.answer.Load()
		if data == nil {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(*data)
	}))
	t.Cleanup(server.Close)
	a.config = &rest.Config{Host: server.URL, QPS: -1}
	return a
}

func (a *fakeAPI) serve(list any) {
	a.t.Helper()
	data, err := json.Marshal(list)
	if err != nil {
		a.t.Error(err)
	}
	a.answer.Store(&data)
}

// The members are the containers of the environment, and the pods as far as the
// cluster answers.
func TestMembers(t *testing.T) {
	engine, shared := connected(t)
	api := startAPI(t)
	engine.AddContainer("k3d-lab-server-0", "k3s:1", shared.Owner.Labels())
	engine.AddContainer("k3d-lab-agent-0", "k3s:1", shared.Owner.Labels())
	engine.AddContainer("others", "i:1", nil)
	engine.End("k3d-lab-agent-0", 1)
	api.serve(corev1.PodList{
		TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"},
		Items:    []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Namespace: "diorama", Name: "lgtm-0"}}},
	})
	m := &Members{Namespace: "diorama"}
	m.Close()
	if err := m.Start(api.config, shared); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	names := func() (names []string) {
		for _, s := range m.Statuses() {
			names = append(names, s.Name)
		}
		return names
	}
	waittest.True(t, "the members are there", func() bool {
		return slices.Equal(names(), []string{"k3d-lab-agent-0", "k3d-lab-server-0", "lgtm-0"})
	})
	ended, running := m.Statuses()[0], m.Statuses()[1]
	if ended.Phase != component.Restarting || !strings.HasPrefix(ended.Message, "Exited (1)") {
		t.Errorf("a node that has ended is %+v", ended)
	}
	if running.Phase != component.Ready || running.Image != "k3s:1" || running.RSSBytes != dockertest.Memory {
		t.Errorf("a node that runs is %+v", running)
	}
	api.answer.Store(nil)
	waittest.True(t, "the pods are unknown", func() bool {
		return slices.Equal(names(), []string{"k3d-lab-agent-0", "k3d-lab-server-0"})
	})
	engine.Fail("GET /containers/json", "out of order")
	waittest.True(t, "the nodes are unknown", func() bool { return len(names()) == 0 })
}

// nodesOf are nodes that are Ready or not.
func nodesOf(ready map[string]bool) corev1.NodeList {
	list := corev1.NodeList{TypeMeta: metav1.TypeMeta{Kind: "NodeList", APIVersion: "v1"}}
	for name, is := range ready {
		condition := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionFalse}
		if is {
			condition.Status = corev1.ConditionTrue
		}
		list.Items = append(list.Items, corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{condition}},
		})
	}
	return list
}

// All nodes of the cluster have to be Ready, and no others.
func TestAwaitNodes(t *testing.T) {
	api := startAPI(t)
	wanted := []string{"a", "b"}
	for _, c := range []struct {
		ready map[string]bool
		want  string
	}{
		{map[string]bool{"a": true}, "b: not Ready"},
		{map[string]bool{"a": false, "b": false}, "a, b: not Ready"},
		{map[string]bool{"a": false, "b": true, "other": true}, "a: not Ready"},
	} {
		api.serve(nodesOf(c.ready))
		ctx, cancel := context.WithCancel(t.Context())
		err := AwaitNodes(ctx, api.config, wanted, func(string) { cancel() })
		if err == nil || !strings.HasPrefix(err.Error(), "waiting for the nodes: "+c.want) {
			t.Errorf("%v: %v, want %q", c.ready, err, c.want)
		}
	}
	// The API answers later, and the last node comes up while it is waited for.
	api.answer.Store(nil)
	before := api.asked.Load()
	go func() {
		// The test ends at the latest when its context does.
		_ = wait.Until(t.Context(), time.Millisecond, func(context.Context) (bool, error) {
			return api.asked.Load() > before, nil
		})
		api.serve(nodesOf(map[string]bool{"a": true}))
	}()
	var reported []string
	err := AwaitNodes(t.Context(), api.config, wanted, func(text string) {
		reported = append(reported, text)
		api.serve(nodesOf(map[string]bool{"a": true, "b": true, "other": false}))
	})
	if want := []string{"nodes 1/2 Ready", "nodes 2/2 Ready"}; err != nil || !slices.Equal(reported, want) {
		t.Errorf("reported is %q, %v; want %q", reported, err, want)
	}
}

// What k3d's library cannot do is said of the cluster, and none of its files stay.
func TestCreateFails(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	engine, _ := connected(t)
	c := Cluster{Name: "diorama-lab", Servers: 1, Image: "k3s:1", Network: "diorama-lab", APIPort: 6443}
	hosts := filepath.Join(os.TempDir(), "k3d-hostsfile-1")
	if err := os.WriteFile(hosts, []byte("172.18.0.2 k3d-diorama-lab-server-0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Create(t.Context(), c, io.Discard)
	if err == nil || !strings.HasPrefix(err.Error(), "looking for the network diorama-lab: ") {
		t.Errorf("without its network: %v", err)
	}
	if _, err := os.Stat(hosts); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("k3d's file is still there: %v", err)
	}
	if left := engine.Left(); len(left) > 0 {
		t.Errorf("there is %q", left)
	}
	_, err = Kubeconfig(t.Context(), c.Name)
	if err == nil || !strings.HasPrefix(err.Error(), "reading the kubeconfig of the cluster diorama-lab: ") {
		t.Errorf("the kubeconfig of a cluster that is not there: %v", err)
	}
}

// The images of the engine go into every node, each once; so does what else is in
// the tarballs.
func TestCopyFromEngine(t *testing.T) {
	engine, shared := connected(t)
	engine.AddImage("a:1", "b:1")
	if err := shared.EnsureImages(t.Context(), []string{"a:1", "b:1"}, nil, func(string) {}); err != nil {
		t.Fatal(err)
	}
	var copies atomic.Int32
	c, _ := copyingTo([]string{"one", "two"}, func(_ context.Context, node string, input io.Reader) error {
		data, err := io.ReadAll(input)
		copies.Add(1)
		for _, name := range []string{"a:1", "b:1"} {
			if strings.Contains(string(data), "docker.io/library/"+name) {
				return err
			}
		}
		return fmt.Errorf("the node %s is given %d bytes without a name", node, len(data))
	})
	c.engine = shared.Engine
	// Images are reported from two copies at a time.
	c.report = func(string) {}
	wanted := func(name string) []wantedImage {
		return []wantedImage{{shared.Images.Find(name), "docker.io/library/" + name}}
	}
	if err := c.copyGroups(t.Context(), [][]wantedImage{wanted("a:1"), wanted("b:1")}); err != nil {
		t.Fatal(err)
	}
	if n := copies.Load(); n != 4 || !c.names["docker.io/library/a:1"] || !c.names["docker.io/library/b:1"] {
		t.Errorf("there are %d copies, of %v", n, c.names)
	}
	err := c.copyGroups(t.Context(), [][]wantedImage{{{shared.Images.Find("none:1"), "docker.io/library/none:1"}}})
	if err == nil || !strings.Contains(err.Error(), "reading the images none:1: ") {
		t.Errorf("an image that the engine has lost: %v", err)
	}
}

func TestImportImagesRefuses(t *testing.T) {
	_, shared := connected(t)
	for want, c := range map[string]struct{ names, load []string }{
		`the image name "Not a name"`:                     {names: []string{"Not a name"}},
		"opening the images: open /there/is/none":         {load: []string{"/there/is/none"}},
		"reading the images none:1: ":                     {names: []string{"none:1"}},
		"into the node: running ctr in the container one": {load: []string{dockertest.Tarball(t, "a:1")}},
	} {
		err := ImportImages(t.Context(), shared, []string{"one"}, c.names, c.load, func(string) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}
