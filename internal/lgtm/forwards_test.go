package lgtm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// freePort is one of this machine that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	port, free := takenPort(t)
	free()
	return port
}

// takenPort is one that is taken until it is given back.
func takenPort(t *testing.T) (int, func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().(*net.TCPAddr).Port, func() { _ = listener.Close() }
}

// listens tells whether something listens on a port.
func listens(port int) bool {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// outOfOrder is a Kubernetes API that answers nothing.
func outOfOrder(t *testing.T) *rest.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

// forwardsOf leads a port of this machine to Grafana's, and another to Prometheus'.
func forwardsOf(t *testing.T, first, second int) *Forwards {
	t.Helper()
	config := outOfOrder(t)
	return NewForwards(func() (*rest.Config, error) { return config, nil }, "diorama", v1alpha1.Ports{}, []Port{
		{first, GrafanaPort}, {second, PrometheusPort},
	})
}

func TestForwardedPorts(t *testing.T) {
	local := v1alpha1.Ports{Dashboards: 1, Prometheus: 2, OTLPGRPC: 3, OTLPHTTP: 4}
	want := []Port{{1, GrafanaPort}, {2, PrometheusPort}, {3, OTLPGRPCPort}, {4, OTLPHTTPPort}, {5, SelfMetricsPort}}
	if got := Ports(local, 5); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("forwarded are %v, want %v", got, want)
	}
}

// A port that is taken keeps all from being forwarded, and none is left open.
func TestForwardFromTakenPort(t *testing.T) {
	first := freePort(t)
	second, _ := takenPort(t)
	f := forwardsOf(t, first, second)
	err := f.Open(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(second)) {
		t.Errorf("the port %d is taken: %v", second, err)
	}
	if listens(first) {
		t.Error("a port is left open")
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is given up while it waits for LGTM is closed with the step.
func TestForwardIsGivenUp(t *testing.T) {
	first, second := freePort(t), freePort(t)
	f := forwardsOf(t, first, second)
	if f.Statuses() != nil {
		t.Errorf("before it is opened there is %+v", f.Statuses())
	}
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan error, 1)
	go func() { opened <- f.Open(ctx, nil) }()
	waittest.True(t, "the ports are open", func() bool { return listens(first) && listens(second) })
	waittest.True(t, "they have statuses", func() bool { return len(f.Statuses()) == 2 })
	cancel()
	err := <-opened
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the port %d", first)) {
		t.Errorf("it ends with %v", err)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if listens(first) || listens(second) {
		t.Error("a port is left open")
	}
}

func TestForwardWithoutCluster(t *testing.T) {
	none := errors.New("there is no kubeconfig")
	f := NewForwards(func() (*rest.Config, error) { return nil, none }, "diorama", v1alpha1.Ports{}, nil)
	for what, err := range map[string]error{"open": f.Open(t.Context(), nil), "renew": f.Renew(t.Context())} {
		if !errors.Is(err, none) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// LGTM's pod is deleted, and no other one.
func TestRenew(t *testing.T) {
	var asked []string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+"?"+r.URL.Query().Get("labelSelector"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "status": "Success"}`)
	}))
	defer server.Close()
	config := &rest.Config{Host: server.URL}
	f := NewForwards(func() (*rest.Config, error) { return config, nil }, "diorama", v1alpha1.Ports{}, nil)
	if err := f.Renew(t.Context()); err != nil {
		t.Error(err)
	}
	want := "DELETE /api/v1/namespaces/diorama/pods?app.kubernetes.io/name=lgtm"
	if len(asked) != 1 || asked[0] != want {
		t.Errorf("asked is %q, want %q", asked, want)
	}
	status = http.StatusForbidden
	if err := f.Renew(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "deleting the pod of LGTM: ") {
		t.Errorf("an API that refuses: %v", err)
	}
}
