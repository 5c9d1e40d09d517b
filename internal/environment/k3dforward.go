package environment

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/diorama-lab/diorama/internal/portforward"
)

// openForwards leads ports of 127.0.0.1 to LGTM, and returns when it answers
// on them.
func (r *recipe) openForwards(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	var targets []portforward.Target
	for _, f := range r.plan.K3d.Forwards {
		targets = append(targets, portforward.Target{Host: f.Host, Namespace: k3dNamespace, Service: f.Service, Port: f.Port})
	}
	forwarder, err := portforward.New(config, targets)
	if err != nil {
		return err
	}
	if err := forwarder.Start(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	r.forwarder = forwarder
	r.mu.Unlock()
	if err := forwarder.Ready(ctx); err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		err := r.probeLGTM(ctx)
		return err == nil, err
	})
}

// renewAfter is how many answers of LGTM may be missed at the forwarded ports
// until its pod is deleted, which costs its samples: two minutes at the least, for
// the kubelet restarts a container that does not answer long before that.
const renewAfter = 60

// renewLGTM deletes LGTM's pod, so that its Deployment makes another one: what
// the kubelet restarts itself when Grafana or Prometheus does not answer may be
// another program in it.
func (r *recipe) renewLGTM(ctx context.Context) error {
	config, err := r.restConfig()
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
	labelled := metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + lgtmName}
	if err := pods.DeleteCollection(ctx, metav1.DeleteOptions{}, labelled); err != nil {
		return fmt.Errorf("deleting the pod of LGTM: %w", err)
	}
	return nil
}

func (r *recipe) closeForwards(context.Context) error {
	r.mu.Lock()
	forwarder := r.forwarder
	r.mu.Unlock()
	if forwarder != nil {
		forwarder.Close()
	}
	return nil
}

// forwards is how the led ports fare; none for a kind without.
func (r *recipe) forwards() []portforward.Status {
	r.mu.Lock()
	forwarder := r.forwarder
	r.mu.Unlock()
	if forwarder == nil {
		return nil
	}
	return forwarder.Status()
}
