package kubelet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
)

const (
	// portForwardIdle is how long a connection without data lives, as a
	// kubelet's (streamingConnectionIdleTimeout).
	portForwardIdle = 4 * time.Hour
	// portForwardStart is how long the streams of one may take to come.
	portForwardStart = 30 * time.Second
)

// servePortForward serves /portForward/NAMESPACE/POD. In a simulated pod
// nothing listens; what listens in its place is what KWOK's PortForward of the
// pod's name says, else the first ClusterPortForward by name that selects the pod
// and has the port.
// https://kwok.sigs.k8s.io/docs/user/port-forward-configuration/
func (a *api) servePortForward(w http.ResponseWriter, r *http.Request, pod string) {
	namespace, name, ok := strings.Cut(pod, "/")
	if !ok || strings.Contains(name, "/") {
		http.Error(w, "Ports of a pod are under /portForward/NAMESPACE/POD.", http.StatusNotFound)
		return
	}
	to := portForwarder{objects: a.store.forwards, namespace: namespace, pod: name}
	portforward.ServePortForward(w, r, to, name, "", nil, portForwardIdle, portForwardStart,
		portforward.SupportedProtocols)
}

// portForwarder forwards connections to one simulated pod. The objects are asked
// for at each connection: there are few, and few connections.
type portForwarder struct {
	objects        versioned.Interface // nil: there are none
	namespace, pod string
}

// PortForward implements portforward.PortForwarder.
func (f portForwarder) PortForward(
	ctx context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser,
) error {
	defer stream.Close()
	target, err := f.target(ctx, port)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		return fmt.Errorf("the port %d of the simulated pod %s/%s is forwarded to %s: %w", port,
			f.namespace, f.pod, target, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	go func() {
		// An error ends this direction just as an end does.
		_, _ = io.Copy(conn, stream)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	return err
}

// target is what a port is forwarded to.
func (f portForwarder) target(ctx context.Context, port int32) (string, error) {
	forward, err := f.forward(ctx, port)
	switch {
	case err != nil:
		return "", err
	case forward == nil:
		return "", fmt.Errorf("the pod %s/%s is simulated: nothing listens on its port %d, "+
			"and no PortForward or ClusterPortForward (kwok.x-k8s.io) forwards it", f.namespace, f.pod, port)
	case len(forward.Command) > 0:
		return "", fmt.Errorf("the port %d of the simulated pod %s/%s is forwarded to a command, "+
			"and commands are not run here: give it a target", port, f.namespace, f.pod)
	case forward.Target == nil:
		return "", fmt.Errorf("the port %d of the simulated pod %s/%s is forwarded nowhere: give it a target",
			port, f.namespace, f.pod)
	}
	return net.JoinHostPort(forward.Target.Address, strconv.Itoa(int(forward.Target.Port))), nil
}

// forward is what the pod's own object says of a port; without such an object,
// what the first of the cluster's says that selects the pod and has the port.
// It is nil when there is none.
func (f portForwarder) forward(ctx context.Context, port int32) (*v1alpha1.Forward, error) {
	if f.objects == nil {
		return nil, nil
	}
	client := f.objects.KwokV1alpha1()
	own, err := client.PortForwards(f.namespace).Get(ctx, f.pod, metav1.GetOptions{})
	if err == nil {
		return ofPort(own.Spec.Forwards, port), nil
	}
	// Not found is also what a cluster says that does not know the kind.
	if !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("looking for the PortForward %s/%s: %w", f.namespace, f.pod, err)
	}
	all, err := client.ClusterPortForwards().List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing ClusterPortForwards: %w", err)
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.ClusterPortForward) int { return strings.Compare(a.Name, b.Name) })
	for _, one := range all.Items {
		if !selects(one.Spec.Selector, f.namespace, f.pod) {
			continue
		}
		if forward := ofPort(one.Spec.Forwards, port); forward != nil {
			return forward, nil
		}
	}
	return nil, nil
}

// ofPort is the first that names a port, else the first that names none at all,
// which stands for every port.
func ofPort(forwards []v1alpha1.Forward, port int32) *v1alpha1.Forward {
	var every *v1alpha1.Forward
	for i := range forwards {
		switch forward := &forwards[i]; {
		case slices.Contains(forward.Ports, port):
			return forward
		case len(forward.Ports) == 0 && every == nil:
			every = forward
		}
	}
	return every
}

// selects tells whether a pod is meant; what a selector does not name is any.
func selects(s *v1alpha1.ObjectSelector, namespace, name string) bool {
	if s == nil {
		return true
	}
	has := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	return has(s.MatchNamespaces, namespace) && has(s.MatchNames, name)
}
