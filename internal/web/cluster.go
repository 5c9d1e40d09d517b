package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// clusterView is the answer about nodes and their pods.
type clusterView struct {
	Nodes   []nodeView `json:"nodes"`
	Pending []podView  `json:"pending"`
}

type nodeView struct {
	Name           string            `json:"name"`
	Ready          bool              `json:"ready"`
	Unschedulable  bool              `json:"unschedulable"`
	KubeletVersion string            `json:"kubeletVersion"`
	Roles          []string          `json:"roles"`
	Labels         map[string]string `json:"labels"`
	Capacity       resources         `json:"capacity"`
	Allocatable    resources         `json:"allocatable"`
	CreatedAt      time.Time         `json:"createdAt"`
	Pods           []podView         `json:"pods"`
}

type resources struct {
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
	Pods   string `json:"pods"`
}

type podView struct {
	Namespace  string    `json:"namespace"`
	Name       string    `json:"name"`
	Phase      string    `json:"phase"`
	Reason     string    `json:"reason,omitempty"`
	Ready      int       `json:"ready"`
	Containers int       `json:"containers"`
	Restarts   int32     `json:"restarts"`
	Owner      ownerView `json:"owner"`
	CreatedAt  time.Time `json:"createdAt"`
}

type ownerView struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// kubernetesClient returns a client for the cluster, or nil without one.
func kubernetesClient(kubeconfig string) (kubernetes.Interface, error) {
	if kubeconfig == "" {
		return nil, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.UserAgent, config.Timeout = "diorama-dashboards", 10*time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("setting up a client for the cluster: %w", err)
	}
	return client, nil
}

func (s *server) cluster(r *http.Request) (any, error) {
	if s.kubernetes == nil {
		return nil, failure(http.StatusNotFound,
			"there is no cluster to ask: these dashboards were started without a kubeconfig")
	}
	view, err := lookAt(r.Context(), s.kubernetes)
	if err != nil {
		return nil, failure(http.StatusBadGateway, "%w", err)
	}
	return view, nil
}

// lookAt lists nodes and pods, from the API server's own cache.
func lookAt(ctx context.Context, client kubernetes.Interface) (clusterView, error) {
	cached := metav1.ListOptions{ResourceVersion: "0"}
	nodes, err := client.CoreV1().Nodes().List(ctx, cached)
	if err != nil {
		return clusterView{}, fmt.Errorf("listing the nodes: %w", err)
	}
	pods, err := client.CoreV1().Pods("").List(ctx, cached)
	if err != nil {
		return clusterView{}, fmt.Errorf("listing the pods: %w", err)
	}
	onNode := map[string][]podView{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		onNode[pod.Spec.NodeName] = append(onNode[pod.Spec.NodeName], viewPod(pod))
	}
	for _, list := range onNode {
		slices.SortFunc(list, func(a, b podView) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
	}
	view := clusterView{Nodes: []nodeView{}, Pending: orEmpty(onNode[""])}
	for i := range nodes.Items {
		view.Nodes = append(view.Nodes, viewNode(&nodes.Items[i], orEmpty(onNode[nodes.Items[i].Name])))
	}
	slices.SortFunc(view.Nodes, func(a, b nodeView) int { return cmp.Compare(a.Name, b.Name) })
	return view, nil
}

func orEmpty(pods []podView) []podView {
	if pods == nil {
		return []podView{}
	}
	return pods
}

func viewNode(node *corev1.Node, pods []podView) nodeView {
	view := nodeView{
		Name: node.Name, Unschedulable: node.Spec.Unschedulable, KubeletVersion: node.Status.NodeInfo.KubeletVersion,
		Roles: []string{}, Labels: node.Labels,
		Capacity: viewResources(node.Status.Capacity), Allocatable: viewResources(node.Status.Allocatable),
		CreatedAt: node.CreationTimestamp.Time, Pods: pods,
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			view.Ready = condition.Status == corev1.ConditionTrue
		}
	}
	for label := range node.Labels {
		if role, ok := strings.CutPrefix(label, "node-role.kubernetes.io/"); ok && role != "" {
			view.Roles = append(view.Roles, role)
		}
	}
	slices.Sort(view.Roles)
	return view
}

func viewResources(list corev1.ResourceList) resources {
	return resources{CPU: list.Cpu().String(), Memory: list.Memory().String(), Pods: list.Pods().String()}
}

func viewPod(pod *corev1.Pod) podView {
	view := podView{
		Namespace: pod.Namespace, Name: pod.Name, Phase: string(pod.Status.Phase), Reason: pod.Status.Reason,
		Containers: len(pod.Spec.Containers), CreatedAt: pod.CreationTimestamp.Time,
	}
	for _, status := range pod.Status.ContainerStatuses {
		if status.Ready {
			view.Ready++
		}
		view.Restarts += status.RestartCount
		if status.State.Waiting != nil && status.State.Waiting.Reason != "" {
			view.Reason = status.State.Waiting.Reason
		}
	}
	if owner := metav1.GetControllerOf(pod); owner != nil {
		view.Owner = ownerView{owner.Kind, owner.Name}
	}
	return view
}
