package nodes

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// templateLabel selects the pods of a user's template; its own labels may be
// anything.
const templateLabel = "diorama.dev/template"

// parseTemplate reads a v1 Pod and says, with lines, what keeps it from being one that
// the API server takes.
func parseTemplate(file string, data []byte) (*corev1.Pod, error) {
	if file == "" {
		file = "pod template"
	}
	pod := &corev1.Pod{}
	root, err := yamlfile.Mapping(data, "a pod template")
	switch {
	case err != nil:
	case root == nil:
		err = errors.New("is empty; it has to be a Pod (v1)")
	default:
		err = readTemplate(root, data, pod)
	}
	if err != nil {
		return nil, yamlfile.In(file, err)
	}
	return pod, nil
}

func readTemplate(root *yamlv3.Node, data []byte, pod *corev1.Pod) error {
	if wrong := otherKind(root, "Pod", "v1"); wrong != "" {
		return yamlfile.At(lineOf(root, "kind"), "%s", wrong)
	}
	if err := yamlfile.Twice(root); err != nil {
		return err
	}
	if err := unmarshalStrict(data, pod); err != nil {
		return decodingError(root, err)
	}
	if path, err := checkTemplatePod(pod); err != nil {
		return yamlfile.At(lineOf(root, path), "%w", err)
	}
	var problems []error
	for _, problem := range refusals(pod) {
		path := pathIn(problem.Field)
		problems = append(problems, yamlfile.At(lineOf(root, path), "%s: %s", path, problem.ErrorBody()))
	}
	return errors.Join(problems...)
}

// pathIn is where a template has what validation speaks of in its Deployment.
func pathIn(deployment string) string {
	path := strings.TrimPrefix(deployment, "spec.template.")
	if strings.HasPrefix(path, "labels") || strings.HasPrefix(path, "annotations") {
		return "metadata." + path
	}
	return path
}

// otherKind says what an object is, if it is not of the kind that is wanted.
func otherKind(node *yamlv3.Node, kind, version string) string {
	text := func(field string) string {
		_, value := yamlfile.Get(node, field)
		if value == nil {
			return ""
		}
		return value.Value
	}
	switch is, of := text("kind"), text("apiVersion"); {
	case is == kind && of == version:
		return ""
	case is == "":
		return fmt.Sprintf("has no kind; it has to be a %s (%s)", kind, version)
	default:
		return fmt.Sprintf("is a %s (%s); it has to be a %s (%s)", is, cmp.Or(of, "without an apiVersion"), kind, version)
	}
}

// checkTemplatePod refuses what a Deployment could not run, and says where that is.
func checkTemplatePod(pod *corev1.Pod) (path string, err error) {
	switch {
	case len(pod.Spec.Containers) == 0:
		return "spec", errors.New("the Pod has no spec.containers")
	case pod.Spec.RestartPolicy != "" && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways:
		return "spec.restartPolicy", fmt.Errorf(
			"spec.restartPolicy is %s; pods are created through a Deployment, which runs only Always", pod.Spec.RestartPolicy)
	case pod.Spec.NodeName != "":
		return "spec.nodeName", errors.New(
			"spec.nodeName puts all pods on one node; use a nodeSelector or leave it to the scheduler")
	}
	return "", nil
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
