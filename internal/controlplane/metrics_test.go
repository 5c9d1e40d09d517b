package controlplane

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/kubelet"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// testMetrics asks for a simulated node's usage through the aggregator, which
// reaches the kubelets' process by its tunnel and with its own certificate.
func (l *lab) testMetrics(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stop := l.runKubelets(t)
	defer stop()
	config := l.config(t, "admin")
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	nodes := l.client(t, "admin").CoreV1().Nodes()
	node := readyNode()
	node.Name, node.Annotations = "measured", map[string]string{"kwok.x-k8s.io/node": "fake"}
	if _, err := nodes.Create(ctx, node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(l.options.Certificate("kubelet-ca"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := RegisterMetrics(ctx, config, ca, nil); err != nil {
			t.Fatal(err)
		}
	}
	metrics := client.Resource(metricsVersion.WithResource("nodes"))
	waittest.Until(t, "the node's usage is reported", func(ctx context.Context) error {
		object, err := metrics.Get(ctx, "measured", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if cpu, _, _ := unstructured.NestedString(object.Object, "usage", "cpu"); cpu == "" {
			return errors.New("it has no CPU usage")
		}
		return nil
	})
	other, err := dynamic.NewForConfig(l.config(t, "collector"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Resource(metricsVersion.WithResource("nodes")).List(ctx,
		metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a user without the right reads metrics: %v", err)
	}

	// A new start takes the API away until it is served again.
	if err := errors.Join(nodes.Delete(ctx, "measured", metav1.DeleteOptions{}),
		Bootstrap(ctx, config, nil)); err != nil {
		t.Fatal(err)
	}
	awaitUnregistered(t, config)
}

// awaitUnregistered waits until clients find neither the metrics API nor
// something missing.
func awaitUnregistered(t *testing.T, config *rest.Config) {
	t.Helper()
	discoverer, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "nothing is missing from discovery", func(context.Context) error {
		_, resources, failed, err := discoverer.GroupsAndMaybeResources()
		if resources[metricsVersion] != nil {
			return errors.New("the metrics API is still there")
		}
		return errors.Join(err, failed[metricsVersion])
	})
}

// runKubelets runs the process that answers for simulated nodes, in this one.
func (l *lab) runKubelets(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	bound, done := make(chan struct{}), make(chan error, 1)
	o := l.options
	go func() {
		done <- kubelet.Run(ctx, kubelet.Options{
			Kubeconfig: o.Kubeconfig("kubelet"), Listen: address(0), TunnelListen: address(o.Ports.KubeletTunnel),
			ServingCACert: o.Certificate("kubelet-ca"), ServingCAKey: o.Key("kubelet-ca"),
			ClientCAs:   []string{o.Certificate("ca")},
			MetricsHost: MetricsServerIP, RequestHeaderCA: o.Certificate("front-proxy-ca"),
			Listening: func(_, _ net.Addr) { close(bound) },
		})
	}()
	select {
	case <-bound:
	case err := <-done:
		t.Fatalf("the kubelets have ended: %v", err)
	}
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the kubelets have ended with %v", err)
		}
	}
}
