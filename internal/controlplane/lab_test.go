package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// TestControlPlane runs the real programs. The tests share one control plane:
// starting it costs more than they do.
func TestControlPlane(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	l := newLab(t)
	l.startAll(t)
	t.Run("bootstrap can be done again", l.testBootstrap)
	t.Run("metrics through the aggregator", l.testMetrics)
	t.Run("anonymous is refused", l.testAnonymous)
	t.Run("rights are the least", l.testRights)
	t.Run("server-side apply", l.testApply)
	t.Run("watch", l.testWatch)
	t.Run("custom resources", l.testStage)
	t.Run("controllers and scheduler work", l.testWorkload)
	t.Run("refusals end at once", l.testRefusals)
	t.Run("faults that pass", l.testFaults)
	t.Run("nothing listens beyond loopback", l.testListeners)
	t.Run("a killed etcd loses nothing", l.testKilledEtcd)
	t.Run("programs end when they are asked to", l.testTermination)
}

func (l *lab) testBootstrap(t *testing.T) {
	for range 2 {
		if err := Bootstrap(t.Context(), l.config(t, "admin"), nil); err != nil {
			t.Fatal(err)
		}
	}
	client, err := dynamic.NewForConfig(l.config(t, "admin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range []string{
		"stages", "resourceusages", "clusterresourceusages", "portforwards", "clusterportforwards",
	} {
		object, err := client.Resource(crdResource).Get(t.Context(), resource+".kwok.x-k8s.io", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !established(object) {
			t.Errorf("%s is not established: %v", resource, object.Object["status"])
		}
	}
}

func (l *lab) testAnonymous(t *testing.T) {
	config := rest.AnonymousClientConfig(l.config(t, "admin"))
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/nodes", "/readyz", "/version"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.options.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers %s, want 401", path, response.Status)
		}
	}
}

// testRights asks with the credentials of each client what it may do.
func (l *lab) testRights(t *testing.T) {
	for _, test := range []struct {
		client, verb, group, resource string
		want                          bool
	}{
		{"admin", "delete", "", "nodes", true},
		{"kwok", "patch", "", "nodes/status", true},
		{"kwok", "delete", "", "pods", true},
		{"kwok", "list", "kwok.x-k8s.io", "stages", true},
		{"kwok", "get", "", "secrets", false},
		{"kwok", "create", "", "pods", false},
		{"kwok", "create", "rbac.authorization.k8s.io", "clusterrolebindings", false},
		{"kubelet", "watch", "", "pods", true},
		{"kubelet", "patch", "", "pods/status", false},
		{"kubelet", "get", "", "secrets", false},
		{"kubelet", "watch", "apps", "deployments", true},
		{"kubelet", "list", "batch", "cronjobs", true},
		{"kubelet", "watch", "kwok.x-k8s.io", "clusterresourceusages", true},
		{"kubelet", "list", "kwok.x-k8s.io", "clusterportforwards", true},
		{"kubelet", "create", "", "events", true},
		{"kubelet", "patch", "", "pods", true},
		{"kubelet", "update", "", "pods", false},
		{"kubelet", "patch", "apps", "deployments", false},
		{"collector", "watch", "apps", "replicasets", true},
		{"collector", "list", "autoscaling", "horizontalpodautoscalers", true},
		{"collector", "watch", "", "events", true},
		{"collector", "create", "", "events", false},
		{"collector", "get", "", "secrets", false},
		{"collector", "delete", "", "pods", false},
	} {
		resource, subresource, _ := strings.Cut(test.resource, "/")
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: test.verb, Group: test.group, Resource: resource, Subresource: subresource,
			},
		}}
		// RBAC learns of new rules by a watch.
		waittest.Until(t, fmt.Sprintf("%s may %s %s: %v", test.client, test.verb, test.resource, test.want),
			func(ctx context.Context) error {
				reviews := l.client(t, test.client).AuthorizationV1().SelfSubjectAccessReviews()
				answer, err := reviews.Create(ctx, review, metav1.CreateOptions{})
				if err == nil && answer.Status.Allowed != test.want {
					err = fmt.Errorf("allowed is %v: %s", answer.Status.Allowed, answer.Status.Reason)
				}
				return err
			})
	}
	if _, err := l.client(t, "collector").CoreV1().Secrets("default").List(t.Context(),
		metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the collector reads secrets: %v", err)
	}
}

func (l *lab) testApply(t *testing.T) {
	maps := l.client(t, "admin").CoreV1().ConfigMaps("default")
	for _, manager := range []string{"first", "second"} {
		mine := applycorev1.ConfigMap("shared", "default").WithData(map[string]string{manager: "mine"})
		if _, err := maps.Apply(t.Context(), mine, metav1.ApplyOptions{FieldManager: manager}); err != nil {
			t.Fatal(err)
		}
	}
	shared, err := maps.Get(t.Context(), "shared", metav1.GetOptions{})
	if err != nil || shared.Data["first"] != "mine" || shared.Data["second"] != "mine" {
		t.Errorf("two managers made %v, %v", shared.Data, err)
	}
	theirs := applycorev1.ConfigMap("shared", "default").WithData(map[string]string{"first": "theirs"})
	if _, err := maps.Apply(t.Context(), theirs,
		metav1.ApplyOptions{FieldManager: "second"}); !apierrors.IsConflict(err) {
		t.Errorf("taking another manager's field: %v, want a conflict", err)
	}
}

