package kubelet

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	kwokfake "sigs.k8s.io/kwok/pkg/client/clientset/versioned/fake"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// fakeClients also have KWOK's objects and the metadata of workloads.
func fakeClients(core *fake.Clientset, metadata ...runtime.Object) clients {
	scheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		panic(err)
	}
	return clients{
		core: core, kwok: kwokfake.NewSimpleClientset(),
		metadata: metadatafake.NewSimpleMetadataClient(scheme, metadata...),
	}
}

func TestFollowsTheAPI(t *testing.T) {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data"}}
	client := fake.NewClientset(testNode(0), bare("a"), claim)
	s := newStore(1, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	wait := follow(ctx, fakeClients(client), s)
	defer wait()
	defer cancel()

	pods := func() int {
		v, found := s.view("node-0")
		if !found {
			return -1
		}
		return len(v.pods)
	}
	waittest.True(t, "the first lists are in", s.synced)
	waittest.True(t, "node-0 has its pod", func() bool { return pods() == 1 })
	if _, err := client.CoreV1().Pods("shop").Create(ctx, bare("b"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "node-0 has the new pod", func() bool { return pods() == 2 })
	if err := client.CoreV1().Pods("shop").Delete(ctx, "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "node-0 lost the deleted pod", func() bool { return pods() == 1 })
	if err := client.CoreV1().Nodes().Delete(ctx, "node-0", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "node-0 is gone", func() bool { return pods() == -1 })
}

// apiServer answers lists with what is given and holds watches open.
func apiServer(t *testing.T, lists map[string]any) (kubeconfig string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resource := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("sendInitialEvents") != "" { // an API server without streaming lists
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(metav1.Status{Status: "Failure", Reason: metav1.StatusReasonInvalid, Code: 422})
			return
		}
		if r.URL.Query().Get("watch") != "" {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		if lists[resource] == nil {
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(metav1.Status{Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: 404})
			return
		}
		_ = json.NewEncoder(w).Encode(lists[resource])
	}))
	t.Cleanup(srv.Close)
	return kubeconfigFor(t, srv.URL)
}

func kubeconfigFor(t *testing.T, server string) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "c"
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

func list(kind string, items ...any) map[string]any {
	if items == nil {
		items = []any{}
	}
	return map[string]any{
		"kind": kind, "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "1"}, "items": items,
	}
}

// Stand-alone: a kubeconfig in, summaries out, counters kept at the end.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	o := Options{
		Kubeconfig: apiServer(t, map[string]any{
			"nodes":                  list("NodeList", testNode(0)),
			"pods":                   list("PodList", bare("a")),
			"persistentvolumeclaims": list("PersistentVolumeClaimList"),
		}),
		Listen: "127.0.0.1:0", TunnelListen: "127.0.0.1:0",
		CertDir: filepath.Join(dir, "certs"), StateFile: filepath.Join(dir, "counters.json"),
	}
	bound := make(chan served, 1)
	o.Listening = func(plain, tunnel net.Addr) { bound <- served{plain: plain, tunnel: tunnel} }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	srv := <-bound
	srv.client = clientTLS(t, o.CertDir)
	c := srv.direct(t)
	waittest.True(t, "healthz says ok", func() bool {
		status, _ := get(t, c, "https://"+srv.plain.String()+"/healthz")
		return status == http.StatusOK
	})
	_, body := get(t, c, "https://"+srv.plain.String()+"/nodes/node-0/stats/summary")
	if sum := decodeSummary(t, body); len(sum.Pods) != 1 || sum.Pods[0].PodRef.Name != "a" {
		t.Errorf("summary: %.300s", body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run ended with %v", err)
	}
	if data, err := os.ReadFile(o.StateFile); err != nil || !strings.Contains(string(data), "node-0") {
		t.Errorf("counters were not kept: %v %s", err, data)
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	kubeconfig := apiServer(t, nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	certs := t.TempDir()
	if _, err := ownCredentials(certs); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(certs, name) }
	for want, o := range map[string]Options{
		"kubeconfig":          {Kubeconfig: filepath.Join(certs, "none"), Listen: "127.0.0.1:0"},
		"no address":          {Kubeconfig: kubeconfig},
		taken.Addr().String(): {Kubeconfig: kubeconfig, Listen: taken.Addr().String(), Insecure: true},
		"no client CA": {Kubeconfig: kubeconfig, Listen: "127.0.0.1:0", ServingCACert: file("ca.crt"),
			ServingCAKey: file("ca.key")},
		"is not a CA": {Kubeconfig: kubeconfig, Listen: "127.0.0.1:0", ServingCACert: file("client.crt"),
			ServingCAKey: file("client.key"), ClientCAs: []string{file("ca.crt")}},
		"has no PEM": {Kubeconfig: kubeconfig, Listen: "127.0.0.1:0", ServingCACert: file("ca.crt"),
			ServingCAKey: file("ca.key"), ClientCAs: []string{file("ca.key")}},
		"load the serving CA": {Kubeconfig: kubeconfig, Listen: "127.0.0.1:0", ServingCACert: file("none"),
			ServingCAKey: file("none")},
		"folder for certificates": {Kubeconfig: kubeconfig, Listen: "127.0.0.1:0", CertDir: file("ca.crt")},
	} {
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
