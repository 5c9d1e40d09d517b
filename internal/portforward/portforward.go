// Package portforward forwards ports of 127.0.0.1 to pods behind Services,
// through the API server, and to others when pods move.
//
// A port stays open for as long as its Forwarder lives. For every connection
// that it takes, one is opened to the API server, and on that one pair of
// streams of the protocol portforward.k8s.io, as `kubectl port-forward` opens
// them: SPDY/3.1 in an upgraded request, see
// https://kubernetes.io/docs/reference/using-api/api-concepts. Connections do
// not share one, because streams of one have no flow control of their own:
// a client that does not read would hold up all others.
package portforward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// patience is how long a client waits for a pod before it is turned away.
const patience = 10 * time.Second

// Target is a port of 127.0.0.1 and the Service's that it is forwarded to.
type Target struct {
	// Host is the port of 127.0.0.1; 0 is any that is free.
	Host      int    `json:"host"`
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	// Port is the number of one of the Service's ports, not of a pod's.
	Port int `json:"port"`
}

// words name the Service's port. It is no String: Status would have it too.
func (t Target) words() string {
	return fmt.Sprintf("the port %d of the Service %s/%s", t.Port, t.Namespace, t.Service)
}

// Status says how a Target fares.
type Status struct {
	// Target has the port that is open, also where any was asked for.
	Target
	// Pod is the name of the pod that new connections are forwarded to; it is
	// empty while there is none.
	Pod string `json:"pod,omitempty"`
	// Moves is how often another pod has taken the place of one.
	Moves int `json:"moves"`
	// Connections is how many there are now.
	Connections int `json:"connections"`
	// LastError is what last went wrong, at LastErrorTime. It stays when all is
	// well again.
	LastError     string    `json:"lastError,omitempty"`
	LastErrorTime time.Time `json:"lastErrorTime,omitzero"`
}

// Forwarder forwards the ports of its Targets from Start to Close.
type Forwarder struct {
	http     *http.Client
	routes   []*route
	services []*service

	mu      sync.Mutex
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New checks the targets and opens nothing.
func New(config *rest.Config, targets []Target) (*Forwarder, error) {
	config = rest.CopyConfig(config)
	config.Timeout = 0                       // watches and connections last
	config.NextProtos = []string{"http/1.1"} // HTTP/2 has no upgrades
	hc, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("preparing connections to the API server: %w", err)
	}
	client, err := kubernetes.NewForConfigAndClient(config, hc)
	if err != nil {
		return nil, fmt.Errorf("preparing a client of the API server: %w", err)
	}
	f := &Forwarder{http: hc}
	for _, target := range targets {
		if err := target.check(); err != nil {
			return nil, err
		}
		r := &route{target: target, dialer: dialer{http: hc, api: client.CoreV1().RESTClient()}, patience: patience,
			changed: make(chan struct{})}
		f.routes = append(f.routes, r)
		s := f.service(client, target)
		s.routes = append(s.routes, r)
	}
	return f, nil
}

func (t Target) check() error {
	switch {
	case t.Namespace == "" || t.Service == "":
		return fmt.Errorf("forwarding the port %d: name a Service and its namespace", t.Host)
	case t.Host < 0 || t.Host > 65535:
		return fmt.Errorf("forwarding to %s: %d is no port", t.words(), t.Host)
	case t.Port < 1 || t.Port > 65535:
		return fmt.Errorf("forwarding the port %d to the Service %s/%s: %d is no port", t.Host,
			t.Namespace, t.Service, t.Port)
	}
	return nil
}

// service is the follower of a target's Service; targets share it.
func (f *Forwarder) service(client kubernetes.Interface, t Target) *service {
	for _, s := range f.services {
		if s.namespace == t.Namespace && s.name == t.Service {
			return s
		}
	}
	s := &service{client: client, namespace: t.Namespace, name: t.Service}
	f.services = append(f.services, s)
	return s
}

// Start opens all ports, or none, and returns; pods need not be there yet. ctx
// bounds this alone.
func (f *Forwarder) Start(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop != nil {
		return errors.New("the ports have been forwarded before: make another Forwarder")
	}
	for _, r := range f.routes {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(r.target.Host))
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", address)
		if err != nil {
			f.closeListeners()
			return fmt.Errorf("forwarding the port %d of 127.0.0.1 to %s; end what uses it, or choose another one: %w",
				r.target.Host, r.target.words(), err)
		}
		r.listen(listener)
	}
	life, stop := context.WithCancel(context.Background())
	f.stop = stop
	for _, r := range f.routes {
		f.running.Go(func() { r.accept(life) })
	}
	for _, s := range f.services {
		f.running.Go(func() { s.follow(life) })
	}
	return nil
}

// Ready waits until the API server forwards every target to a Ready pod. What
// stands in the way is in its error.
func (f *Forwarder) Ready(ctx context.Context) error {
	for _, r := range f.routes {
		if err := r.ready(ctx); err != nil {
			return fmt.Errorf("forwarding the port %d to %s: %w", r.target.Host, r.target.words(), err)
		}
	}
	return nil
}

// Status says how every target fares, in the order of New.
func (f *Forwarder) Status() []Status {
	all := make([]Status, 0, len(f.routes))
	for _, r := range f.routes {
		all = append(all, r.status())
	}
	return all
}

// Close closes ports and connections at once, and returns when all that served
// them has ended. It may be called at any time, and more than once.
func (f *Forwarder) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop == nil {
		f.stop = func() {}
		return
	}
	f.stop()
	f.closeListeners()
	f.running.Wait()
	utilnet.CloseIdleConnectionsFor(f.http.Transport)
}

func (f *Forwarder) closeListeners() {
	for _, r := range f.routes {
		if r.listener != nil {
			_ = r.listener.Close() // nothing was promised to who has not been accepted
		}
	}
}
