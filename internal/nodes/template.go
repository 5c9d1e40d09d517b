package nodes

import (
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

// templateLabel selects the pods of a user's template; its own labels may be
// anything.
const templateLabel = "diorama.dev/template"

// parseTemplate reads a v1 Pod and says, if it is none, what it is.
func parseTemplate(file string, data []byte) (*corev1.Pod, error) {
	if file == "" {
		file = "pod template"
	}
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(data, &kind); err != nil {
		return nil, fmt.Errorf("%s: not valid YAML: %w", file, err)
	}
	if kind.APIVersion != "v1" || kind.Kind != "Pod" {
		return nil, fmt.Errorf("%s: is a %s (%s), want a Pod (v1)", file, orNothing(kind.Kind), orNothing(kind.APIVersion))
	}
	pod := &corev1.Pod{}
	if err := unmarshalStrict(data, pod); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := checkTemplatePod(pod); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return pod, nil
}

// checkTemplatePod refuses what a Deployment could not run.
func checkTemplatePod(pod *corev1.Pod) error {
	switch {
	case len(pod.Spec.Containers) == 0:
		return errors.New("the Pod has no spec.containers")
	case pod.Spec.RestartPolicy != "" && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways:
		return fmt.Errorf("spec.restartPolicy is %s; pods are created through a Deployment, which runs only Always",
			pod.Spec.RestartPolicy)
	case pod.Spec.NodeName != "":
		return errors.New("spec.nodeName puts all pods on one node; use a nodeSelector or leave it to the scheduler")
	}
	return nil
}

// templateObjects returns the Deployment that runs the user's template, and
// its namespace if it is not one that every cluster has.
func templateObjects(pod *corev1.Pod, replicas int) []object {
	name := strings.TrimRight(pod.Name, "-")
	if name == "" {
		name = strings.TrimRight(pod.GenerateName, "-")
	}
	if name == "" {
		name = "pod-template"
	}
	ns := pod.Namespace
	if ns == "" {
		ns = metav1.NamespaceDefault
	}
	selector := withLabels(managedByLabels(), map[string]string{templateLabel: name})
	labels := withLabels(pod.Labels, selector)
	var objects []object
	if ns != metav1.NamespaceDefault && ns != metav1.NamespaceSystem {
		objects = append(objects, namespace(ns))
	}
	return append(objects, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: managedByLabels()},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(replicas)),
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: pod.Annotations, Finalizers: pod.Finalizers},
				Spec:       pod.Spec,
			},
		},
	})
}
