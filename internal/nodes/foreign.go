package nodes

import (
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// NewForeignCounter returns a Counter of a cluster in which others make pods,
// too. What nobody asks for in numbers counts there: kwokctl makes pods without
// a controller, operators make them with one of their own. Each that is there
// and has not ended is wanted.
func NewForeignCounter(config *rest.Config) (*Counter, error) { return newCounter(config, true) }

// followForeign adds what only a foreign cluster is asked for.
func (c *Counter) followForeign() error {
	return errors.Join(
		c.pending.SetTransform(strip),
		count(c, c.pending, foreignWanted),
		count(c, c.replicaSets, func(r *appsv1.ReplicaSet) Counts {
			if controllerKind(r) == "Deployment" {
				return Counts{} // whose number counts
			}
			return desired(r, r.Spec.Replicas)
		}),
	)
}

// foreignRunning is what a Running pod counts for. Those of a Node are static
// ones: it has as many of them as it has to have, like those of a DaemonSet.
func foreignRunning(pod *metav1.PartialObjectMetadata) Counts {
	counts, wanted := runningPod(pod), foreignWanted(pod)
	counts.PodsDesired, counts.DaemonPodsDesired = wanted.PodsDesired, wanted.DaemonPodsDesired
	if controllerKind(pod) == "Node" {
		counts.DaemonPodsRunning = counts.OtherPodsRunning
	} else {
		counts.PodsRunning += counts.OtherPodsRunning
	}
	counts.OtherPodsRunning = 0
	return counts
}

// foreignWanted is what a pod counts for of which nobody says in numbers that
// it is wanted.
func foreignWanted(pod *metav1.PartialObjectMetadata) Counts {
	if pod.DeletionTimestamp != nil {
		return Counts{}
	}
	switch controllerKind(pod) {
	case "ReplicaSet", "StatefulSet", "DaemonSet", "Job":
		return Counts{}
	case "Node":
		return Counts{DaemonPodsDesired: 1}
	}
	return Counts{PodsDesired: 1}
}
