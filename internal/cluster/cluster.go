// Package cluster is the cluster of an environment while it runs: how its API is
// reached, how many nodes and pods it has, and how that is changed.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/nodes"
)

// Cluster counts nodes and pods from Count until EndCounting, and changes how many
// are simulated.
type Cluster struct {
	Access
	// Foreign tells that the control plane is not diorama's: what there is, others
	// may have made, and nobody here says how much there is to be.
	Foreign bool
	// Alongside tells that simulated nodes are kept apart from real ones.
	Alongside bool
	// Fixed says why the size cannot be changed; "" if it can.
	Fixed string
	// Leaving, which may be nil, returns when no collector asks the nodes any more that are to go, and
	// Resized when the collectors know those that are there.
	Leaving func(ctx context.Context, leaving []string) error
	Resized func(ctx context.Context) error

	mu sync.Mutex
	// counter is there once the API server is; stop ends it.
	counter *nodes.Counter
	stop    func()
	// scaling keeps two changes of size from crossing.
	scaling sync.Mutex
}

// Count counts nodes and pods from now on.
func (c *Cluster) Count(config *rest.Config) error {
	count := nodes.NewCounter
	if c.Foreign {
		count = nodes.NewForeignCounter
	}
	counter, err := count(config)
	if err != nil {
		return err
	}
	counting, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- counter.Run(counting) }()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counter, c.stop = counter, func() { cancel(); <-done }
	return nil
}

// EndCounting may be called without a Count.
func (c *Cluster) EndCounting() {
	c.mu.Lock()
	stop := c.stop
	c.counter, c.stop = nil, nil
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (c *Cluster) counting() *nodes.Counter {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counter
}

// Status counts what there is, next to what is asked for.
func (c *Cluster) Status(size v1alpha1.Cluster) control.ClusterStatus {
	status := control.ClusterStatus{
		Nodes: control.NodeCounts{Desired: size.Nodes}, Pods: control.PodCounts{Desired: size.Pods},
	}
	counter := c.counting()
	if counter == nil {
		return status
	}
	// Before the counter has seen everything its counts are only part.
	counts, _ := counter.Counts()
	status.Nodes.Ready, status.Pods.Running = counts.NodesReady, counts.PodsRunning
	if c.Foreign {
		status.Nodes.Desired, status.Pods.Desired = counts.Nodes, counts.PodsDesired
	}
	status.DaemonPods, status.JobPods = counts.DaemonPodsRunning, counts.JobPodsRunning
	return status
}

// Simulated are the names of the nodes whose kubelets are to be asked.
func (c *Cluster) Simulated(ctx context.Context) ([]string, error) {
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	return nodes.Simulated(ctx, config)
}

// Resize makes or removes nodes and workloads, and returns when those that are to
// be there run.
func (c *Cluster) Resize(
	ctx context.Context, config *rest.Config, size v1alpha1.Cluster, report func(text string),
) error {
	fleet, workloads, err := sizes(size)
	if err != nil {
		return err
	}
	fleet.Alongside, workloads.Alongside = c.Alongside, c.Alongside
	progress := func(p nodes.Progress) { report(p.String()) }
	observer := nodes.Observer{Progress: progress, Leaving: c.Leaving}
	if err := nodes.Scale(ctx, config, fleet, workloads, observer); err != nil {
		return err
	}
	counter := c.counting()
	if counter == nil {
		return errors.New("the environment is going down")
	}
	return counter.WaitReady(ctx, fleet, workloads, progress)
}

// Scale changes the size of the running cluster. The new size is written down, by
// remember, before it is reached: a restart in between goes on towards it.
func (c *Cluster) Scale(
	ctx context.Context, size v1alpha1.Cluster, remember func() error, report func(text string),
) error {
	if !c.scaling.TryLock() {
		return errors.New("another change of size is under way; wait for it to end")
	}
	defer c.scaling.Unlock()
	fleet, workloads, err := sizes(size)
	if err != nil {
		return err
	}
	if err := checkCapacity(fleet, workloads); err != nil {
		return err
	}
	config, err := c.Config()
	if err != nil {
		return err
	}
	if err := remember(); err != nil {
		return err
	}
	if err := c.Resize(ctx, config, size, report); err != nil {
		return err
	}
	if c.Resized == nil {
		return nil
	}
	return c.Resized(ctx)
}

// sizes reads the template, if there is one.
func sizes(size v1alpha1.Cluster) (nodes.Fleet, nodes.Workloads, error) {
	fleet, workloads := nodes.Fleet{Nodes: size.Nodes}, nodes.Workloads{Pods: size.Pods}
	if size.PodTemplate != "" {
		data, err := os.ReadFile(size.PodTemplate)
		if err != nil {
			return fleet, workloads, fmt.Errorf("reading the pod template: %w", err)
		}
		workloads.Template, workloads.TemplateFile = data, size.PodTemplate
	}
	return fleet, workloads, nil
}

// StageFiles reads the user's Stage objects.
func StageFiles(paths []string) ([]nodes.StageFile, error) {
	var files []nodes.StageFile
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a stage file: %w", err)
		}
		files = append(files, nodes.StageFile{Name: path, Data: data})
	}
	return files, nil
}

// CheckFiles says early what would be refused late: a context that the kubeconfig
// does not have, a template that is no Pod, a stage that does not parse, more pods
// than fit.
func CheckFiles(size v1alpha1.Cluster) error {
	if size.KubeContext != "" {
		if _, err := kubeconfig.Extract(size.KubeContext); err != nil {
			return &v1alpha1.FieldError{Field: "cluster.kubeContext", Err: fmt.Errorf(": %w", err)}
		}
		return nil // who is in it others say
	}
	if size.Nodes == 0 {
		return nil // nothing is simulated
	}
	fleet, workloads, err := sizes(size)
	if err != nil {
		return err
	}
	files, err := StageFiles(size.Stages)
	if err != nil {
		return err
	}
	return errors.Join(checkCapacity(fleet, workloads), nodes.ParseStages(files))
}

// checkCapacity names the field that has too many pods.
func checkCapacity(fleet nodes.Fleet, workloads nodes.Workloads) error {
	err := nodes.CheckCapacity(fleet, workloads)
	if many := (*nodes.CapacityError)(nil); errors.As(err, &many) {
		return &v1alpha1.FieldError{Field: "cluster.pods", Err: fmt.Errorf(" is %d: %s", many.Pods, many.Says)}
	}
	return err
}
