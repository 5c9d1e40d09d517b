package nodes

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// The pace at which a kubelet may write events (its eventRecordQPS and
// eventBurst). All simulated kubelets share one: an event is a write like any
// other, and a rollout of ten thousand pods must not be slowed by its own
// events. KWOK's recorder drops what stays in the queue for too long, as the
// kubelet's does.
const (
	eventsPerSecond = 50
	eventBurst      = 300
)

// withEventLimit returns client with events written through a connection of
// their own that is limited in rate.
func withEventLimit(client kubernetes.Interface, config *rest.Config) (kubernetes.Interface, error) {
	limited := rest.CopyConfig(config)
	limited.QPS, limited.Burst = eventsPerSecond, eventBurst
	events, err := typedcorev1.NewForConfig(limited)
	if err != nil {
		return nil, err
	}
	return clientWithEvents{Interface: client, events: events}, nil
}

type clientWithEvents struct {
	kubernetes.Interface
	events typedcorev1.EventsGetter
}

func (c clientWithEvents) CoreV1() typedcorev1.CoreV1Interface {
	return coreWithEvents{CoreV1Interface: c.Interface.CoreV1(), events: c.events}
}

type coreWithEvents struct {
	typedcorev1.CoreV1Interface
	events typedcorev1.EventsGetter
}

func (c coreWithEvents) Events(namespace string) typedcorev1.EventInterface {
	return kubeletEvents{c.events.Events(namespace)}
}

// kubeletEvents writes events in the name of the kubelet, whose part KWOK's
// controllers play: what groups events by reporter has to work here too.
type kubeletEvents struct{ typedcorev1.EventInterface }

func (k kubeletEvents) CreateWithEventNamespaceWithContext(ctx context.Context, e *corev1.Event) (*corev1.Event, error) {
	return k.EventInterface.CreateWithEventNamespaceWithContext(ctx, asKubelet(e))
}

func (k kubeletEvents) CreateWithEventNamespace(e *corev1.Event) (*corev1.Event, error) {
	return k.EventInterface.CreateWithEventNamespaceWithContext(context.Background(), asKubelet(e))
}

func asKubelet(e *corev1.Event) *corev1.Event {
	e.Source.Component = "kubelet"
	e.ReportingController = "kubelet"
	return e
}
