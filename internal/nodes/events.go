package nodes

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
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

// kubeletEvents writes events in the name of the kubelet, whose role KWOK's
// controllers play: what groups events by reporter has to work here too.
type kubeletEvents struct{ typedcorev1.EventInterface }

func (k kubeletEvents) CreateWithEventNamespaceWithContext(
	ctx context.Context, e *corev1.Event,
) (*corev1.Event, error) {
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