func (l *lab) testWatch(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	maps := l.client(t, "admin").CoreV1().ConfigMaps("default")
	watcher, err := maps.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=seen"})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "seen"}},
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := maps.Delete(ctx, "seen", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []watch.EventType{watch.Added, watch.Deleted} {
		if event := <-watcher.ResultChan(); event.Type != want {
			t.Fatalf("the watch says %s, want %s", event.Type, want)
		}
	}
}

// testStage makes an object of KWOK's, which the API server checks against
// the definition that Bootstrap has installed.
func (l *lab) testStage(t *testing.T) {
	client, err := dynamic.NewForConfig(l.config(t, "admin"))
	if err != nil {
		t.Fatal(err)
	}
	stages := client.Resource(schema.GroupVersionResource{
		Group: "kwok.x-k8s.io", Version: "v1alpha1", Resource: "stages",
	})
	stage := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": map[string]any{"name": "test"},
		"spec": map[string]any{
			"resourceRef": map[string]any{"apiGroup": "v1", "kind": "Pod"},
			"selector":    map[string]any{"matchLabels": map[string]any{"never": "matches"}},
			"next":        map[string]any{},
		},
	}}
	if _, err := stages.Apply(t.Context(), "test", stage, metav1.ApplyOptions{FieldManager: "test"}); err != nil {
		t.Error(err)
	}
	broken := stage.DeepCopy()
	broken.SetName("broken")
	broken.Object["spec"] = map[string]any{"resourceRef": "Pod"}
	if _, err := stages.Create(t.Context(), broken, metav1.CreateOptions{}); !apierrors.IsInvalid(err) &&
		!apierrors.IsBadRequest(err) {
		t.Errorf("a broken stage: %v, want it refused", err)
	}
}

// testWorkload makes a node and a Deployment: the ReplicaSet and the pods are
// the controllers' work, the addresses and the binding are too.
func (l *lab) testWorkload(t *testing.T) {
	client := l.client(t, "admin")
	node := readyNode()
	status := node.Status
	created, err := client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// Whatever the controllers have changed meanwhile.
	created.Status, created.ResourceVersion = status, ""
	if _, err := client.CoreV1().Nodes().UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the node has a pod CIDR", func(ctx context.Context) error {
		node, err := client.CoreV1().Nodes().Get(ctx, created.Name, metav1.GetOptions{})
		if err == nil && !strings.HasPrefix(node.Spec.PodCIDR, "10.64.") {
			err = fmt.Errorf("its CIDR is %q", node.Spec.PodCIDR)
		}
		return err
	})
	if _, err := client.AppsV1().Deployments("default").Create(t.Context(), deployment(3),
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the pods are bound", func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err
		}
		if len(pods.Items) != 3 {
			return fmt.Errorf("there are %d pods", len(pods.Items))
		}
		for _, pod := range pods.Items {
			if owner := metav1.GetControllerOf(&pod); owner == nil || owner.Kind != "ReplicaSet" {
				t.Fatalf("%s is owned by %v", pod.Name, owner)
			}
			if pod.Spec.NodeName != created.Name {
				return fmt.Errorf("%s is on node %q: %v", pod.Name, pod.Spec.NodeName, pod.Status.Conditions)
			}
		}
		return nil
	})
}

// readyNode is a node that says it is ready; a lease is not renewed here, but
// the controller manager is patient longer than the test.
func readyNode() *corev1.Node {
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi"),
		corev1.ResourcePods: resource.MustParse("110"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1"},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.0.1"}},
			Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
				LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now(),
			}},
		},
	}
}

func deployment(replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": "web"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{Name: "web", Image: "web"}},
					// Whatever the node controller thinks of the node.
					Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
				},
			},
		},
	}
}

// testKilledEtcd shows that what was acknowledged outlives etcd without fsync.
func (l *lab) testKilledEtcd(t *testing.T) {
	maps := l.client(t, "admin").CoreV1().ConfigMaps("default")
	const count = 20
	for i := range count {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("kept-%d", i)}}
		if _, err := maps.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	l.programs["etcd"].kill(t)
	l.startEtcd(t)
	waittest.Until(t, "the API server has found etcd again", l.options.ProbeAPIServer)
	for i := range count {
		waittest.Until(t, "an object is still there", func(ctx context.Context) error {
			_, err := maps.Get(ctx, fmt.Sprintf("kept-%d", i), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				t.Fatal(err)
			}
			return err
		})
	}
}

// testTermination ends everything as `down` does.
func (l *lab) testTermination(t *testing.T) {
	for _, name := range []string{"kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
		start := time.Now()
		if err := l.programs[name].terminate(t); err != nil {
			t.Errorf("%s ends with %v\n%s", name, err, tail(l.programs[name].log))
		}
		t.Logf("%s has ended after %s", name, time.Since(start).Round(time.Millisecond))
	}
	if err := l.options.ProbeAPIServer(t.Context()); err == nil {
		t.Error("the API server still answers")
	} else if errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
