package kubelet

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metricsv1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// ask asks the metrics API as the aggregator does and decodes the answer.
func ask(t *testing.T, s *store, path string, want int, into any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/apis/metrics.k8s.io/v1beta1"+path, nil)
	r.Header.Set("X-Remote-User", "someone")
	recorder := httptest.NewRecorder()
	(&metricsServer{store: s}).handler().ServeHTTP(recorder, r)
	if recorder.Code != want {
		t.Fatalf("%s: status %d, want %d: %s", path, recorder.Code, want, recorder.Body)
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v in %s", path, err, recorder.Body)
	}
}

// What is reported of nodes and pods is what their summary says.
func TestMetricsAgreeWithTheSummary(t *testing.T) {
	s, _ := newTestStore(2, 3)
	var nodes metricsv1.NodeMetricsList
	ask(t, s, "/nodes", http.StatusOK, &nodes)
	var pods metricsv1.PodMetricsList
	ask(t, s, "/pods", http.StatusOK, &pods)
	if len(nodes.Items) != 2 || len(pods.Items) != 6 || nodes.Kind != "NodeMetricsList" ||
		pods.APIVersion != "metrics.k8s.io/v1beta1" {
		t.Fatalf("%d nodes, %d pods, %+v, %+v", len(nodes.Items), len(pods.Items), nodes.TypeMeta, pods.TypeMeta)
	}
	sum := summaryOf(t, s, "node-0", false)
	check := func(what string, got corev1.ResourceList, cpu, memory *uint64) {
		t.Helper()
		if c, m := got[corev1.ResourceCPU], got[corev1.ResourceMemory]; c.ScaledValue(-9) != int64(*cpu) ||
			m.Value() != int64(*memory) {
			t.Errorf("%s: %s CPU and %s, the summary says %dn and %d", what, &c, &m, *cpu, *memory)
		}
	}
	check("node", nodes.Items[0].Usage, sum.Node.CPU.UsageNanoCores, sum.Node.Memory.WorkingSetBytes)
	for i, p := range sum.Pods {
		got := pods.Items[i]
		if got.Name != p.PodRef.Name || got.Labels["app"] != "web" || got.Window.Duration != 10*time.Second ||
			!got.Timestamp.Equal(&p.CPU.Time) {
			t.Errorf("pod %d is %+v", i, got)
		}
		for j, c := range p.Containers {
			check(c.Name, got.Containers[j].Usage, c.CPU.UsageNanoCores, c.Memory.WorkingSetBytes)
		}
	}
}

func TestMetricsOfOne(t *testing.T) {
	s, _ := newTestStore(1, 0)
	s.setPod(newPod(1, bare("a")))
	var node metricsv1.NodeMetrics
	ask(t, s, "/nodes/node-0", http.StatusOK, &node)
	var pod metricsv1.PodMetrics
	ask(t, s, "/namespaces/shop/pods/a", http.StatusOK, &pod)
	if node.Name != "node-0" || node.Kind != "NodeMetrics" || pod.Name != "a" || len(pod.Containers) != 1 ||
		pod.Kind != "PodMetrics" {
		t.Errorf("got %+v and %+v", node, pod)
	}
	for path, want := range map[string]string{
		"/nodes/nowhere":          `nodemetrics.metrics.k8s.io "nowhere" not found`,
		"/namespaces/shop/pods/b": `podmetrics.metrics.k8s.io "shop/b" not found`,
		"/namespaces/x/pods/a":    `podmetrics.metrics.k8s.io "x/a" not found`,
	} {
		var status metav1.Status
		if ask(t, s, path, http.StatusNotFound, &status); status.Message != want || status.Kind != "Status" {
			t.Errorf("%s: %+v", path, status)
		}
	}
}

func TestMetricsAreSelected(t *testing.T) {
	s, c := newTestStore(1, 2)
	s.setPod(newPod(1, bare("a")))
	pending := bare("pending")
	pending.Status.Phase = corev1.PodPending
	s.setPod(newPod(1, pending))
	s.setPod(newPod(1, run(bare("young"), c.t.Add(-5*time.Second))))
	other := bare("a")
	other.Namespace = "other"
	s.setPod(newPod(1, other))
	for path, want := range map[string]int{
		"/pods": 4, "/namespaces/shop/pods": 3, "/namespaces/none/pods": 0, "/pods?labelSelector=app%3Dweb": 2,
		"/pods?fieldSelector=metadata.name%3Da": 2, "/pods?labelSelector=%21app&fieldSelector=metadata.namespace%3Dother": 1,
	} {
		var pods metricsv1.PodMetricsList
		if ask(t, s, path, http.StatusOK, &pods); len(pods.Items) != want || pods.Items == nil {
			t.Errorf("%s: %d pods, want %d", path, len(pods.Items), want)
		}
	}
	var nodes metricsv1.NodeMetricsList
	if ask(t, s, "/nodes?labelSelector=none", http.StatusOK, &nodes); len(nodes.Items) != 0 {
		t.Errorf("selected %d nodes", len(nodes.Items))
	}
	for path, want := range map[string]int{
		"/pods?labelSelector=%3D": 400, "/nodes?fieldSelector=x": 400, "/pods?watch=true": 405,
	} {
		var status metav1.Status
		ask(t, s, path, want, &status)
	}
	s.syncedPods.Store(false)
	ask(t, s, "/pods", http.StatusServiceUnavailable, &metav1.Status{})
}

// Through the tunnel the API is behind its own name, for the aggregator alone.
func TestOnlyTheAggregatorIsLetIn(t *testing.T) {
	s, _ := newTestStore(1, 1)
	front := t.TempDir()
	if _, err := ownCredentials(front); err != nil {
		t.Fatal(err)
	}
	srv := serveOptions(t, s, Options{MetricsHost: "10.96.0.11", RequestHeaderCA: filepath.Join(front, "ca.crt")})
	client := func(certificates []tls.Certificate) *http.Client {
		transport := &http.Transport{
			TLSClientConfig: &tls.Config{
				RootCAs: srv.client.RootCAs, Certificates: certificates, ServerName: "metrics-server.kube-system.svc",
			},
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return srv.dial(ctx, addr) },
		}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	address := &url.URL{Scheme: "https", Host: "10.96.0.11:443", Path: "/apis/metrics.k8s.io/v1beta1/nodes"}
	request := &http.Request{Method: http.MethodGet, URL: address, Header: http.Header{"X-Remote-User": {"someone"}}}
	response, err := client(clientTLS(t, front).Certificates).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the aggregator gets %s", response.Status)
	}
	status, body := get(t, client(clientTLS(t, front).Certificates), address.String())
	if status != http.StatusUnauthorized {
		t.Errorf("without a user: %d %s", status, body)
	}
	// The API server's certificate for kubelets is no aggregator's.
	for _, certificates := range [][]tls.Certificate{srv.client.Certificates, nil} {
		if _, err := client(certificates).Do(request); err == nil {
			t.Error("another client is let in")
		}
	}
}

func TestMetricsOptions(t *testing.T) {
	s, _ := newTestStore(0, 0)
	for want, o := range map[string]Options{
		"tunnel": {Listen: "127.0.0.1:0", MetricsHost: "10.96.0.11"},
		"no request header CA": {Listen: "127.0.0.1:0", TunnelListen: "127.0.0.1:0", MetricsHost: "10.96.0.11",
			CertDir: t.TempDir()},
		"read a client CA": {Listen: "127.0.0.1:0", TunnelListen: "127.0.0.1:0", MetricsHost: "10.96.0.11",
			CertDir: t.TempDir(), RequestHeaderCA: "none"},
	} {
		if _, err := bind(o, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
