package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kwok/kustomize/crd"
	"sigs.k8s.io/yaml"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/apply"
	"github.com/diorama-lab/diorama/internal/wait"
)

// The users whose rights Bootstrap gives.
const (
	userKwok      = "diorama:kwok"
	userKubelet   = "diorama:kubelet"
	userCollector = "diorama:collector"
)

var (
	crdResource     = apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")
	roleResource    = rbacv1.SchemeGroupVersion.WithResource("clusterroles")
	bindingResource = rbacv1.SchemeGroupVersion.WithResource("clusterrolebindings")
)

// Bootstrap prepares a new API server: KWOK's definitions and the rights of
// our own clients. It may be called again. When it returns, objects of the
// definitions can be made; RegisterMetrics is to follow. report gets what is
// tried again; it may be nil.
func Bootstrap(ctx context.Context, config *rest.Config, report apiretry.Report) error {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 100, 200
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	if err := unregisterMetrics(ctx, client, report); err != nil {
		return err
	}
	for _, grant := range grants() {
		if err := grant.apply(ctx, client, report); err != nil {
			return err
		}
	}
	return define(ctx, client, report)
}

// Define installs KWOK's definitions alone, in a cluster that is not ours.
func Define(ctx context.Context, config *rest.Config, report apiretry.Report) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	return define(ctx, client, report)
}

// define installs KWOK's definitions, and waits until objects of them can be
// made.
func define(ctx context.Context, client dynamic.Interface, report apiretry.Report) error {
	var names []string
	for _, definition := range [][]byte{
		crd.Stage, crd.ResourceUsage, crd.ClusterResourceUsage, crd.PortForward, crd.ClusterPortForward,
	} {
		var object unstructured.Unstructured
		if err := yaml.Unmarshal(definition, &object.Object); err != nil {
			return fmt.Errorf("reading KWOK's definitions: %w", err)
		}
		if err := writeObject(ctx, client.Resource(crdResource), &object, report); err != nil {
			return err
		}
		names = append(names, object.GetName())
	}
	for _, name := range names {
		if err := waitServed(ctx, client, name); err != nil {
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
	change := slices.Concat(read, []string{"update", "patch", "delete"})
	own := slices.Concat(change, []string{"create"})
	patch := []string{"update", "patch"}
	record := []string{"create", "update", "patch"}
	return []grant{
		// KWOK's own role, and what the stages of claims and volumes need.
		{userKwok, []rbacv1.PolicyRule{
			rule("", change, "nodes", "pods", "persistentvolumeclaims"),
			rule("", own, "persistentvolumes"),
			rule("", patch, "pods/status", "nodes/status", "persistentvolumes/status", "persistentvolumeclaims/status"),
			rule("", record, "events"),
			rule("events.k8s.io", record, "events"),
			rule("coordination.k8s.io", own, "leases"),
			rule("storage.k8s.io", read, "storageclasses"),
			rule("kwok.x-k8s.io", read, "*"),
			rule("kwok.x-k8s.io", patch, "stages/status"),
		}},
		{userKubelet, []rbacv1.PolicyRule{
			rule("", read, "pods", "nodes", "persistentvolumeclaims"),
			rule("kwok.x-k8s.io", read, "*"),
			// Workloads say how their pods use what; a pod whose memory is
			// full is marked for KWOK.
			rule("apps", read, "deployments", "statefulsets", "daemonsets"),
			rule("batch", read, "jobs", "cronjobs"),
			rule("", []string{"patch"}, "pods"),
			rule("", []string{"create", "patch"}, "events"),
		}},
		// What the receivers' own documentation asks for. Kubelets are read
		// through the API server only by configurations of the user's.
		{userCollector, []rbacv1.PolicyRule{
			rule("", read, "events", "namespaces", "namespaces/status", "nodes", "nodes/spec", "pods",
				"pods/status", "persistentvolumes",
				"persistentvolumeclaims", "replicationcontrollers", "replicationcontrollers/status", "resourcequotas", "services"),
			rule("", []string{"get"}, "nodes/stats", "nodes/proxy"),
			rule("apps", read, "daemonsets", "deployments", "replicasets", "statefulsets"),
			rule("batch", read, "jobs", "cronjobs"),
			rule("autoscaling", read, "horizontalpodautoscalers"),
			rule("events.k8s.io", read, "events"),
			rule("discovery.k8s.io", read, "endpointslices"),
		}},
	}
}

func (g grant) apply(ctx context.Context, client dynamic.Interface, report apiretry.Report) error {
	role := &rbacv1.ClusterRole{
		TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}, Rules: g.rules,
	}
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
		if err := writeObject(ctx, client.Resource(resource), object, report); err != nil {
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

// writeObject applies an object.
func writeObject(
	ctx context.Context, in dynamic.ResourceInterface, object *unstructured.Unstructured, report apiretry.Report,
) error {
	what := "applying " + object.GetKind() + " " + object.GetName()
	if _, err := apply.Object(ctx, what, in, object, report); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// waitServed waits until a definition is established and its objects can be
// listed: the API server says the first a moment before it does the second.
func waitServed(ctx context.Context, client dynamic.Interface, name string) error {
	err := wait.Until(ctx, 20*time.Millisecond, func(ctx context.Context) (bool, error) {
		problem := served(ctx, client, name)
		return problem == nil, problem
	})
	if err != nil {
		return fmt.Errorf("waiting for the definition %s: %w", name, err)
	}
	return nil
}

func served(ctx context.Context, client dynamic.Interface, name string) error {
	object, err := client.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !established(object) {
		return errors.New("it is not established")
	}
	definition := apiextensionsv1.CustomResourceDefinition{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &definition); err != nil {
		return err
	}
	for _, version := range definition.Spec.Versions {
		resource := schema.GroupVersionResource{
			Group: definition.Spec.Group, Version: version.Name, Resource: definition.Spec.Names.Plural,
		}
		if _, err := client.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1}); version.Served && err != nil {
			return err
		}
	}
	return nil
}

func established(object *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(conditions, func(c any) bool {
		condition, ok := c.(map[string]any)
		return ok && condition["type"] == string(apiextensionsv1.Established) &&
			condition["status"] == string(apiextensionsv1.ConditionTrue)
	})
}
