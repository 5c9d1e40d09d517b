package environment

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
)

// lookEvery is how often the parts of a cluster are looked at.
const lookEvery = 2 * time.Second

// parts is what a real cluster is made of, as it was a moment ago: the
// containers that are its nodes, and the pods of LGTM and the collectors.
type parts struct {
	mu  sync.Mutex
	all []ComponentStatus

	stop    context.CancelFunc
	looking sync.WaitGroup
}

// start looks at the parts until end.
func (p *parts) start(config *rest.Config, c *containers) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.looking.Go(func() {
		for {
			all, err := look(ctx, client, c)
			if err != nil && ctx.Err() == nil {
				slog.Warn("the parts of the cluster could not be listed", "error", err)
			}
			p.mu.Lock()
			p.all = all
			p.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-time.After(lookEvery):
			}
		}
	})
	return nil
}

func (p *parts) end() {
	if p.stop != nil {
		p.stop()
		p.looking.Wait()
	}
}

func (p *parts) statuses() []ComponentStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}

// look lists the containers, and the pods as far as the cluster answers.
func look(ctx context.Context, client kubernetes.Interface, c *containers) ([]ComponentStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*lookEvery)
	defer cancel()
	found, err := c.engine.Containers(ctx, c.owner)
	if err != nil {
		return nil, err
	}
	var all []ComponentStatus
	for _, f := range found {
		s := component.Status{Name: f.Name, Phase: component.Ready, Container: f.ID, Image: f.Image}
		if f.State != "running" {
			s.Phase, s.Message = component.Restarting, f.Status
		}
		all = append(all, ComponentStatus{Status: s, RSSBytes: c.engine.Memory(ctx, f.ID)})
	}
	pods, err := client.CoreV1().Pods(k3dNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return all, fmt.Errorf("listing the pods of %s: %w", k3dNamespace, err)
	}
	for i := range pods.Items {
		all = append(all, ComponentStatus{Status: podStatus(&pods.Items[i])})
	}
	return all, nil
}

// podStatus tells of a pod what a component tells of itself.
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
