package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// noon is when the tests' cluster was made, and "now" is what a test sets.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// testClock is a clock that a test moves.
type testClock struct{ t time.Time }

func (c *testClock) now() time.Time { return c.t }

func (c *testClock) advance(d time.Duration) { c.t = c.t.Add(d) }

// newTestStore has node-0 .. node-(n-1), each with some pods, an hour after noon.
func newTestStore(nodes, podsPerNode int) (*store, *testClock) {
	c := &testClock{t: noon.Add(time.Hour)}
	s := newStore(1, c.now)
	var allNodes []*corev1.Node
	var allPods []*pod
	for n := range nodes {
		allNodes = append(allNodes, testNode(n))
		for p := range podsPerNode {
			allPods = append(allPods, newPod(s.seed, testPod(n, p)))
		}
	}
	s.replaceNodes(allNodes)
	s.replacePods(allPods)
	s.replaceClaims(map[string]uint64{"shop/data-db-0": 10 << 30})
	return s, c
}

func nodeName(n int) string { return fmt.Sprintf("node-%d", n) }

func testNode(n int) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: nodeName(n), UID: types.UID(fmt.Sprintf("node-uid-%d", n)),
			CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)),
			Annotations:       map[string]string{simulatedAnnotation: "fake"},
		},
		Status: corev1.NodeStatus{
			Capacity: corev1.ResourceList{
				"cpu": resource.MustParse("16"), "memory": resource.MustParse("64Gi"),
				"ephemeral-storage": resource.MustParse("200Gi"), "pods": resource.MustParse("110"),
			},
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.0.%d.%d", n/250, n%250+1)},
				{Type: corev1.NodeHostName, Address: nodeName(n)},
			},
		},
	}
}

func limits(cpu, memory string) corev1.ResourceRequirements {
	list := corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory)}
	return corev1.ResourceRequirements{Requests: list, Limits: list}
}

// testPod is a running web pod: two containers with limits, three volumes.
func testPod(node, i int) *corev1.Pod {
	controller := true
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: fmt.Sprintf("web-7bf45d6cb8-n%dp%d", node, i),
			UID:    types.UID(fmt.Sprintf("3e8e6518-d1c7-4f52-a700-%06d%06d", node, i)),
			Labels: map[string]string{"app": "web", templateHashLabel: "7bf45d6cb8"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-7bf45d6cb8", Controller: &controller,
			}},
		},
		Spec: corev1.PodSpec{
			NodeName: nodeName(node),
			Containers: []corev1.Container{
				{Name: "app", Image: "registry.example/web:1", Resources: limits("250m", "256Mi")},
				{Name: "sidecar", Image: "registry.example/proxy:1", Resources: limits("50m", "64Mi")},
			},
			Volumes: []corev1.Volume{
				{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}},
				{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
				{Name: "kube-api-access-x", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}},
			},
		},
	}
	return run(p, noon)
}

// run gives the pod the status of one whose containers all run since t.
func run(p *corev1.Pod, t time.Time) *corev1.Pod {
	at := metav1.NewTime(t)
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &at}
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Ready: true, ContainerID: "containerd://" + hashID(p.UID, "/"+c.Name),
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}},
		})
	}
	return p
}

// bare is a running pod of one container without requests, on node-0.
func bare(name string) *corev1.Pod {
	return run(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name)},
		Spec: corev1.PodSpec{
			NodeName:   nodeName(0),
			Containers: []corev1.Container{{Name: "main"}},
		},
	}, noon)
}
