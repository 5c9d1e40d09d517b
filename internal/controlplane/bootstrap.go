package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kwok/kustomize/crd"
	"sigs.k8s.io/yaml"
)

// The users whose rights Bootstrap gives.
const (
	userKwok      = "diorama:kwok"
	userKubelet   = "diorama:kubelet"
	userCollector = "diorama:collector"
	fieldManager  = "diorama"
)

var (
	crdResource     = apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")
	roleResource    = rbacv1.SchemeGroupVersion.WithResource("clusterroles")
	bindingResource = rbacv1.SchemeGroupVersion.WithResource("clusterrolebindings")
)

// Bootstrap prepares a new API server: KWOK's definitions and the rights of
// our own clients. It may be called again.
func Bootstrap(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 100, 200
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	var names []string
	for _, definition := range [][]byte{crd.Stage, crd.ResourceUsage, crd.ClusterResourceUsage} {
		var object unstructured.Unstructured
		if err := yaml.Unmarshal(definition, &object.Object); err != nil {
			return fmt.Errorf("reading KWOK's definitions: %w", err)
		}
		if err := apply(ctx, client, crdResource, &object); err != nil {
			return err
		}
		names = append(names, object.GetName())
	}
	for _, grant := range grants() {
		if err := grant.apply(ctx, client); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := waitEstablished(ctx, client, name); err != nil {
			return err
		}
	}
	return nil
}

// grant gives a user a role of the same name.
type grant struct {
	user  string
	rules []rbacv1.PolicyRule
}

func rule(group string, verbs []string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
}

// grants are the least rights that each client works with.
func grants() []grant {
	read := []string{"get", "list", "watch"}
	write := []string{"get", "list", "watch", "create", "update", "patch", "delete"}
	return []grant{
		{userKwok, []rbacv1.PolicyRule{
			rule("", write, "pods", "nodes", "persistentvolumes", "persistentvolumeclaims"),
			rule("", []string{"update", "patch"}, "pods/status", "nodes/status", "persistentvolumes/status", "persistentvolumeclaims/status"),
			rule("", []string{"create", "update", "patch"}, "events"),
			rule("events.k8s.io", []string{"create", "update", "patch"}, "events"),
			rule("coordination.k8s.io", write, "leases"),
			rule("storage.k8s.io", read, "storageclasses"),
			rule("kwok.x-k8s.io", read, "*"),
			rule("kwok.x-k8s.io", []string{"update", "patch"}, "stages/status"),
		}},
		{userKubelet, []rbacv1.PolicyRule{
			rule("", read, "pods", "nodes", "persistentvolumeclaims"),
			rule("kwok.x-k8s.io", read, "*"),
		}},
		{userCollector, []rbacv1.PolicyRule{
			rule("", read, "events", "namespaces", "namespaces/status", "nodes", "nodes/spec", "nodes/stats", "nodes/proxy", "pods", "pods/status",
				"persistentvolumes", "persistentvolumeclaims", "replicationcontrollers", "replicationcontrollers/status", "resourcequotas", "services"),
			rule("apps", read, "daemonsets", "deployments", "replicasets", "statefulsets"),
			rule("batch", read, "jobs", "cronjobs"),
			rule("autoscaling", read, "horizontalpodautoscalers"),
			rule("events.k8s.io", read, "events"),
			rule("discovery.k8s.io", read, "endpointslices"),
		}},
	}
}

func (g grant) apply(ctx context.Context, client dynamic.Interface) error {
	role := &rbacv1.ClusterRole{TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}, Rules: g.rules}
	binding := &rbacv1.ClusterRoleBinding{
		TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: g.user},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: g.user}},
	}
	role.Name, binding.Name = g.user, g.user
	for resource, typed := range map[schema.GroupVersionResource]any{roleResource: role, bindingResource: binding} {
		object, err := toUnstructured(typed)
		if err != nil {
			return err
		}
		if err := apply(ctx, client, resource, object); err != nil {
			return err
		}
	}
	return nil
}

func toUnstructured(typed any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(typed)
	if err != nil {
		return nil, fmt.Errorf("encoding an access rule: %w", err)
	}
	var object unstructured.Unstructured
	if err := json.Unmarshal(data, &object.Object); err != nil {
		return nil, fmt.Errorf("encoding an access rule: %w", err)
	}
	unstructured.RemoveNestedField(object.Object, "metadata", "creationTimestamp")
	return &object, nil
}

// apply writes an object server-side. An API server that has just become
// ready may refuse for a moment what its own controllers have not made yet.
func apply(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource, object *unstructured.Unstructured) error {
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	if _, err := client.Resource(resource).Apply(ctx, object.GetName(), object, options); err != nil {
		return fmt.Errorf("applying %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// waitEstablished waits until the API server serves a definition.
func waitEstablished(ctx context.Context, client dynamic.Interface, name string) error {
	for {
		object, err := client.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("waiting for the definition %s: %w", name, err)
		}
		conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
		if err != nil {
			return fmt.Errorf("reading the definition %s: %w", name, err)
		}
		for _, c := range conditions {
			if condition, ok := c.(map[string]any); ok && condition["type"] == "Established" && condition["status"] == "True" {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the definition %s is not established", name), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
