package rollout

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/diorama-lab/diorama/internal/logfile"
)

// restartLimit is how often a container may end before its workload is given
// up. One that is not ready for its neighbours yet may end once or twice.
const restartLimit = 3

// logLines is how much of a failed container's log its error is looked for in.
const logLines = 300

// hopeless are the reasons of waiting that do not pass by themselves.
// k8s.io/kubernetes/pkg/kubelet/images and kuberuntime name them.
var hopeless = []string{"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"}

// PodError tells that a container of a pod will not come up.
type PodError struct {
	Pod, Container, Reason, Message string
	// Log are the last errors and lines of the container's last log, "" without any.
	Log string
}

// Error says what the kubelet says, and what the container said last.
func (e *PodError) Error() string {
	text := fmt.Sprintf("the container %s of the pod %s does not come up: %s", e.Container, e.Pod, e.Reason)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Log != "" {
		text += "; it said:\n" + e.Log
	}
	return text
}

// trouble says what keeps the pods of a workload from being ready, "" if it is
// only that they need time. It is a PodError if waiting does not help.
func (c *Cluster) trouble(ctx context.Context, workload *Object) (string, error) {
	pods, err := c.podsOf(ctx, workload)
	if err != nil {
		return "", err
	}
	for i := range pods {
		if text, err := c.troubleOf(ctx, &pods[i]); text != "" || err != nil {
			return text, err
		}
	}
	return "", nil
}

func (c *Cluster) podsOf(ctx context.Context, workload *Object) ([]corev1.Pod, error) {
	raw, _, err := unstructured.NestedMap(workload.Object, "spec", "selector")
	if err != nil {
		return nil, fmt.Errorf("its selector: %w", err)
	}
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &selector); err != nil {
		return nil, fmt.Errorf("its selector: %w", err)
	}
	selected := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(&selector)}
	list, err := c.typed.CoreV1().Pods(workload.GetNamespace()).List(ctx, selected)
	if err != nil {
		return nil, fmt.Errorf("listing its pods: %w", err)
	}
	return list.Items, nil
}

func (c *Cluster) troubleOf(ctx context.Context, pod *corev1.Pod) (string, error) {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return fmt.Sprintf("the pod %s waits for a node: %s", pod.Name, condition.Message), nil
		}
	}
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waiting := container.State.Waiting
		if waiting == nil {
			continue
		}
		crashing := waiting.Reason == "CrashLoopBackOff" && int(container.RestartCount) >= restartLimit
		if !crashing && !slices.Contains(hopeless, waiting.Reason) {
			if waiting.Message != "" {
				return fmt.Sprintf("the pod %s: %s: %s", pod.Name, waiting.Reason, waiting.Message), nil
			}
			continue
		}
		failed := &PodError{Pod: pod.Name, Container: container.Name, Reason: waiting.Reason, Message: waiting.Message}
		if crashing {
			failed.Log = c.lastLog(ctx, pod, container.Name)
		}
		return "", failed
	}
	return "", nil
}

// lastLog is the end of what a container said before it ended. It is "" if
// that cannot be had: it only helps to understand another error.
func (c *Cluster) lastLog(ctx context.Context, pod *corev1.Pod, container string) string {
	options := &corev1.PodLogOptions{Container: container, Previous: true, TailLines: new(int64(logLines))}
	data, err := c.typed.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).DoRaw(ctx)
	if err != nil {
		return ""
	}
	return logfile.LastLines(data)
}
