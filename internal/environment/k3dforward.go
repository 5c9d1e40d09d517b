package environment

import (
	"context"

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
