package helm

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// describeObject says, a line for each thing, what a chart makes of its values,
// without the labels and annotations that name the chart itself.
func describeObject(object runtime.Object) []string {
	meta := object.(metav1.Object)
	name := fmt.Sprintf("%T %s", object, meta.GetName())
	said := []string{name}
	add := func(what string, value any) {
		text, err := json.Marshal(value)
		said = append(said, fmt.Sprintf("%s: %s %s", name, what, text))
		if err != nil {
			said = append(said, err.Error())
		}
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		add("selector", o.Spec.Selector)
		describePod(o.Spec.Template, add)
	case *appsv1.DaemonSet:
		add("selector", o.Spec.Selector)
		describePod(o.Spec.Template, add)
	case *corev1.Service:
		add("spec", o.Spec)
	case *corev1.ConfigMap:
		add("data", o.Data)
	}
	return said
}

func describePod(pod corev1.PodTemplateSpec, add func(string, any)) {
	add("labels", pod.Labels)
	add("volumes", pod.Spec.Volumes)
	add("tolerations", pod.Spec.Tolerations)
	add("affinity", pod.Spec.Affinity)
	add("account", pod.Spec.ServiceAccountName)
	add("host", []bool{pod.Spec.HostNetwork, pod.Spec.HostPID})
	for _, c := range pod.Spec.Containers {
		add("image", c.Image)
		add("runs", append(c.Command, c.Args...))
		add("ports", c.Ports)
		add("resources", c.Resources)
		add("liveness", c.LivenessProbe)
		add("readiness", c.ReadinessProbe)
		add("mounts", c.VolumeMounts)
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil {
				e.ValueFrom.FieldRef.APIVersion = "" // v1 is what it means without one
			}
			add("env", e)
		}
	}
}
