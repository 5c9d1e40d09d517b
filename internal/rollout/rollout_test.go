package rollout

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestParse(t *testing.T) {
	const documents = `# nothing
---
apiVersion: v1
kind: Namespace
metadata: {name: a}
---

---
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "namespace": "a"}}
`
	objects, err := Parse([]byte(documents))
	if err != nil || len(objects) != 2 || nameOf(objects[0]) != "Namespace a" || nameOf(objects[1]) != "Pod a/b" {
		t.Errorf("got %v, %v", objects, err)
	}
	for text, want := range map[string]string{
		"a: [":                                "reading an object",
		"apiVersion: v1\nkind: Pod\n":         "without a kind or a name",
		"metadata: {name: a}\napiVersion: v1": "Kind",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", text, err, want)
		}
	}
}

func waiting(reason string, restarts int32) corev1.ContainerStatus {
	state := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "it says why"}}
	return corev1.ContainerStatus{Name: "main", RestartCount: restarts, State: state}
}

// What passes by itself is reported; what does not is an error at once.
func TestTrouble(t *testing.T) {
	running := corev1.ContainerStatus{
		Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}
	noRoom := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "no room"}
	of := func(container corev1.ContainerStatus) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{container}}
	}
	for _, c := range []struct {
		status   corev1.PodStatus
		want     string
		hopeless bool
	}{
		{corev1.PodStatus{}, "", false},
		{of(running), "", false},
		{of(waiting("ErrImagePull", 0)), "ErrImagePull: it says why", false},
		{of(waiting("CrashLoopBackOff", 1)), "CrashLoopBackOff", false},
		{of(waiting("CrashLoopBackOff", restartLimit)), "it said:\nfake logs", true},
		{
			corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{waiting("ImagePullBackOff", 0)}},
			"the container main of the pod x does not come up: ImagePullBackOff", true,
		},
		{corev1.PodStatus{Conditions: []corev1.PodCondition{noRoom}}, "waits for a node: no room", false},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "x"}, Status: c.status}
		text, err := (&Cluster{typed: fake.NewClientset(pod)}).troubleOf(t.Context(), pod)
		var failed *PodError
		if errors.As(err, &failed) != c.hopeless {
			t.Errorf("%+v is %v", c.status, err)
		}
		if c.hopeless {
			text = err.Error()
		}
		if !strings.Contains(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%+v is %q, want %q", c.status, text, c.want)
		}
	}
}
