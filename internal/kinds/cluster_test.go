package kinds

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/docker/dockertest"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// contextOf makes a context of the user's whose cluster says no more than its
// version; of no name none.
func contextOf(t *testing.T, name string) {
	t.Helper()
	if name == "" {
		return
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"major": "1", "minor": "35", "gitVersion": "v1.35.4"}`)
	}))
	t.Cleanup(server.Close)
	t.Setenv("KUBECONFIG", writeFile(t, filepath.Join(t.TempDir(), "kubeconfig"), fmt.Sprintf(`
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q}}]
contexts: [{name: %q, context: {cluster: c}}]
`, server.URL, name)))
}

// startAPIServer starts the API server of a plan, as it is planned.
func startAPIServer(t *testing.T, env v1alpha1.Environment) *environment {
	t.Helper()
	e := plannedHere(t, env)
	wants(t, "preparing", e.Prepare(), "")
	wants(t, "writing", e.WriteFiles(), "")
	e.started(etcd)
	e.started(apiServer)
	return e
}

// The steps of a cluster of ours, and those of one that is given, against one API
// server.
func TestClusterSteps(t *testing.T) {
	env := v1alpha1.Default()
	env.Cluster.Stages = []string{writeFile(t, filepath.Join(t.TempDir(), "stage.yaml"), `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: mine}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector: {matchLabels: {mine: "yes"}}
  next: {statusTemplate: "phase: Failed"}
`)}
	e := startAPIServer(t, env)
	t.Run("definitions", func(t *testing.T) { e.definesStages(t) })
	t.Run("the context", func(t *testing.T) { e.changesContext(t) })
	t.Run("a given cluster", func(t *testing.T) { adoptsCluster(t, e) })
	t.Run("the metrics API", func(t *testing.T) { e.registersMetrics(t) })
}

func (e *environment) definesStages(t *testing.T) {
	e.started(bootstrap)
	config, err := e.Cluster.Config()
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	stages := schema.GroupVersionResource{Group: "kwok.x-k8s.io", Version: "v1alpha1", Resource: "stages"}
	list, err := client.Resource(stages).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, stage := range list.Items {
		names = append(names, stage.GetName())
	}
	if len(names) < 3 || !slices.Contains(names, "mine") {
		t.Errorf("the stages are %q", names)
	}
	wants(t, "removing", os.Remove(e.Environment.Cluster.Stages[0]), "")
	_, err = e.start(t.Context(), bootstrap)
	wants(t, "a stage file that is gone", err, "reading a stage file: ")
}

// changesContext holds that the user's kubeconfig is as before once the environment
// is down.
func (e *environment) changesContext(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "kubeconfig"),
		"{apiVersion: v1, kind: Config, current-context: before, contexts: [{name: before, context: {cluster: c}}]}")
	t.Setenv("KUBECONFIG", path)
	current := func() string {
		config, err := clientcmd.LoadFromFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return config.CurrentContext
	}
	step := e.started(contextStep)
	if got := current(); got != "diorama-default" || e.context == nil || e.context.Previous != "before" {
		t.Errorf("the context is %s, what is remembered %+v", got, e.context)
	}
	e.stopped(step)
	if got := current(); got != "before" || e.context != nil {
		t.Errorf("the context is %s, what is remembered %+v", got, e.context)
	}
}

// registersMetrics holds that the step fails where nothing serves the metrics.
func (e *environment) registersMetrics(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := e.start(ctx, metricsAPI)
	wants(t, "without kubelets", err, "waiting for the metrics API: ")
	wants(t, "removing", os.Remove(e.Cluster.KubeletCA.Certificate), "")
	_, err = e.start(t.Context(), metricsAPI)
	wants(t, "without a CA", err, "reading the kubelets' CA: ")
}

// adoptsCluster plans an environment of the kind kwok that watches a cluster which
// is there already.
func adoptsCluster(t *testing.T, there *environment) {
	dockertest.Start(t)
	given := v1alpha1.DefaultOf(v1alpha1.Kwok)
	given.Cluster.KubeContext = givenContext(t, there)
	e := plannedHere(t, given)
	e.t = t
	wants(t, "checking", e.Check(t.Context()), "")
	_, err := e.start(t.Context(), clusterName)
	wants(t, "before it is prepared", err, "reading the administrator's kubeconfig: ")
	wants(t, "preparing", e.Prepare(), "")
	_, err = e.start(t.Context(), clusterName)
	wants(t, "a cluster without simulated nodes", err, "has no simulated nodes")
	if status := e.Cluster.Status(given.Cluster); status.Nodes.Desired != given.Cluster.Nodes {
		t.Errorf("it counts although it is not adopted: %+v", status)
	}

	config, err := e.Cluster.Config()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: "node-a", Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
	}}
	if _, err := client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	step := e.started(clusterName)
	waittest.True(t, "the node is counted", func() bool { return e.Cluster.Status(given.Cluster).Nodes.Desired == 1 })
	t.Run("credentials", func(t *testing.T) { givesCredentials(t, there, e) })
	e.stopped(step)
	if status := e.Cluster.Status(given.Cluster); status.Nodes.Desired != given.Cluster.Nodes {
		t.Errorf("it counts on: %+v", status)
	}
}

// givenContext makes a context of the user's for a cluster, and returns its name.
func givenContext(t *testing.T, there *environment) string {
	t.Helper()
	admin, err := there.Cluster.Client("admin")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*admin, path); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", path)
	return admin.CurrentContext
}

// givesCredentials holds that the containers are given a kubeconfig that leads
// through the gateway, and a configuration for the nodes that there are.
func givesCredentials(t *testing.T, there, e *environment) {
	e.t = t
	wants(t, "connecting", e.Connect(t.Context()), "")
	e.started(networkName)
	gateway := e.started(gatewayName)
	_, err := e.start(t.Context(), credentialsName)
	wants(t, "before the kubelets have made certificates", err, "copying a file for a container: ")
	for from, to := range map[string]string{
		there.Cluster.KubeletCA.Certificate:     e.Cluster.KubeletCA.Certificate,
		there.Cluster.KubeletClient.Certificate: e.Cluster.KubeletClient.Certificate,
		there.Cluster.KubeletClient.Key:         e.Cluster.KubeletClient.Key,
	} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, to, string(data))
	}
	e.started(credentialsName)
	dir := filepath.Join(e.folder.ConfigDir(), "collector")
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	port, moved := strings.CutPrefix(config.Host, "https://host.docker.internal:")
	if !moved || config.ServerName != "127.0.0.1" {
		t.Fatalf("containers ask %s, whose certificate is %s's", config.Host, config.ServerName)
	}
	config.Host = "https://127.0.0.1:" + port
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Nodes().Get(t.Context(), "node-a", metav1.GetOptions{}); err != nil {
		t.Errorf("through the gateway: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	if err != nil || strings.Count(string(text), "\n  kubelet_stats/") != 1 || !strings.Contains(string(text), "node-a") {
		t.Errorf("the collector is configured for other nodes: %v\n%s", err, text)
	}
	for _, name := range []string{"kubeconfig", "config.yaml", "ca.crt", "client.crt", "client.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is for others to read, or not there: %v", name, err)
		}
	}
	e.stopped(gateway)
	if _, err := client.CoreV1().Nodes().Get(t.Context(), "node-a", metav1.GetOptions{}); err == nil {
		t.Error("the gateway is still open")
	}
}
