package k3d

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/wait"
)

// lookEvery is how often a cluster's members are looked at.
const lookEvery = 2 * time.Second

// Members are what a real cluster is made of, as it was a moment ago: the
// containers that are its nodes, and the pods of one namespace, where LGTM and the
// collectors are.
type Members struct {
	Namespace string

	mu  sync.Mutex
	all []control.ComponentStatus

	stop    context.CancelFunc
	looking sync.WaitGroup
}

// Start looks at the members until Close.
func (m *Members) Start(config *rest.Config, shared *containers.Shared) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.looking.Go(func() {
		m.update(ctx, client, shared)
		// A look may take long: the engine has its rest in between.
		for wait.Pause(ctx, lookEvery) == nil {
			m.update(ctx, client, shared)
		}
	})
	return nil
}

func (m *Members) update(ctx context.Context, client kubernetes.Interface, shared *containers.Shared) {
	all, err := m.look(ctx, client, shared)
	if err != nil && ctx.Err() == nil {
		slog.Warn("the nodes and pods of the cluster could not be listed", "error", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = all
}

// Close may be called without a Start.
func (m *Members) Close() {
	if m.stop != nil {
		m.stop()
		m.looking.Wait()
	}
}

// Statuses are those of the nodes and pods.
func (m *Members) Statuses() []control.ComponentStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}

// look lists the containers, and the pods as far as the cluster answers.
func (m *Members) look(
	ctx context.Context, client kubernetes.Interface, shared *containers.Shared,
) ([]control.ComponentStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*lookEvery)
	defer cancel()
	found, err := shared.Containers(ctx, shared.Owner)
	if err != nil {
		return nil, err
	}
	var all []control.ComponentStatus
	for _, f := range found {
		s := component.Status{Name: f.Name, Phase: component.Ready, Container: f.ID, Image: f.Image}
		if f.State != "running" {
			s.Phase, s.Message = component.Restarting, f.Status
		}
		all = append(all, control.ComponentStatus{Status: s, RSSBytes: shared.Memory(ctx, f.ID)})
	}
	pods, err := client.CoreV1().Pods(m.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return all, fmt.Errorf("listing the pods of %s: %w", m.Namespace, err)
	}
	for i := range pods.Items {
		all = append(all, control.ComponentStatus{Status: podStatus(&pods.Items[i])})
	}
	return all, nil
}

// podStatus says of a pod what a component says of itself.
func podStatus(pod *corev1.Pod) component.Status {
	s := component.Status{Name: pod.Name, Phase: component.Starting, Pod: pod.Namespace + "/" + pod.Name}
	if len(pod.Spec.Containers) > 0 {
		s.Image = pod.Spec.Containers[0].Image
	}
	running, waiting, started := len(pod.Status.ContainerStatuses) > 0, "", time.Time{}
	for _, container := range pod.Status.ContainerStatuses {
		s.Restarts += int(container.RestartCount)
		if container.State.Running == nil {
			running = false
		} else if at := container.State.Running.StartedAt.Time; at.After(started) {
			started = at
		}
		if w := container.State.Waiting; w != nil && w.Reason != "" {
			waiting = w.Reason
		}
	}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Type != corev1.PodReady:
		case condition.Status == corev1.ConditionTrue:
			s.Phase = component.Ready
		case running && condition.LastTransitionTime.After(started):
			// It was ready, and the kubelet asks on.
			s.Phase = component.NotReady
			s.Message = "not answering since " + condition.LastTransitionTime.Local().Format(time.TimeOnly)
		default:
			s.Message = cmp.Or(waiting, condition.Message)
		}
	}
	if pod.DeletionTimestamp != nil {
		s.Phase, s.Message = component.Stopping, ""
	} else if s.Phase == component.Starting && s.Restarts > 0 {
		s.Phase = component.Restarting
	}
	return s
}
