package contrib

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/docker/dockertest"
	"github.com/diorama-lab/diorama/internal/state"
)

// listening returns a port of this machine that something listens on; in these
// tests the gateway of the network is loopback too, so that it takes another one.
func listening(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}

// newCollector is one of a network that is there, in a cluster of diorama's own.
func newCollector(t *testing.T) (*Collector, *dockertest.Engine) {
	t.Helper()
	engine, folder := dockertest.Start(t), state.Folder{Name: "lab", Path: t.TempDir()}
	env := v1alpha1.DefaultOf(v1alpha1.Kwok)
	env.Name, env.Cluster.Nodes = "lab", 2
	env.Ports.Kubernetes, env.Ports.Kubelet = listening(t), listening(t)
	control := controlplane.Options{Dir: folder.Path, Ports: controlplane.Ports{API: env.Ports.Kubernetes}}
	if err := controlplane.EnsureCredentials(control); err != nil {
		t.Fatal(err)
	}
	c := &Collector{
		Environment: env, Folder: folder, Shared: containers.New(folder, "diorama-lab"),
		Cluster: &cluster.Cluster{Access: cluster.Own(control)},
	}
	if err := c.Shared.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Shared.MakeNetwork(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Shared.Gateway.Close)
	return c, engine
}

// give makes the cluster one of somebody else's at a URL.
func (c *Collector) give(t *testing.T, server string) {
	t.Helper()
	own := c.Cluster.Access
	c.Cluster = &cluster.Cluster{Access: cluster.Given(c.Folder), Foreign: true}
	// The kubelets have made their certificates.
	c.Cluster.KubeletCA, c.Cluster.KubeletClient = own.KubeletCA, own.KubeletClient
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "c"
	if err := c.Cluster.Write(config); err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// readPrivate reads a file that only the user may read.
func (c *Collector) readPrivate(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(c.Folder.ConfigDir(), name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return ""
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s is for others to read: %v, %v", name, info.Mode(), err)
	}
	return string(data)
}

// server is where a container's kubeconfig leads to, and the name in its
// certificate.
func (c *Collector) server(t *testing.T, container string) (string, string) {
	t.Helper()
	config, err := clientcmd.Load([]byte(c.readPrivate(t, container+"/kubeconfig")))
	if err != nil {
		t.Fatal(err)
	}
	found := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	return found.Server, found.TLSServerName
}

// The collector reaches a cluster and kubelets of this machine by the gateway.
func TestOwnCluster(t *testing.T) {
	c, _ := newCollector(t)
	wants(t, "the gateway", c.OpenGateway(t.Context()), "")
	ports := []int{0, c.apiPort, c.kubeletPort, c.Environment.Ports.Kubernetes, c.Environment.Ports.Kubelet}
	slices.Sort(ports)
	if len(slices.Compact(ports)) != 5 {
		t.Errorf("the gateway has the ports %d and %d", c.apiPort, c.kubeletPort)
	}
	wants(t, "the credentials", c.WriteCredentials(t.Context()), "")
	want := fmt.Sprintf("https://host.docker.internal:%d", c.apiPort)
	if server, name := c.server(t, Name); server != want || name != "" {
		t.Errorf("it asks %s, %q, want %s", server, name, want)
	}
	text := c.readPrivate(t, Name+"/config.yaml")
	kubelet := fmt.Sprintf("https://host.docker.internal:%d/nodes/", c.kubeletPort)
	if strings.Count(text, kubelet) != 2 {
		t.Errorf("it does not ask two nodes at %s:\n%s", kubelet, text)
	}
	for _, name := range []string{"ca.crt", "client.crt", "client.key"} {
		if c.readPrivate(t, Name+"/"+name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
	if _, err := os.Stat(dirOf(c.Folder, StatsProxy)); err == nil {
		t.Error("there are credentials for a container that there is not")
	}
}

// The kubelet API in a container is reached without the gateway, and has what it
// needs to serve.
func TestStatsProxyInContainer(t *testing.T) {
	c, _ := newCollector(t)
	c.Environment.Images.StatsProxy = "diorama:v1"
	wants(t, "the gateway", c.OpenGateway(t.Context()), "")
	wants(t, "the credentials", c.WriteCredentials(t.Context()), "")
	if c.kubeletPort != 0 || c.apiPort == 0 {
		t.Errorf("the gateway has the ports %d and %d", c.apiPort, c.kubeletPort)
	}
	if text := c.readPrivate(t, Name+"/config.yaml"); strings.Count(text, "https://stats-proxy:10250/nodes/") != 2 {
		t.Errorf("it does not ask two nodes:\n%s", text)
	}
	if server, _ := c.server(t, StatsProxy); server != fmt.Sprintf("https://host.docker.internal:%d", c.apiPort) {
		t.Errorf("it asks %s", server)
	}
	spec := c.StatsProxyContainer()
	for _, arg := range spec.Args {
		if _, path, given := strings.Cut(arg, "="+given+"/"); given && c.readPrivate(t, StatsProxy+"/"+path) == "" {
			t.Errorf("%s is empty", arg)
		}
	}
	if mount := spec.Mounts[0]; mount.Source != dirOf(c.Folder, StatsProxy) || mount.Target != given || !mount.ReadOnly {
		t.Errorf("it sees %+v", mount)
	}
}

// A cluster that is elsewhere is asked as it is.
func TestClusterElsewhere(t *testing.T) {
	c, _ := newCollector(t)
	c.give(t, "https://192.0.2.1:6443")
	wants(t, "the gateway", c.OpenGateway(t.Context()), "")
	if c.apiPort != 0 || c.kubeletPort == 0 {
		t.Errorf("the gateway has the ports %d and %d", c.apiPort, c.kubeletPort)
	}
	wants(t, "a kubeconfig", c.writeKubeconfig(dirOf(c.Folder, Name), "collector"), "")
	if server, name := c.server(t, Name); server != "https://192.0.2.1:6443" || name != "" {
		t.Errorf("it asks %s, %q", server, name)
	}
}

// A configuration of the user's is copied as it is; it names the kubelets' port, so
// that the gateway may have no other.
func TestOwnConfiguration(t *testing.T) {
	c, _ := newCollector(t)
	own := filepath.Join(t.TempDir(), "mine.yaml")
	c.Environment.Telemetry.Collectors.Cluster = own
	wants(t, "the gateway", c.OpenGateway(t.Context()), "end what uses the port, or set another one")
	wants(t, "a file that is gone", c.WriteCredentials(t.Context()), "copying a file for a container: open "+own)
	if err := os.WriteFile(own, []byte("mine: true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wants(t, "the credentials", c.WriteCredentials(t.Context()), "")
	wants(t, "other nodes", c.Reconfigure(t.Context()), "")
	if text := c.readPrivate(t, Name+"/config.yaml"); text != "mine: true\n" {
		t.Errorf("it is configured by %q", text)
	}
}

func TestCredentialsFail(t *testing.T) {
	c, _ := newCollector(t)
	if err := os.Remove(c.Cluster.KubeletClient.Key); err != nil {
		t.Fatal(err)
	}
	wants(t, "a key that is gone", c.WriteCredentials(t.Context()), c.Cluster.KubeletClient.Key)
	c, _ = newCollector(t)
	c.Cluster = &cluster.Cluster{Access: cluster.Given(c.Folder), Foreign: true}
	wants(t, "the gateway without a kubeconfig", c.OpenGateway(t.Context()), "reading the cluster's kubeconfig")
	wants(t, "the credentials without", c.WriteCredentials(t.Context()), "reading the cluster's kubeconfig")
	wants(t, "other nodes before it is given anything", c.Reconfigure(t.Context()), "")
}

// The collector is made to read its configuration again when there are other nodes,
// and only then.
func TestReconfigure(t *testing.T) {
	c, engine := newCollector(t)
	var names atomic.Pointer[[]string]
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{
			Kind: "PartialObjectMetadataList", APIVersion: "meta.k8s.io/v1",
		}}
		for _, name := range *names.Load() {
			list.Items = append(list.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
				Name: name, Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
			}})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(list); err != nil {
			t.Error(err)
		}
	}))
	defer api.Close()
	// It began after it was asked to read again, whenever that was.
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE otelcol_process_uptime counter\notelcol_process_uptime 0.000000001\n")
	}))
	defer page.Close()
	c.SelfMetrics = page.Listener.Addr().(*net.TCPAddr).Port
	c.give(t, api.URL)
	signals := func() int {
		collector, _ := engine.Container("diorama-lab-collector")
		return len(collector.Signals)
	}
	names.Store(&[]string{"a", "b"})
	wants(t, "before it is given anything", c.Reconfigure(t.Context()), "")
	wants(t, "the credentials", c.WriteCredentials(t.Context()), "")
	wants(t, "the same nodes", c.Reconfigure(t.Context()), "")
	engine.AddContainer("diorama-lab-collector", "i:1", nil)
	for _, other := range [][]string{{"b", "c"}, {"c"}} {
		before := signals()
		names.Store(&other)
		engine.Fail("POST /containers/{id}/kill", "out of order")
		wants(t, "an engine out of order", c.Reconfigure(t.Context()), "sending HUP to the container diorama-lab-")
		engine.Fail("POST /containers/{id}/kill", "")
		// The file is there already, but the collector has not read it.
		wants(t, "the second time", c.Reconfigure(t.Context()), "")
		wants(t, "the third time", c.Reconfigure(t.Context()), "")
		if n := signals() - before; n != 1 {
			t.Errorf("it is sent %d signals, want 1", n)
		}
	}
	text := c.readPrivate(t, Name+"/config.yaml")
	if strings.Count(text, "\n  kubelet_stats/") != 1 || !strings.Contains(text, "/nodes/c") {
		t.Errorf("it asks other nodes:\n%s", text)
	}
}

// The configuration that is planned is of the nodes that are asked for; those of a
// cluster that is not ours are found later.
func TestPlannedConfig(t *testing.T) {
	c, _ := newCollector(t)
	for foreign, want := range map[bool]int{false: 2, true: 0} {
		c.Cluster.Foreign = foreign
		if text, err := c.Config(); err != nil || strings.Count(text, "\n  kubelet_stats/") != want {
			t.Errorf("foreign %v: %v\n%s", foreign, err, text)
		}
	}
	spec := c.Container()
	if !spec.AsUser || spec.Mounts[0].Source != filepath.Dir(ConfigFile(c.Folder)) || !spec.Mounts[0].ReadOnly {
		t.Errorf("it is made as %+v", spec)
	}
}
