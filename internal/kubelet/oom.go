package kubelet

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/diorama-lab/diorama/internal/wait"
)

// killAnnotation tells KWOK that a container has reached its memory limit:
// NAME:RESTARTS, the run being named by how often the container was restarted
// before. The Stage pod-oom-kill plays it; who wants something else to happen
// replaces that.
const killAnnotation = "diorama.dev/oom-kill"

const (
	// killInterval is how often it is looked for containers that are full.
	killInterval = time.Second
	// killAgain is how long nothing is asked again that has been asked for.
	killAgain = int64(30 * time.Second)
)

// kill is one container to be killed.
type kill struct {
	namespace, pod string
	uid            types.UID
	what           string // NAME:RESTARTS
}

// full lists containers whose memory is at their limit, one for each pod, and
// leaves out pods of which one was asked for and is not yet killed.
func (s *store) full() []kill {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at := s.clock.read()
	var out []kill
	for _, p := range s.pods {
		if at < p.fullAt || p.object.DeletionTimestamp != nil || !s.simulates(p) {
			continue
		}
		first, asked := "", false
		for i := range p.containers {
			c := &p.containers[i]
			if at < c.fullAt() {
				continue
			}
			what := c.name + ":" + strconv.Itoa(int(c.restarts))
			asked = asked || p.object.Annotations[killAnnotation] == what
			if first == "" {
				first = what
			}
		}
		if !asked && first != "" {
			out = append(out, kill{p.object.Namespace, p.object.Name, p.uid, first})
		}
	}
	return out
}

// simulates tells whether a pod is on a node that is simulated: alongside
// such nodes, a cluster may have real ones. The caller holds the lock.
func (s *store) simulates(p *pod) bool {
	node := s.nodes[p.node]
	return node != nil && node.facts != nil
}

// reaper asks for containers to be killed.
type reaper struct {
	client kubernetes.Interface
	clock  *clock
	asked  map[kill]int64
	denied bool
}

// keepKilling asks for what is full to be killed, until ctx ends.
func keepKilling(ctx context.Context, s *store, client kubernetes.Interface) {
	r := &reaper{client: client, clock: s.clock, asked: map[kill]int64{}}
	for wait.Pause(ctx, killInterval) == nil {
		r.reap(ctx, s.full())
	}
}

func (r *reaper) reap(ctx context.Context, full []kill) {
	now := r.clock.read()
	for k, at := range r.asked {
		if now-at >= killAgain {
			delete(r.asked, k)
		}
	}
	for _, k := range full {
		if _, asked := r.asked[k]; asked {
			continue // the watch has not reported it yet
		}
		r.asked[k] = now
		err := r.ask(ctx, k)
		switch {
		case err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || ctx.Err() != nil:
			// Done; or the pod is gone, or another one.
		case apierrors.IsForbidden(err):
			if !r.denied {
				slog.Warn("Containers are not killed when they reach their memory limit: the user may not patch pods.",
					"error", err)
			}
			r.denied = true
		default:
			slog.Error("A container that reached its memory limit could not be killed.",
				"namespace", k.namespace, "pod", k.pod, "container", k.what, "error", err)
		}
	}
}

func (r *reaper) ask(ctx context.Context, k kill) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         k.uid, // no other pod of the same name
		"annotations": map[string]string{killAnnotation: k.what},
	}})
	if err != nil {
		return err
	}
	options := metav1.PatchOptions{FieldManager: "diorama-kubelet"}
	_, err = r.client.CoreV1().Pods(k.namespace).Patch(ctx, k.pod, types.MergePatchType, patch, options)
	return err
}
