package k3d

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/diorama-lab/diorama/internal/component"
)

func running(since time.Time, restarts int32) []corev1.ContainerStatus {
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}}
	return []corev1.ContainerStatus{{RestartCount: restarts, State: state}}
}

func TestPodStatus(t *testing.T) {
	const unready = "containers with unready status"
	ready := func(status corev1.ConditionStatus) []corev1.PodCondition {
		return []corev1.PodCondition{{Type: corev1.PodReady, Status: status, Message: unready}}
	}
	restarted := func(n int32) []corev1.ContainerStatus { return []corev1.ContainerStatus{{RestartCount: n}} }
	backOff := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	crashing := []corev1.ContainerStatus{{RestartCount: 4, State: backOff}}
	since := metav1.NewTime(time.Date(2026, 11, 28, 13, 5, 2, 0, time.Local))
	silent := []corev1.PodCondition{{
		Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: since, Message: unready,
	}}
	for _, c := range []struct {
		status   corev1.PodStatus
		deleted  bool
		phase    component.Phase
		message  string
		restarts int
	}{
		{corev1.PodStatus{}, false, component.Starting, "", 0},
		{
			corev1.PodStatus{Conditions: ready(corev1.ConditionTrue), ContainerStatuses: restarted(2)}, false,
			component.Ready, "", 2,
		},
		{corev1.PodStatus{Conditions: ready(corev1.ConditionFalse)}, false, component.Starting, unready, 0},
		{
			corev1.PodStatus{Conditions: ready(corev1.ConditionFalse), ContainerStatuses: crashing}, false,
			component.Restarting, "CrashLoopBackOff", 4,
		},
		{
			corev1.PodStatus{Conditions: silent, ContainerStatuses: running(since.Add(-time.Minute), 1)}, false,
			component.NotReady, "not answering since 13:05:02", 1,
		},
		// It has not been ready yet, or not since it was started again.
		{
			corev1.PodStatus{Conditions: silent, ContainerStatuses: running(since.Add(time.Second), 0)}, false,
			component.Starting, unready, 0,
		},
		{
			corev1.PodStatus{Conditions: silent, ContainerStatuses: running(since.Add(time.Minute), 1)}, false,
			component.Restarting, unready, 1,
		},
		{corev1.PodStatus{Conditions: ready(corev1.ConditionTrue)}, true, component.Stopping, "", 0},
	} {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "diorama", Name: "x"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Image: "i"}}},
			Status:     c.status,
		}
		if c.deleted {
			pod.DeletionTimestamp = &metav1.Time{}
		}
		got := podStatus(pod)
		if got.Phase != c.phase || got.Message != c.message || got.Restarts != c.restarts ||
			got.Pod != "diorama/x" || got.Image != "i" {
			t.Errorf("%+v is %+v", c.status, got)
		}
	}
}
