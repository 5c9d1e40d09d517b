package nodes

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// Simulated nodes alongside real ones are kept apart as KWOK's documentation
// does it: a taint keeps real pods off them, and simulated pods select their label.
// https://kwok.sigs.k8s.io/docs/user/kwok-manage-nodes-and-pods/
const (
	simulatedLabel, simulatedLabelValue = "type", "kwok"
	simulatedTaint, simulatedTaintValue = "kwok.x-k8s.io/node", "fake"
)

// keepReal keeps real pods off a simulated node.
func keepReal(node *corev1.Node) {
	node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{
		Key: simulatedTaint, Value: simulatedTaintValue, Effect: corev1.TaintEffectNoSchedule,
	})
}

// keepApart makes the pods of objects run on simulated nodes only, and leaves
// the cluster its default storage class.
func keepApart(objects []object) {
	for _, o := range objects {
		if class, ok := o.(*storagev1.StorageClass); ok {
			delete(class.Annotations, "storageclass.kubernetes.io/is-default-class")
		}
		spec := podSpecOf(o)
		if spec == nil {
			continue
		}
		spec.NodeSelector = withLabels(spec.NodeSelector, map[string]string{simulatedLabel: simulatedLabelValue})
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{
			Key: simulatedTaint, Operator: corev1.TolerationOpEqual, Value: simulatedTaintValue,
			Effect: corev1.TaintEffectNoSchedule,
		})
	}
}

// podSpecOf is that of the pods that an object makes, nil if it makes none.
func podSpecOf(o object) *corev1.PodSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template.Spec
	case *appsv1.StatefulSet:
		return &o.Spec.Template.Spec
	case *appsv1.DaemonSet:
		return &o.Spec.Template.Spec
	case *batchv1.Job:
		return &o.Spec.Template.Spec
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template.Spec
	}
	return nil
}
