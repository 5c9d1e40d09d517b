package portforward

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/diorama-lab/diorama/internal/wait"
)

const (
	// askingLimit bounds one question to the API server.
	askingLimit = 10 * time.Second
	// watchSeconds is how long one watch lasts, at most, and so how long it takes
	// to hear of a change of the Service that changes no EndpointSlice.
	watchSeconds = 60
	// gathering is how long changes are gathered before the next question.
	gathering = 100 * time.Millisecond
	// leastPause and mostPause are the bounds of the pauses after failures.
	leastPause, mostPause = 100 * time.Millisecond, 2 * time.Second
)

// service follows what is behind a Service, and reports it to its routes.
type service struct {
	client          kubernetes.Interface
	namespace, name string
	routes          []*route
}

// view is what is behind a Service.
type view struct {
	// names are those of the Service's ports, by number. They may be empty.
	names map[int]string
	// pods are sorted by name.
	pods []pod
}

type pod struct {
	name  string
	uid   types.UID
	ready bool
	// ports are the pod's own, by the names of the Service's.
	ports map[string]int
}

// follow reports to the routes what is behind the Service, now and after each
// change, until ctx ends.
func (s *service) follow(ctx context.Context) {
	for pause := leastPause; ; {
		now, version, err := s.look(ctx)
		if err == nil {
			pause = leastPause
			for _, r := range s.routes {
				r.heard(now)
			}
			err = s.untilChange(ctx, version)
		}
		next := gathering
		if err != nil && ctx.Err() == nil {
			for _, r := range s.routes {
				r.failed(err)
			}
			next, pause = pause, min(2*pause, mostPause)
		}
		if wait.Pause(ctx, next) != nil {
			return
		}
	}
}

// untilChange returns when what was seen at a version is no longer sure. What
// has changed is not of interest: all is asked for anew.
func (s *service) untilChange(ctx context.Context, version string) error {
	seconds := int64(watchSeconds)
	options := metav1.ListOptions{LabelSelector: s.selector(), ResourceVersion: version, TimeoutSeconds: &seconds}
	changes, err := s.client.DiscoveryV1().EndpointSlices(s.namespace).Watch(ctx, options)
	if err != nil {
		return fmt.Errorf("watching the EndpointSlices of the Service %s/%s: %w", s.namespace, s.name, err)
	}
	defer changes.Stop()
	select {
	case <-changes.ResultChan():
	case <-ctx.Done():
	}
	return nil
}

func (s *service) selector() string { return discoveryv1.LabelServiceName + "=" + s.name }

// look asks what is behind the Service, and for the version to watch from.
func (s *service) look(ctx context.Context) (view, string, error) {
	ctx, cancel := context.WithTimeout(ctx, askingLimit)
	defer cancel()
	object, err := s.client.CoreV1().Services(s.namespace).Get(ctx, s.name, metav1.GetOptions{})
	if err != nil {
		return view{}, "", fmt.Errorf("asking for the Service %s/%s: %w", s.namespace, s.name, err)
	}
	found, err := s.client.DiscoveryV1().EndpointSlices(s.namespace).List(ctx, metav1.ListOptions{
		LabelSelector: s.selector(),
	})
	if err != nil {
		return view{}, "", fmt.Errorf("listing the EndpointSlices of the Service %s/%s: %w", s.namespace, s.name, err)
	}
	return newView(object, found.Items), found.ResourceVersion, nil
}

// newView joins a Service's EndpointSlices. They already say which port of a
// pod a named target port is.
func newView(object *corev1.Service, found []discoveryv1.EndpointSlice) view {
	v := view{names: map[int]string{}}
	for _, p := range object.Spec.Ports {
		if p.Protocol == corev1.ProtocolTCP || p.Protocol == "" {
			v.names[int(p.Port)] = p.Name
		}
	}
	pods := map[types.UID]*pod{} // a pod may be in several slices
	for _, slice := range found {
		for _, endpoint := range slice.Endpoints {
			of := endpoint.TargetRef
			if of == nil || of.Kind != "Pod" {
				continue
			}
			p := pods[of.UID]
			if p == nil {
				p = &pod{name: of.Name, uid: of.UID, ports: map[string]int{}}
				pods[of.UID] = p
			}
			// Not said means ready, by the API's documentation.
			p.ready = p.ready || endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			for _, port := range slice.Ports {
				if port.Port != nil && port.Name != nil && (port.Protocol == nil || *port.Protocol == corev1.ProtocolTCP) {
					p.ports[*port.Name] = int(*port.Port)
				}
			}
		}
	}
	for _, p := range pods {
		v.pods = append(v.pods, *p)
	}
	slices.SortFunc(v.pods, func(a, b pod) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.uid, b.uid)) })
	return v
}
