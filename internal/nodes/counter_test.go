package nodes

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRunningPodsByController(t *testing.T) {
	for kind, want := range map[string]Counts{
		"ReplicaSet": {PodsRunning: 1}, "StatefulSet": {PodsRunning: 1}, "DaemonSet": {DaemonPodsRunning: 1},
		"Job": {JobPodsRunning: 1},
		// Whoever made these says nowhere how many there should be.
		"": {OtherPodsRunning: 1}, "ReplicationController": {OtherPodsRunning: 1}, "SomeOperator": {OtherPodsRunning: 1},
	} {
		if got := runningPod(podOf(kind)); got != want {
			t.Errorf("a pod of a %q counts as %+v, want %+v", kind, got, want)
		}
	}
	leaving := &metav1.PartialObjectMetadata{}
	leaving.DeletionTimestamp = &metav1.Time{}
	if got := runningPod(leaving); got != (Counts{}) {
		t.Errorf("a pod that is being deleted counts as %+v", got)
	}
}

// podOf makes a pod of a controller; of none if kind is empty.
func podOf(kind string) *metav1.PartialObjectMetadata {
	pod := &metav1.PartialObjectMetadata{}
	if kind != "" {
		pod.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Controller: new(true)}}
	}
	return pod
}

// In a cluster that others make, each pod of which nobody says in numbers that
// it is wanted is wanted for being there.
func TestForeignPodsByController(t *testing.T) {
	for kind, want := range map[string]struct{ running, pending Counts }{
		"":                      {Counts{PodsDesired: 1, PodsRunning: 1}, Counts{PodsDesired: 1}}, // of kwokctl
		"SomeOperator":          {Counts{PodsDesired: 1, PodsRunning: 1}, Counts{PodsDesired: 1}},
		"ReplicationController": {Counts{PodsDesired: 1, PodsRunning: 1}, Counts{PodsDesired: 1}},
		// A static pod.
		"Node":        {Counts{DaemonPodsDesired: 1, DaemonPodsRunning: 1}, Counts{DaemonPodsDesired: 1}},
		"ReplicaSet":  {Counts{PodsRunning: 1}, Counts{}},
		"StatefulSet": {Counts{PodsRunning: 1}, Counts{}},
		"DaemonSet":   {Counts{DaemonPodsRunning: 1}, Counts{}},
		"Job":         {Counts{JobPodsRunning: 1}, Counts{}},
	} {
		if got := foreignRunning(podOf(kind)); got != want.running {
			t.Errorf("a Running pod of a %q counts as %+v, want %+v", kind, got, want.running)
		}
		if got := foreignWanted(podOf(kind)); got != want.pending {
			t.Errorf("a Pending pod of a %q counts as %+v, want %+v", kind, got, want.pending)
		}
	}
	leaving := podOf("")
	leaving.DeletionTimestamp = &metav1.Time{}
	if foreignRunning(leaving) != (Counts{}) || foreignWanted(leaving) != (Counts{}) {
		t.Error("a pod that is being deleted counts")
	}
}
