package nodes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/diorama-lab/diorama/internal/apply"
	"github.com/diorama-lab/diorama/internal/wait"
)

var (
	nodeResource = corev1.SchemeGroupVersion.WithResource("nodes")
	podResource  = corev1.SchemeGroupVersion.WithResource("pods")
)

// leavingAnnotation marks a node that is being removed: its kubelet is not to
// be asked any more. The receivers that follow nodes know it.
const leavingAnnotation = "diorama.dev/leaving"

// createNodes creates the missing nodes and returns the names of those that
// are too many, highest first. Nodes that an interrupted Scale meant to remove
// and that are wanted again take up work again.
func (s *scaler) createNodes(ctx context.Context, f Fleet) ([]string, error) {
	var list *metav1.PartialObjectMetadataList
	err := s.request(ctx, "listing the nodes", func(ctx context.Context) (err error) {
		list, err = s.metadata.Resource(nodeResource).List(ctx, metav1.ListOptions{LabelSelector: managedBySelector})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	have, left := map[string]bool{}, map[string]bool{}
	for _, node := range list.Items {
		have[node.Name] = true
		left[node.Name] = node.Annotations[leavingAnnotation] != ""
	}
	var missing []int
	for i := range f.Nodes {
		name := nodeName(i)
		if !have[name] {
			missing = append(missing, i)
		}
		if left[name] {
			if err := s.patchNode(ctx, name, stay); err != nil {
				return nil, err
			}
		}
		delete(have, name)
	}
	surplus := make([]string, 0, len(have))
	for name := range have {
		surplus = append(surplus, name)
	}
	slices.SortFunc(surplus, func(a, b string) int { return cmp.Compare(b, a) })

	step := s.report.step("create nodes", len(missing))
	return surplus, inParallel(ctx, missing, func(ctx context.Context, i int) error {
		defer step.done()
		node := newNode(i)
		if f.Alongside {
			keepReal(node)
		}
		err := s.request(ctx, "creating the node "+node.Name, func(ctx context.Context) error {
			_, err := s.typed.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{FieldManager: apply.FieldManager})
			return err
		})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create node %s: %w", nodeName(i), err)
		}
		return nil
	})
}

// nodeWait bounds how long Scale waits for nodes before it creates workloads.
const nodeWait = 30 * time.Second

// waitForNodes waits until the nodes are ready, or for a while. Pods that find
// no node are put aside by the scheduler and tried again and again: with nodes
// there first, a large cluster is up in half the time. It is no condition,
// though: WaitReady says what is missing.
func (s *scaler) waitForNodes(ctx context.Context, f Fleet) {
	ctx, cancel := context.WithTimeout(ctx, nodeWait)
	defer cancel()
	counter, err := NewCounter(s.config)
	if err != nil {
		return
	}
	go counter.runNodes(ctx)
	step := s.report.step("wait for nodes", f.Nodes)
	_ = wait.Until(ctx, 50*time.Millisecond, func(context.Context) (bool, error) {
		ready := counter.readyNodes()
		step.set(min(ready, f.Nodes))
		return ready >= f.Nodes, nil
	})
}

// drain empties the nodes and deletes them: nobody asks their kubelets any more,
// no new pods, the ones there end as pods do, then the node goes, and what is
// left of its pods with it.
func (s *scaler) drain(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	step := s.report.step("remove nodes", len(names))
	err := inParallel(ctx, names, func(ctx context.Context, name string) error { return s.patchNode(ctx, name, leave) })
	if err != nil {
		return err
	}
	if s.leaving != nil {
		if err := s.leaving(ctx, names); err != nil {
			return err
		}
	}
	// The pods of all nodes end while those of the first are waited for.
	err = inParallel(ctx, names, func(ctx context.Context, name string) error {
		_, err := s.deletePods(ctx, name, false)
		return err
	})
	if err != nil {
		return err
	}
	deadline := time.Now().Add(drainWait + time.Duration(len(names))*drainWaitPerNode)
	return inParallel(ctx, names, func(ctx context.Context, name string) error {
		defer step.done()
		if err := s.drainOne(ctx, name, deadline); err != nil {
			return fmt.Errorf("remove node %s: %w", name, err)
		}
		return nil
	})
}

