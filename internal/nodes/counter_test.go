package nodes

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRunningPodsByController(t *testing.T) {
	for kind, want := range map[string]Counts{
		"ReplicaSet": {PodsRunning: 1}, "StatefulSet": {PodsRunning: 1}, "DaemonSet": {DaemonPodsRunning: 1}, "Job": {JobPodsRunning: 1},
		// Whoever made these says nowhere how many there should be.
		"": {OtherPodsRunning: 1}, "ReplicationController": {OtherPodsRunning: 1}, "SomeOperator": {OtherPodsRunning: 1},
	} {
		pod := &metav1.PartialObjectMetadata{}
		if kind != "" {
			pod.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Controller: new(true)}}
		}
		if got := runningPod(pod); got != want {
			t.Errorf("a pod of a %q counts as %+v, want %+v", kind, got, want)
		}
	}
	leaving := &metav1.PartialObjectMetadata{}
	leaving.DeletionTimestamp = &metav1.Time{}
	if got := runningPod(leaving); got != (Counts{}) {
		t.Errorf("a pod that is being deleted counts as %+v", got)
	}
}
