package nodes

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// typedClient returns the client that KWOK's node and pod controllers use:
// protobuf, unlimited, but events at the pace of a kubelet, and watches that
// go on where they were interrupted.
func typedClient(config *rest.Config) (kubernetes.Interface, error) {
	fast := unlimited(config)
	fast.ContentType = "application/vnd.kubernetes.protobuf"
	fast.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(fast)
	if err != nil {
		return nil, err
	}
	limited := rest.CopyConfig(config)
	limited.QPS, limited.Burst = eventsPerSecond, eventBurst
	events, err := typedcorev1.NewForConfig(limited)
	if err != nil {
		return nil, err
	}
	core := kwokCore{CoreV1Interface: client.CoreV1(), events: events, nodes: new(resumption), pods: new(resumption)}
	return kwokClient{Interface: client, core: core}, nil
}

type kwokClient struct {
	kubernetes.Interface
	core typedcorev1.CoreV1Interface
}

func (c kwokClient) CoreV1() typedcorev1.CoreV1Interface { return c.core }

type kwokCore struct {
	typedcorev1.CoreV1Interface
	events      typedcorev1.EventsGetter
	nodes, pods *resumption
}

func (c kwokCore) Events(namespace string) typedcorev1.EventInterface {
	return kubeletEvents{c.events.Events(namespace)}
}

func (c kwokCore) Nodes() typedcorev1.NodeInterface {
	return resumedNodes{c.CoreV1Interface.Nodes(), c.nodes}
}

func (c kwokCore) Pods(namespace string) typedcorev1.PodInterface {
	pods := c.CoreV1Interface.Pods(namespace)
	if namespace != "" {
		return pods
	}
	return resumedPods{pods, c.pods}
}

type resumedNodes struct {
	typedcorev1.NodeInterface
	*resumption
}

func (r resumedNodes) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return r.watch(ctx, options, r.NodeInterface.Watch)
}

type resumedPods struct {
	typedcorev1.PodInterface
	*resumption
}

func (r resumedPods) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return r.watch(ctx, options, r.PodInterface.Watch)
}
