package nodes

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const oomKill = "diorama.dev/oom-kill"

// running returns a pod that the stages have brought up: a sidecar and two containers.
func running(t *testing.T, owner string) *corev1.Pod {
	always := corev1.ContainerRestartPolicyAlways
	pod, _ := play(t, scheduled(corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "side", Image: "side:1", RestartPolicy: &always}},
		Containers:     []corev1.Container{{Name: "main", Image: "main:1"}, {Name: "other", Image: "other:1"}},
	}, owner))
	return pod
}

func TestOOMKillRestartsOneContainer(t *testing.T) {
	for _, name := range []string{"main", "side"} {
		before := running(t, "ReplicaSet")
		before.Annotations = map[string]string{oomKill: name + ":0"}
		after, played := play(t, before.DeepCopy())
		if got := strings.Join(played, " "); got != "pod-oom-kill" {
			t.Fatalf("%s: played %q: a kill has to be played once", name, got)
		}
		if after.Status.Phase != corev1.PodRunning {
			t.Errorf("%s: the pod is %s", name, after.Status.Phase)
		}
		was := append(before.Status.InitContainerStatuses, before.Status.ContainerStatuses...)
		for i, is := range append(after.Status.InitContainerStatuses, after.Status.ContainerStatuses...) {
			if is.Name != name {
				if is.ContainerID != was[i].ContainerID || is.RestartCount != 0 || is.LastTerminationState.Terminated != nil {
					t.Errorf("%s was touched: %+v", is.Name, is)
				}
				continue
			}
			end := is.LastTerminationState.Terminated
			switch {
			case is.RestartCount != 1, is.State.Running == nil, !is.Ready, is.ContainerID == was[i].ContainerID,
				is.Image != was[i].Image:
				t.Errorf("the killed container is %+v", is)
			case end == nil, end.Reason != "OOMKilled", end.ExitCode != 137, end.ContainerID != was[i].ContainerID,
				end.FinishedAt.IsZero():
				t.Errorf("its last state is %+v", end)
			case end.StartedAt.Unix() != was[i].State.Running.StartedAt.Unix() ||
				is.State.Running.StartedAt.Before(&end.FinishedAt):
				t.Errorf("it ran %s to %s and again from %s", end.StartedAt, end.FinishedAt, is.State.Running.StartedAt)
			}
		}
		// The next run can be killed too.
		after.Annotations[oomKill] = name + ":1"
		if _, played := play(t, after); strings.Join(played, " ") != "pod-oom-kill" {
			t.Errorf("%s: the second kill played %v", name, played)
		}
	}
}

func TestOOMKillOfAnotherRunIsNotPlayed(t *testing.T) {
	for _, run := range []string{"main:1", "main", "none:0", ":", "", "main:0:0"} {
		pod := running(t, "ReplicaSet")
		pod.Annotations = map[string]string{oomKill: run}
		if _, played := play(t, pod); len(played) != 0 {
			t.Errorf("%q: played %v", run, played)
		}
	}
}

// A Job's pod that is killed goes on and completes.
func TestOOMKillOfAJobsPod(t *testing.T) {
	spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "main:1"}}}
	pod := scheduled(spec, "Job")
	pod.Annotations = map[string]string{oomKill: "main:0"}
	pod, played := play(t, pod)
	if got := strings.Join(played, " "); got != "pod-ready pod-oom-kill pod-complete" {
		t.Errorf("played %s", got)
	}
	if s := pod.Status.ContainerStatuses[0]; s.RestartCount != 1 || s.State.Terminated == nil {
		t.Errorf("ended as %+v", s)
	}
}
