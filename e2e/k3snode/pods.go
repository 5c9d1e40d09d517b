package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"

	"github.com/diorama-lab/diorama/internal/wait"
)

// pulledAnnotation is of the pods whose images the node has.
const pulledAnnotation = "k3snode.test/pulled"

// holdPods makes pods wait for their images: nothing plays a pod that runs
// before it has the annotation.
func (c *cluster) holdPods(ctx context.Context) error {
	stages := c.kwok.KwokV1alpha1().Stages()
	stage, err := stages.Get(ctx, "pod-ready", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the stage of pods that run: %w", err)
	}
	pulled := v1alpha1.SelectorJQ{
		Key: fmt.Sprintf(".metadata.annotations[%q]", pulledAnnotation), Operator: v1alpha1.SelectorOpExists,
	}
	selector := stage.Spec.Selector
	selector.MatchExpressions = append(selector.MatchExpressions, v1alpha1.MatchExpression{JQ: &pulled})
	if _, err := stages.Update(ctx, stage, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("making pods wait for their images: %w", err)
	}
	return nil
}

// pullImages looks again and again at the pods that wait, as kubelets do: those
// whose images the node has go on, of the others their status says why not. No
// registry is ever asked.
func (c *cluster) pullImages(ctx context.Context) error {
	for {
		pods, err := c.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Pending"})
		if err != nil {
			say("the API server does not list pods: " + err.Error())
		} else {
			for i := range pods.Items {
				if err := c.pullOf(ctx, &pods.Items[i]); err != nil && !apierrors.IsNotFound(err) {
					say(err.Error())
				}
			}
		}
		if wait.Pause(ctx, 200*time.Millisecond) != nil {
			return nil
		}
	}
}

func (c *cluster) pullOf(ctx context.Context, pod *corev1.Pod) error {
	if _, pulled := pod.Annotations[pulledAnnotation]; pulled || pod.Spec.NodeName == "" {
		return nil
	}
	var waiting []map[string]any
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		known, err := knows(container.Image)
		if err != nil {
			return fmt.Errorf("looking for images: %w", err)
		}
		if !known {
			waiting = append(waiting, map[string]any{
				"name": container.Name, "image": container.Image, "imageID": "", "ready": false, "restartCount": 0,
				"state": map[string]any{"waiting": notPulled(pod, container)},
			})
		}
	}
	annotations := map[string]string{pulledAnnotation: "true"}
	change, sub := map[string]any{"metadata": map[string]any{"annotations": annotations}}, []string(nil)
	if len(waiting) > 0 {
		change, sub = map[string]any{"status": map[string]any{"containerStatuses": waiting}}, []string{"status"}
	}
	patch, err := json.Marshal(change)
	if err != nil {
		return err
	}
	pods := c.client.CoreV1().Pods(pod.Namespace)
	_, err = pods.Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, sub...)
	return err
}

// notPulled is what a kubelet says of an image that it cannot have, and what it
// says from the second time on.
func notPulled(pod *corev1.Pod, container corev1.Container) corev1.ContainerStateWaiting {
	why := fmt.Sprintf("image %q: no registry is reached", container.Image)
	for _, before := range pod.Status.ContainerStatuses {
		if before.Name == container.Name && before.State.Waiting != nil {
			return corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling " + why}
		}
	}
	return corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "failed to pull and unpack " + why}
}
