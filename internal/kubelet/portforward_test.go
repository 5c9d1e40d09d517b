package kubelet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned/fake"
)

func forwarded(port int32, to *v1alpha1.ForwardTarget, ports ...int32) v1alpha1.Forward {
	if to != nil {
		to.Port = port
	}
	return v1alpha1.Forward{Ports: ports, Target: to}
}

func clusterForward(
	name string, selector *v1alpha1.ObjectSelector, forwards ...v1alpha1.Forward,
) *v1alpha1.ClusterPortForward {
	return &v1alpha1.ClusterPortForward{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ClusterPortForwardSpec{Selector: selector, Forwards: forwards},
	}
}

// Which object counts is as with KWOK's own kubelet: the pod's, else the first of
// the cluster's that selects the pod and has the port; in one, the port's own
// line comes before that of every port.
func TestPortForwardTarget(t *testing.T) {
	local := func() *v1alpha1.ForwardTarget { return &v1alpha1.ForwardTarget{Address: "127.0.0.1"} }
	named := func(names ...string) *v1alpha1.ObjectSelector {
		return &v1alpha1.ObjectSelector{MatchNamespaces: []string{"shop"}, MatchNames: names}
	}
	own := func(name string, forwards ...v1alpha1.Forward) *v1alpha1.PortForward {
		return &v1alpha1.PortForward{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: v1alpha1.PortForwardSpec{Forwards: forwards},
		}
	}
	objects := fake.NewSimpleClientset(
		own("own", forwarded(2, local()), forwarded(1, local(), 80)),
		own("strict", forwarded(1, local(), 80)),
		clusterForward("a", named("cart"), forwarded(4, local(), 80)),
		clusterForward("b", named("cart", "other"), forwarded(5, local(), 81)),
		clusterForward("c", named("shell"), v1alpha1.Forward{Command: []string{"nc"}}),
		clusterForward("d", named("blank"), forwarded(0, nil)),
		clusterForward("e", nil, forwarded(3, local(), 90)),
	)
	for _, c := range []struct {
		pod  string
		port int32
		want string
	}{
		{"own", 80, "127.0.0.1:1"},
		{"own", 81, "127.0.0.1:2"},
		{"strict", 90, "nothing listens on its port 90"},
		{"cart", 80, "127.0.0.1:4"},
		{"cart", 81, "127.0.0.1:5"},
		{"cart", 90, "127.0.0.1:3"},
		{"cart", 91, "the pod shop/cart is simulated: nothing listens on its port 91"},
		{"other", 80, "is simulated"},
		{"shell", 80, "commands are not run here: give it a target"},
		{"blank", 80, "is forwarded nowhere: give it a target"},
	} {
		got, err := (portForwarder{objects, "shop", c.pod}).target(t.Context(), c.port)
		if got != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("the port %d of %s is forwarded to %q, %v, want %s", c.port, c.pod, got, err, c.want)
		}
	}
	if _, err := (portForwarder{nil, "shop", "x"}).target(t.Context(), 80); err == nil ||
		!strings.Contains(err.Error(), "is simulated") {
		t.Errorf("without objects it gives %v", err)
	}
}

// Ports are forwarded through the tunnel alone: whoever may read at the plain listener,
// as collectors do, gets nowhere.
func TestPortForwardIsForTheTunnel(t *testing.T) {
	s, _ := newTestStore(1, 1)
	srv := serveStore(t, s)
	post := func(client *http.Client, url string) int {
		response, err := client.Post(url+"/portForward/shop/cart", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	status := post(srv.direct(t), "https://"+srv.plain.String()+"/nodes/node-0")
	if status != http.StatusMethodNotAllowed {
		t.Errorf("the plain listener answers %d", status)
	}
	// This one misses the request for another protocol.
	if status := post(srv.through(t), "https://node-0:10250"); status != http.StatusBadRequest {
		t.Errorf("the tunnel answers %d", status)
	}
}

// What is said goes both ways, and ends with what listens.
func TestPortForwardCopies(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		heard, _ := io.ReadAll(conn)
		_, _ = fmt.Fprintf(conn, "heard %s", heard)
	}()
	target := &v1alpha1.ForwardTarget{Address: "127.0.0.1"}
	objects := fake.NewSimpleClientset(clusterForward("a", nil,
		forwarded(int32(listener.Addr().(*net.TCPAddr).Port), target)))
	stream := &halves{in: strings.NewReader("hello")}
	if err := (portForwarder{objects, "shop", "x"}).PortForward(context.Background(), "x", "", 80, stream); err != nil ||
		stream.out.String() != "heard hello" {
		t.Errorf("%v, the stream says %q", err, stream.out.String())
	}
}

// halves is a stream whose other side has said all.
type halves struct {
	in  io.Reader
	out strings.Builder
}

func (h *halves) Read(p []byte) (int, error)  { return h.in.Read(p) }
func (h *halves) Write(p []byte) (int, error) { return h.out.Write(p) }
func (h *halves) Close() error                { return nil }
