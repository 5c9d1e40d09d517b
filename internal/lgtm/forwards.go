package lgtm

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/portforward"
	"github.com/diorama-lab/diorama/internal/wait"
)

// RenewAfter is how many answers of LGTM may be missed at the forwarded ports
// until its pod is deleted, which costs its samples: two minutes at the least, for
// the kubelet restarts a container that does not answer long before that.
const RenewAfter = 60

// pollEvery is how often LGTM is asked that does not answer yet.
const pollEvery = 100 * time.Millisecond

// Port is one of LGTM's, and the one of 127.0.0.1 that is forwarded to it.
type Port struct{ Local, Remote int }

// Ports are LGTM's; selfMetrics is the port of this machine for its collector's own
// metrics.
func Ports(local v1alpha1.Ports, selfMetrics int) []Port {
	return []Port{
		{local.Dashboards, GrafanaPort}, {local.Prometheus, PrometheusPort}, {local.OTLPGRPC, OTLPGRPCPort},
		{local.OTLPHTTP, OTLPHTTPPort}, {selfMetrics, SelfMetricsPort},
	}
}

// Forwards forwards ports of this machine to LGTM in a cluster, which is asked
// through them.
type Forwards struct {
	// config points to the cluster, once that is there.
	config    func() (*rest.Config, error)
	namespace string
	// local are the ports that LGTM is asked at.
	local     v1alpha1.Ports
	ports     []Port
	forwarder atomic.Pointer[portforward.Forwarder]
}

// NewForwards opens nothing yet. local are the ports that LGTM is asked at.
func NewForwards(
	config func() (*rest.Config, error), namespace string, local v1alpha1.Ports, ports []Port,
) *Forwards {
	return &Forwards{config: config, namespace: namespace, local: local, ports: ports}
}

// Open returns when LGTM answers on the forwarded ports.
func (f *Forwards) Open(ctx context.Context, _ func(string)) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	var targets []portforward.Target
	for _, to := range f.ports {
		targets = append(targets, portforward.Target{
			Host: to.Local, Namespace: f.namespace, Service: Name, Port: to.Remote,
		})
	}
	forwarder, err := portforward.New(config, targets)
	if err != nil {
		return err
	}
	if err := forwarder.Start(ctx); err != nil {
		return err
	}
	f.forwarder.Store(forwarder)
	if err := forwarder.Ready(ctx); err != nil {
		return err
	}
	probe := Probe(f.local)
	return wait.Until(ctx, pollEvery, func(ctx context.Context) (bool, error) {
		err := probe(ctx)
		return err == nil, err
	})
}

// Renew deletes LGTM's pod, so that its Deployment makes another one: what the
// kubelet restarts itself when Grafana or Prometheus does not answer may be
// another program in it.
func (f *Forwards) Renew(ctx context.Context) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pods := client.CoreV1().Pods(f.namespace)
	labelled := metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + Name}
	if err := pods.DeleteCollection(ctx, metav1.DeleteOptions{}, labelled); err != nil {
		return fmt.Errorf("deleting the pod of LGTM: %w", err)
	}
	return nil
}

// Close closes the ports and all connections.
func (f *Forwards) Close(context.Context) error {
	if forwarder := f.forwarder.Load(); forwarder != nil {
		forwarder.Close()
	}
	return nil
}

// Statuses say how the forwarded ports fare.
func (f *Forwards) Statuses() []portforward.Status {
	if forwarder := f.forwarder.Load(); forwarder != nil {
		return forwarder.Status()
	}
	return nil
}
