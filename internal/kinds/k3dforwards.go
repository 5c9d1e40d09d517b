package kinds

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/portforward"
	"github.com/diorama-lab/diorama/internal/wait"
)

// renewAfter is how many answers of LGTM may be missed at the forwarded ports
// until its pod is deleted, which costs its samples: two minutes at the least, for
// the kubelet restarts a container that does not answer long before that.
const renewAfter = 60

// planForwards are the ports of this machine that lead to LGTM.
func planForwards(p *plan.Plan) []Forward {
	ports := p.Environment.Ports
	return []Forward{
		{ports.Dashboards, lgtm.Name, lgtm.GrafanaPort}, {ports.Prometheus, lgtm.Name, lgtm.PrometheusPort},
		{ports.OTLPGRPC, lgtm.Name, lgtm.OTLPGRPCPort}, {ports.OTLPHTTP, lgtm.Name, lgtm.OTLPHTTPPort},
		{p.Internal[lgtmSelf], lgtm.Name, lgtm.SelfMetricsPort},
	}
}

// lgtmForwards are forwarded while they are open.
type lgtmForwards struct {
	k         *k3dCluster
	probe     plan.Probe
	forwarder atomic.Pointer[portforward.Forwarder]
}

// forward plans the forwards, which LGTM is asked through.
func (k *k3dCluster) forward() plan.Component {
	f := &lgtmForwards{k: k, probe: lgtm.Probe(k.p.Environment.Ports)}
	k.p.Forwards = f.statuses
	return plan.Component{
		Name: forwardsName, Needs: []string{lgtm.Name}, Probe: f.probe,
		Runs: plan.Step{
			Does: "forwards ports of 127.0.0.1 to Grafana, Prometheus and OTLP, anew when a pod has gone",
			Do:   f.open, Undo: f.close, Again: f.renew, GivenUp: renewAfter,
		},
	}
}

// open returns when LGTM answers on the forwarded ports.
func (f *lgtmForwards) open(ctx context.Context, _ func(string)) error {
	config, err := f.k.p.Cluster.Config()
	if err != nil {
		return err
	}
	var targets []portforward.Target
	for _, to := range f.k.Forwards {
		targets = append(targets, portforward.Target{
			Host: to.Host, Namespace: k3dNamespace, Service: to.Service, Port: to.Port,
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
	return wait.Until(ctx, lookEvery, func(ctx context.Context) (bool, error) {
		err := f.probe(ctx)
		return err == nil, err
	})
}

// renew deletes LGTM's pod, so that its Deployment makes another one: what the
// kubelet restarts itself when Grafana or Prometheus does not answer may be
// another program in it.
func (f *lgtmForwards) renew(ctx context.Context) error {
	config, err := f.k.p.Cluster.Config()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pods := client.CoreV1().Pods(k3dNamespace)
	labelled := metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + lgtm.Name}
	if err := pods.DeleteCollection(ctx, metav1.DeleteOptions{}, labelled); err != nil {
		return fmt.Errorf("deleting the pod of LGTM: %w", err)
	}
	return nil
}

func (f *lgtmForwards) close(context.Context) error {
	if forwarder := f.forwarder.Load(); forwarder != nil {
		forwarder.Close()
	}
	return nil
}

// statuses say how the forwarded ports fare.
func (f *lgtmForwards) statuses() []portforward.Status {
	if forwarder := f.forwarder.Load(); forwarder != nil {
		return forwarder.Status()
	}
	return nil
}
