package web

import (
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestViews(t *testing.T) {
	created := metav1.NewTime(time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC))
	capacity := corev1.ResourceList{
		"cpu": resource.MustParse("4"), "memory": resource.MustParse("16Gi"), "pods": resource.MustParse("110"),
	}
	controller := true
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-1", CreationTimestamp: created,
			OwnerReferences: []metav1.OwnerReference{
				{Kind: "Other", Name: "x"}, {Kind: "ReplicaSet", Name: "web", Controller: &controller},
			},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a"}, {Name: "b"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
			{Ready: true, RestartCount: 1},
			{RestartCount: 2, State: corev1.ContainerState{
				Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"},
			}},
		}},
	}
	roles := map[string]string{"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/a": "", "x": "y"}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", CreationTimestamp: created, Labels: roles},
		Spec:       corev1.NodeSpec{Unschedulable: true},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity, NodeInfo: corev1.NodeSystemInfo{KubeletVersion: "v1.35.4"},
			Conditions: []corev1.NodeCondition{
				{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
				{Type: corev1.NodeReady, Status: corev1.ConditionTrue},
			},
		},
	}
	got, err := json.Marshal(viewNode(node, []podView{viewPod(pod)}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"n1","ready":true,"unschedulable":true,"kubeletVersion":"v1.35.4","roles":["a","worker"],` +
		`"labels":{"node-role.kubernetes.io/a":"","node-role.kubernetes.io/worker":"","x":"y"},` +
		`"capacity":{"cpu":"4","memory":"16Gi","pods":"110"},"allocatable":{"cpu":"4","memory":"16Gi","pods":"110"},` +
		`"createdAt":"2026-01-02T03:00:00Z",` +
		`"pods":[{"namespace":"shop","name":"web-1","phase":"Running","reason":"CrashLoopBackOff","ready":1,` +
		`"containers":2,"restarts":3,"owner":{"kind":"ReplicaSet","name":"web"},"createdAt":"2026-01-02T03:00:00Z"}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
