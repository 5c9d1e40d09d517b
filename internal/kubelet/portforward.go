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
// pod's name says, else the first ClusterPortForward by name that selects it.
// https://kwok.sigs.k8s.io/docs/user/port-forward-configuration/
func (a *api) servePortForward(w http.ResponseWriter, r *http.Request, pod string) {
	namespace, name, ok := strings.Cut(pod, "/")
	if !ok || strings.Contains(name, "/") {
		http.Error(w, "Ports of a pod are under /portForward/NAMESPACE/POD.", http.StatusNotFound)
		return
	}
	to := portForwarder{objects: a.store.forwards, namespace: namespace, pod: name}
	portforward.ServePortForward(w, r, to, name, "", nil, portForwardIdle, portForwardStart, portforward.SupportedProtocols)
}

// portForwarder leads connections to one simulated pod. The objects are asked
// for at each connection: there are few, and few connections.
type portForwarder struct {
	objects        versioned.Interface // nil: there are none
	namespace, pod string
}

// PortForward implements portforward.PortForwarder.
func (f portForwarder) PortForward(ctx context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	target, err := f.target(ctx, port)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		return fmt.Errorf("the port %d of the simulated pod %s/%s is led to %s: %w", port, f.namespace, f.pod, target, err)
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

// target is what a port is led to.
func (f portForwarder) target(ctx context.Context, port int32) (string, error) {
	forwards, err := f.forwards(ctx)
	if err != nil {
		return "", err
	}
	for _, forward := range forwards {
		switch {
		case len(forward.Ports) > 0 && !slices.Contains(forward.Ports, port):
		case len(forward.Command) > 0:
			return "", fmt.Errorf("the port %d of the simulated pod %s/%s is led to a command, and commands are not run here: give it a target", port, f.namespace, f.pod)
		case forward.Target != nil:
			return net.JoinHostPort(forward.Target.Address, strconv.Itoa(int(forward.Target.Port))), nil
		}
	}
	return "", fmt.Errorf("the pod %s/%s is simulated: nothing listens on its port %d, and no PortForward or ClusterPortForward (kwok.x-k8s.io) leads it elsewhere", f.namespace, f.pod, port)
}

// forwards are those of the pod's own object, else of the first that selects it.
func (f portForwarder) forwards(ctx context.Context) ([]v1alpha1.Forward, error) {
	if f.objects == nil {
		return nil, nil
	}
	client := f.objects.KwokV1alpha1()
	own, err := client.PortForwards(f.namespace).Get(ctx, f.pod, metav1.GetOptions{})
	if err == nil {
		return own.Spec.Forwards, nil
	}
	// Not found is also what a cluster says that does not know the kind.
	if !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("looking for the PortForward %s/%s: %w", f.namespace, f.pod, err)
	}
	all, err := client.ClusterPortForwards().List(ctx, metav1.ListOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("listing ClusterPortForwards: %w", err)
	}
	if all == nil {
		return nil, nil
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.ClusterPortForward) int { return strings.Compare(a.Name, b.Name) })
	for _, one := range all.Items {
		if selects(one.Spec.Selector, f.namespace, f.pod) {
			return one.Spec.Forwards, nil
		}
	}
	return nil, nil
}

// selects tells whether a pod is meant; what a selector does not name is any.
func selects(s *v1alpha1.ObjectSelector, namespace, name string) bool {
	if s == nil {
		return true
	}
	has := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	return has(s.MatchNamespaces, namespace) && has(s.MatchNames, name)
}
