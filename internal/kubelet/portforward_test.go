package kubelet

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned/fake"
)

func led(port int32, to *v1alpha1.ForwardTarget, ports ...int32) v1alpha1.Forward {
	if to != nil {
		to.Port = port
	}
	return v1alpha1.Forward{Ports: ports, Target: to}
}

func clusterForward(name string, selector *v1alpha1.ObjectSelector, forwards ...v1alpha1.Forward) *v1alpha1.ClusterPortForward {
	return &v1alpha1.ClusterPortForward{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ClusterPortForwardSpec{Selector: selector, Forwards: forwards}}
}

// The pod's own object comes before those of the cluster, and these by name.
func TestPortForwardTarget(t *testing.T) {
	local := func() *v1alpha1.ForwardTarget { return &v1alpha1.ForwardTarget{Address: "127.0.0.1"} }
	objects := fake.NewSimpleClientset(
		&v1alpha1.PortForward{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "own"}, Spec: v1alpha1.PortForwardSpec{Forwards: []v1alpha1.Forward{led(1, local(), 80), led(2, local())}}},
		clusterForward("b", nil, led(3, local())),
		clusterForward("a", &v1alpha1.ObjectSelector{MatchNamespaces: []string{"shop"}, MatchNames: []string{"cart"}}, led(4, local(), 80)),
		clusterForward("c", &v1alpha1.ObjectSelector{MatchNames: []string{"shell"}}, v1alpha1.Forward{Command: []string{"nc"}}),
	)
	for _, c := range []struct {
		pod  string
		port int32
		want string
	}{
		{"own", 80, "127.0.0.1:1"}, {"own", 81, "127.0.0.1:2"}, {"cart", 80, "127.0.0.1:4"}, {"cart", 81, "is simulated: nothing listens on its port 81"}, {"other", 80, "127.0.0.1:3"},
	} {
		got, err := (portForwarder{objects, "shop", c.pod}).target(t.Context(), c.port)
		if got != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("the port %d of %s leads to %q, %v, want %s", c.port, c.pod, got, err, c.want)
		}
	}
	commands := fake.NewSimpleClientset(clusterForward("c", nil, v1alpha1.Forward{Command: []string{"nc"}}))
	if _, err := (portForwarder{commands, "shop", "x"}).target(t.Context(), 80); err == nil || !strings.Contains(err.Error(), "commands are not run") {
		t.Errorf("a command gives %v", err)
	}
	if _, err := (portForwarder{nil, "shop", "x"}).target(t.Context(), 80); err == nil || !strings.Contains(err.Error(), "is simulated") {
		t.Errorf("without objects it gives %v", err)
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
	objects := fake.NewSimpleClientset(clusterForward("a", nil, led(int32(listener.Addr().(*net.TCPAddr).Port), target)))
	stream := &halves{in: strings.NewReader("hello")}
	if err := (portForwarder{objects, "shop", "x"}).PortForward(context.Background(), "x", "", 80, stream); err != nil || stream.out.String() != "heard hello" {
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
