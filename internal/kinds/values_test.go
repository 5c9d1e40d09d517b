package kinds

import (
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/state"
)

// What users are told of the addresses: of a cluster that is not diorama's nothing
// that they know better, and Prometheus where it can be reached.
func TestEndpoints(t *testing.T) {
	byGrafana := "http://127.0.0.1:3000/api/datasources/proxy/uid/prometheus"
	for name, want := range map[string]struct{ prometheus, kubernetes, kubelet string }{
		"embedded":      {"http://127.0.0.1:9090", "https://127.0.0.1:6443", "https://127.0.0.1:10250"},
		"kwok":          {byGrafana, "https://127.0.0.1:6443", "https://127.0.0.1:10250"},
		"kwok-context":  {"http://127.0.0.1:9090", "", "https://127.0.0.1:10250"}, // and published
		"k3d":           {"http://127.0.0.1:9090", "https://127.0.0.1:6443", ""},
		"k3d-alongside": {"http://127.0.0.1:9090", "https://127.0.0.1:6443", "https://127.0.0.1:10250"},
	} {
		e := planOf(t, examples()[name]).Endpoints
		if e.Prometheus != want.prometheus || e.Kubernetes != want.kubernetes || e.Kubelet != want.kubelet ||
			e.Dashboards != "http://127.0.0.1:3000" {
			t.Errorf("%s: %+v, want %+v", name, e, want)
		}
	}
}

// Of a configuration of the user's nobody knows what it sends, or whether it has a
// page of its own metrics: it is neither asked nor waited for.
func TestTelemetryOfOwnConfigurations(t *testing.T) {
	all := []string{"k8s_cluster", "kubeletstats"}
	for _, c := range []struct {
		kind     v1alpha1.Kind
		own      v1alpha1.Collectors
		pages    int
		awaited  []string
		simulate int
	}{
		{v1alpha1.Embedded, v1alpha1.Collectors{}, 2, all, 50},
		{v1alpha1.Embedded, v1alpha1.Collectors{Cluster: "/mine.yaml"}, 1, all[1:], 50},
		{v1alpha1.Embedded, v1alpha1.Collectors{Nodes: "/mine.yaml"}, 1, all[:1], 50},
		{v1alpha1.Kwok, v1alpha1.Collectors{}, 1, all, 50},
		{v1alpha1.Kwok, v1alpha1.Collectors{Cluster: "/mine.yaml"}, 0, nil, 50},
		{v1alpha1.K3d, v1alpha1.Collectors{}, 0, all, 0},
		{v1alpha1.K3d, v1alpha1.Collectors{Nodes: "/mine.yaml"}, 0, all[:1], 0},
		// The real kubelets' metrics go by way of the collector of the cluster.
		{v1alpha1.K3d, v1alpha1.Collectors{Cluster: "/mine.yaml"}, 0, nil, 0},
		{
			v1alpha1.K3d, v1alpha1.Collectors{Cluster: "/mine.yaml", Nodes: "/mine.yaml"}, 0,
			[]string{"kubeletstats of simulated nodes"}, 2,
		},
	} {
		env := v1alpha1.DefaultOf(c.kind)
		env.Telemetry.Collectors, env.Cluster.Nodes = c.own, c.simulate
		p := planOf(t, env)
		awaited := slices.Sorted(maps.Keys(p.Telemetry.First))
		if len(p.Telemetry.Collectors) != c.pages || !slices.Equal(awaited, c.awaited) {
			t.Errorf("%s with %+v asks %q and waits for %q, want %d and %q", c.kind, c.own, p.Telemetry.Collectors, awaited,
				c.pages, c.awaited)
		}
		if foreign := c.kind != v1alpha1.Embedded; p.Telemetry.Foreign != foreign || (p.Telemetry.Relay != "") != foreign {
			t.Errorf("%s: %+v", c.kind, p.Telemetry)
		}
	}
}

// Nodes that leave are waited for by diorama's own collectors, not by the user's.
func TestLeavingNodes(t *testing.T) {
	env := v1alpha1.Default()
	if planOf(t, env).Cluster.Leaving == nil {
		t.Error("nodes leave while the collector asks them")
	}
	env.Telemetry.Collectors.Nodes = "/mine.yaml"
	if planOf(t, env).Cluster.Leaving != nil {
		t.Error("a page is asked that may not be there")
	}
	for name, env := range examples() {
		c := planOf(t, env).Cluster
		if follows := env.Kind == v1alpha1.Kwok; (c.Resized != nil) != follows {
			t.Errorf("%s: the collector follows another size: %v", name, c.Resized != nil)
		}
	}
}

// `config collector` prints what a running environment has, whatever its file says
// by now, and else what it would have.
func TestCollectorConfig(t *testing.T) {
	for kind, which := range map[v1alpha1.Kind]string{
		v1alpha1.Embedded: "nodes", v1alpha1.Kwok: "cluster", v1alpha1.K3d: "nodes",
	} {
		folder := state.Folder{Name: "default", Path: t.TempDir()}
		env := v1alpha1.DefaultOf(kind)
		env.Telemetry.Collectors = v1alpha1.Collectors{Cluster: "/mine.yaml", Nodes: "/mine.yaml"}
		text, err := CollectorConfig(env, folder, which)
		if err != nil || !strings.Contains(text, "kubelet") || strings.Contains(text, "/mine.yaml") {
			t.Errorf("%s without an environment: %v\n%s", kind, err, text)
		}
		of, err := Of(kind)
		if err != nil {
			t.Fatal(err)
		}
		path := of.CollectorFile(folder, which)
		writeFile(t, path, "running: true\n")
		if text, err := CollectorConfig(env, folder, which); text != "running: true\n" || err != nil {
			t.Errorf("%s of a running environment: %v\n%s", kind, err, text)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(path, "file"), "")
		_, err = CollectorConfig(env, folder, which)
		wants(t, string(kind), err, "reading the collector's configuration: read "+path)
	}
}

// Both ports given and picked are kept apart, of every kind.
func TestPickPortsOfKinds(t *testing.T) {
	for _, kind := range All() {
		env := v1alpha1.DefaultOf(kind.Name)
		internal, err := PickPorts(&env, reserved(t))
		if err != nil || !slices.Equal(slices.Sorted(maps.Keys(internal)), slices.Sorted(slices.Values(kind.Ports))) {
			t.Errorf("%s has the ports %v, %v; want %q", kind.Name, internal, err, kind.Ports)
		}
		if env.Ports != v1alpha1.DefaultOf(kind.Name).Ports {
			t.Errorf("%s: ports that are given are changed to %+v", kind.Name, env.Ports)
		}
	}
}

// A component of two listeners works when both answer.
func TestProbeOfTwo(t *testing.T) {
	var down atomic.Bool
	up := httptest.NewServer(http.NotFoundHandler())
	defer up.Close()
	both := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer both.Close()
	env := v1alpha1.Default()
	port := func(s *httptest.Server) int { return s.Listener.Addr().(*net.TCPAddr).Port }
	env.Ports.Prometheus, env.Ports.Dashboards = port(both), port(both)
	probe := planned(t, planOf(t, env), backendName).Probe
	wants(t, "both answer", probe(t.Context()), "")
	down.Store(true)
	wants(t, "none answers", probe(t.Context()), "/-/ready")
	down.Store(false)
	env.Ports.Dashboards = port(up)
	wants(t, "one answers", planned(t, planOf(t, env), backendName).Probe(t.Context()), "/api/health")
}
