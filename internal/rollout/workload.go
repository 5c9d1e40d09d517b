package rollout

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/component"
)

// WorkloadConfig describes what runs in a cluster.
type WorkloadConfig struct {
	Name  string
	Needs []string
	// What is added to errors of applying and waiting, such as "the Helm release x";
	// "" for nothing.
	What string
	// Namespace takes the objects that are namespaced and name none.
	Namespace string
	// Config points to the cluster. It is asked when the workload is started:
	// the cluster is there then.
	Config func() (*rest.Config, error)
	// Objects returns what is applied.
	Objects func(ctx context.Context, config *rest.Config, report func(text string)) ([]*Object, error)
	// Applied is called when all is there, to write down what was applied; nil
	// if that is not to be.
	Applied func(ctx context.Context, config *rest.Config, report func(text string)) error
	// Report takes how far it is, and what is tried again; nil if nobody wants
	// to know.
	Report func(text string)
}

// Workload is a component that runs in a cluster: objects that are applied, and
// the pods that come of them. Stop removes none of them: they go with their
// cluster.
type Workload struct {
	*component.Step
	config WorkloadConfig

	mu     sync.Mutex
	client *rest.Config
}

// NewWorkload returns a workload that is not started yet.
func NewWorkload(config WorkloadConfig) *Workload {
	w := &Workload{config: config}
	w.Step = &component.Step{StepName: config.Name, StepNeeds: config.Needs, Do: w.rollOut, Report: config.Report}
	return w
}

// Start finds the cluster, but asks it nothing yet.
func (w *Workload) Start(ctx context.Context) error {
	client, err := w.config.Config()
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.client = client
	w.mu.Unlock()
	return w.Step.Start(ctx)
}

// rollOut applies the objects and waits for the workloads among them.
func (w *Workload) rollOut(ctx context.Context, report func(text string)) error {
	w.mu.Lock()
	client := w.client
	w.mu.Unlock()
	cluster, err := New(ctx, client)
	if err != nil {
		return err
	}
	defer cluster.CloseIdleConnections()
	objects, err := w.config.Objects(ctx, client, report)
	if err != nil {
		return err
	}
	err = cluster.Apply(ctx, w.config.Namespace, objects, report)
	if err == nil {
		err = cluster.Wait(ctx, objects, report)
	}
	if err != nil && w.config.What != "" {
		return fmt.Errorf("%s: %w", w.config.What, err)
	}
	if err != nil {
		return err
	}
	if w.config.Applied == nil {
		return nil
	}
	return w.config.Applied(ctx, client, report)
}