// What a node is patched with when it is to be removed, and when it is to stay
// after all.
const (
	leave = `{"metadata":{"annotations":{"` + leavingAnnotation + `":"true"}},"spec":{"unschedulable":true}}`
	stay  = `{"metadata":{"annotations":{"` + leavingAnnotation + `":null}},"spec":{"unschedulable":null}}`
)

// patchNode changes a node; one that is gone needs no change.
func (s *scaler) patchNode(ctx context.Context, name, patch string) error {
	options := metav1.PatchOptions{FieldManager: apply.FieldManager}
	err := s.request(ctx, "marking the node "+name, func(ctx context.Context) error {
		_, err := s.typed.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, []byte(patch), options)
		return err
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("mark node %s: %w", name, err)
	}
	return nil
}

// These bound how long the pods of removed nodes may take to end, all nodes
// together. KWOK needs a moment; it may also not be running.
const (
	drainWait        = 10 * time.Second
	drainWaitPerNode = 50 * time.Millisecond
)

// drainEvery is how often the pods of one node are looked at: looking costs the
// API server time in which it has all pods to make anew elsewhere.
const drainEvery = 500 * time.Millisecond

// drainOne deletes a node once its pods have ended, or at the deadline.
func (s *scaler) drainOne(ctx context.Context, name string, deadline time.Time) error {
	bounded, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	err := wait.Until(bounded, drainEvery, func(ctx context.Context) (bool, error) {
		left, err := s.deletePods(ctx, name, false)
		return left == 0 || err != nil, err
	})
	if ctx.Err() != nil || err != nil && bounded.Err() == nil {
		return err
	}
	err = s.request(ctx, "deleting the node "+name, func(ctx context.Context) error {
		return s.typed.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	// With the node, its kubelet is gone: nobody else would finish these.
	_, err = s.deletePods(ctx, name, true)
	return err
}

// deletePods deletes the pods of a node and returns how many the kubelet still
// has. If not forced, daemon pods stay, and pods that are being deleted are
// left to the kubelet.
func (s *scaler) deletePods(ctx context.Context, node string, force bool) (int, error) {
	var pods *metav1.PartialObjectMetadataList
	onNode := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String()}
	err := s.request(ctx, "listing the pods of the node "+node, func(ctx context.Context) (err error) {
		pods, err = s.metadata.Resource(podResource).List(ctx, onNode)
		return err
	})
	if err != nil {
		return 0, err
	}
	options := metav1.DeleteOptions{}
	if force {
		options.GracePeriodSeconds = new(int64(0))
	}
	count := 0
	for _, pod := range pods.Items {
		if !force && (controllerKind(&pod) == "DaemonSet" || ended(&pod)) {
			continue
		}
		count++
		if !force && pod.DeletionTimestamp != nil {
			continue
		}
		err := s.request(ctx, "deleting the pod "+pod.Namespace+"/"+pod.Name, func(ctx context.Context) error {
			return s.metadata.Resource(podResource).Namespace(pod.Namespace).Delete(ctx, pod.Name, options)
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return count, err
		}
	}
	return count, nil
}

// ended tells whether the kubelet is done with a pod. That of a Job stays for a
// while after that, until it has been counted.
func ended(pod metav1.Object) bool {
	grace := pod.GetDeletionGracePeriodSeconds()
	return pod.GetDeletionTimestamp() != nil && grace != nil && *grace == 0
}

// controllerKind is the kind of the controller that made an object.
func controllerKind(o metav1.Object) string {
	if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
		return owner.Kind
	}
	return ""
}
