package nodes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// kinds of objects that Scale makes, in the order in which they are written:
// within a wave all at once, a wave when the one before has been written.
// Deletion goes the other way.
var waves = [...][]schema.GroupVersionResource{
	{
		{Version: "v1", Resource: "namespaces"},
		{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"},
		{Group: "storage.k8s.io", Version: "v1", Resource: "csidrivers"},
		{Group: "scheduling.k8s.io", Version: "v1", Resource: "priorityclasses"},
	},
	{
		{Version: "v1", Resource: "resourcequotas"},
		{Version: "v1", Resource: "limitranges"},
		{Version: "v1", Resource: "configmaps"},
		{Version: "v1", Resource: "secrets"},
		{Version: "v1", Resource: "serviceaccounts"},
		{Version: "v1", Resource: "services"},
		{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
		{Group: "apps", Version: "v1", Resource: "daemonsets"},
		// Binding their claims takes longest: they begin before the rest.
		{Group: "apps", Version: "v1", Resource: "statefulsets"},
	},
	{
		{Group: "apps", Version: "v1", Resource: "deployments"},
		{Group: "batch", Version: "v1", Resource: "jobs"},
		{Group: "batch", Version: "v1", Resource: "cronjobs"},
		{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
	},
}

// hashAnnotation tells whether an object is still what Scale wants.
const hashAnnotation = "diorama.dev/spec-hash"

// A planned object, ready to be sent.
type planned struct {
	resource schema.GroupVersionResource
	object   *unstructured.Unstructured
}

func (p planned) key() string {
	return p.resource.Resource + "/" + p.object.GetNamespace() + "/" + p.object.GetName()
}

// planObjects returns all objects that the workloads need on any fleet.
func planObjects(w Workloads) ([]planned, error) {
	objects, err := workloadsOf(w)
	if err != nil {
		return nil, err
	}
	if w.Alongside {
		keepApart(objects)
	}
	plan := make([]planned, 0, len(objects))
	for _, o := range objects {
		p, err := toPlanned(o)
		if err != nil {
			return nil, err
		}
		plan = append(plan, p)
	}
	return plan, nil
}

// workloadsOf are the objects before they are made ready to be sent.
func workloadsOf(w Workloads) ([]object, error) {
	objects := clusterObjects()
	for _, d := range daemonSets() {
		objects = append(objects, d)
	}
	switch {
	case w.Template != nil:
		pod, err := parseTemplate(w.TemplateFile, w.Template)
		if err != nil {
			return nil, err
		}
		objects = append(objects, templateObjects(pod, w.Pods)...)
	case w.Pods > 0:
		objects = append(objects, defaultObjects(w.Pods)...)
	}
	return objects, nil
}

// defaultObjects returns the catalogue's workloads with all that is theirs.
func defaultObjects(pods int) []object {
	slots := distribute(pods)
	var objects []object
	spaces := map[string]bool{}
	for _, s := range slots {
		if !spaces[s.namespace] {
			spaces[s.namespace] = true
			objects = append(objects, namespaceObjects(s.namespace)...)
		}
		objects = append(objects, s.workloadObjects()...)
	}
	objects = append(objects, namespaceObjects(batchNamespace)...)
	objects = append(objects, batchObjects()...)
	return append(objects, quotas(slots)...)
}

func namespace(name string) object {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: managedByLabels()}}
}

// namespaceObjects returns a namespace with the service account that pods run
// as. The controller manager would make it too, a moment after the first pods
// have been refused for want of it.
func namespaceObjects(name string) []object {
	return []object{
		namespace(name),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: name, Labels: managedByLabels()}},
	}
}

// quotas leave the workloads twice the room they need.
func quotas(slots []slot) []object {
	requests, limits, pods := corev1.ResourceList{}, corev1.ResourceList{}, int64(0)
	for _, s := range slots {
		if s.namespace != "payments" {
			continue
		}
		pods += int64(s.replicas)
		for _, c := range slices.Concat(s.init, s.containers) {
			for range 2 * s.replicas {
				addTo(requests, c.Resources.Requests)
				addTo(limits, c.Resources.Limits)
			}
		}
	}
	var quotas []object
	if pods > 0 {
		quotas = append(quotas, quota("payments", corev1.ResourceList{
			corev1.ResourceRequestsCPU:    requests[corev1.ResourceCPU],
			corev1.ResourceRequestsMemory: requests[corev1.ResourceMemory],
			corev1.ResourceLimitsCPU:      limits[corev1.ResourceCPU],
			corev1.ResourceLimitsMemory:   limits[corev1.ResourceMemory],
			corev1.ResourcePods:           *resource.NewQuantity(2*pods, resource.DecimalSI),
		}))
	}
	return append(quotas, quota(batchNamespace, corev1.ResourceList{
		corev1.ResourcePods: quantity("100"),
		"count/jobs.batch":  quantity("50"),
	}))
}

func quota(namespace string, hard corev1.ResourceList) object {
	return &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "compute", Namespace: namespace, Labels: managedByLabels()},
		Spec:       corev1.ResourceQuotaSpec{Hard: hard},
	}
}

func addTo(sum, more corev1.ResourceList) {
	for name, q := range more {
		total := sum[name]
		total.Add(q)
		sum[name] = total
	}
}

// toPlanned converts an object and gives it the hash of what it says.
func toPlanned(o object) (planned, error) {
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		return planned{}, fmt.Errorf("plan %s: %w", o.GetName(), err)
	}
	o.GetObjectKind().SetGroupVersionKind(kinds[0])
	text, err := json.Marshal(o)
	if err != nil {
		return planned{}, fmt.Errorf("plan %s: %w", o.GetName(), err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return planned{}, fmt.Errorf("plan %s: %w", o.GetName(), err)
	}
	u := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(u.Object, "status")
	sum := sha256.Sum256(text)
	annotations := u.GetAnnotations()
	u.SetAnnotations(withLabels(annotations, map[string]string{hashAnnotation: hex.EncodeToString(sum[:8])}))
	resource, err := resourceOf(kinds[0])
	if err != nil {
		return planned{}, err
	}
	return planned{resource: resource, object: u}, nil
}

func resourceOf(kind schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	names := map[string]string{
		"Namespace": "namespaces", "StorageClass": "storageclasses", "CSIDriver": "csidrivers",
		"PriorityClass": "priorityclasses",
		"ResourceQuota": "resourcequotas", "LimitRange": "limitranges", "ConfigMap": "configmaps", "Secret": "secrets",
		"ServiceAccount": "serviceaccounts", "Service": "services", "PodDisruptionBudget": "poddisruptionbudgets",
		"DaemonSet": "daemonsets", "Deployment": "deployments", "StatefulSet": "statefulsets",
		"Job": "jobs", "CronJob": "cronjobs",
		"HorizontalPodAutoscaler": "horizontalpodautoscalers",
	}
	name, ok := names[kind.Kind]
	if !ok {
		return schema.GroupVersionResource{}, fmt.Errorf("no resource known for kind %s", kind)
	}
	return kind.GroupVersion().WithResource(name), nil
}
