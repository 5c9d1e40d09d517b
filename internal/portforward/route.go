package portforward

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/diorama-lab/diorama/internal/wait"
)

// attemptLimit bounds one attempt to reach a pod, so that another one is made
// while the client still waits.
const attemptLimit = 5 * time.Second

// route forwards a port to the pods of one target.
type route struct {
	target   Target
	listener net.Listener
	dialer   dialer
	// patience is how long a client waits for a pod.
	patience time.Duration

	mu          sync.Mutex
	view        *view     // nil before anything is heard
	uid         types.UID // of the pod that was chosen last
	changed     chan struct{}
	moves       int
	connections int
	err         error
	errTime     time.Time
}

// destination is a port of a pod.
type destination struct {
	namespace, pod string
	uid            types.UID
	port           int
}

func (d destination) String() string {
	return fmt.Sprintf("the port %d of the pod %s/%s", d.port, d.namespace, d.pod)
}

func (r *route) listen(listener net.Listener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener = listener
	r.target.Host = listener.Addr().(*net.TCPAddr).Port
}

// accept takes connections until the listener is closed, and returns when all
// of them have ended.
func (r *route) accept(ctx context.Context) {
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		conn, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Too many open files, most likely: that passes.
			r.failed(fmt.Errorf("taking a connection: %w", err))
			if wait.Pause(ctx, leastPause) != nil {
				return
			}
			continue
		}
		serving.Go(func() { r.serve(ctx, conn.(*net.TCPConn)) })
	}
}

// serve forwards one connection. Where that fails the client's is reset, so that
// half an answer does not look like a whole one.
func (r *route) serve(ctx context.Context, client *net.TCPConn) {
	defer client.Close()
	r.count(1)
	defer r.count(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { reset(client) })()
	conn, to, err := r.open(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.failed(err)
		}
		reset(client)
		return
	}
	defer conn.close()
	defer context.AfterFunc(ctx, conn.close)()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() {
		if r.gone(ctx, to.uid) {
			cancel()
		}
	})
	if err := conn.exchange(client); err != nil && ctx.Err() == nil {
		r.failed(fmt.Errorf("a connection to %s: %w", to, err))
	}
}

// open opens a pair of streams to a Ready pod, for a client that waits.
func (r *route) open(ctx context.Context) (conn *connection, to destination, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	to, err = r.attempt(ctx, func(ctx context.Context, to destination) (err error) {
		conn, err = r.dialer.open(ctx, to)
		return err
	})
	return conn, to, err
}

// ready waits until the API server connects to a Ready pod.
func (r *route) ready(ctx context.Context) error {
	_, err := r.attempt(ctx, func(ctx context.Context, to destination) error {
		conn, err := r.dialer.dial(ctx, to)
		if err == nil {
			conn.close()
		}
		return err
	})
	return err
}

// attempt tries Ready pods, each with a limit, until one can be reached or ctx
// ends; then the error is that of the last one.
func (r *route) attempt(ctx context.Context, try func(context.Context, destination) error) (destination, error) {
	var failure error
	var avoid types.UID
	for pause := leastPause; ; pause = min(2*pause, mostPause) {
		to, err := r.next(ctx, avoid)
		if err != nil && failure != nil {
			err = fmt.Errorf("%w (before that: %w)", err, failure)
		}
		if err != nil {
			return to, err
		}
		bounded, cancel := context.WithTimeout(ctx, attemptLimit)
		err = try(bounded, to)
		cancel()
		if err == nil {
			return to, nil
		}
		avoid = to.uid
		if failure == nil || ctx.Err() == nil { // that the time is over says less than what took it
			failure = fmt.Errorf("reaching %s: %w", to, err)
			r.failed(failure)
		}
		if wait.Pause(ctx, pause) != nil {
			return to, failure
		}
	}
}

// next waits for a Ready pod. Its error says why there is none.
func (r *route) next(ctx context.Context, avoid types.UID) (destination, error) {
	for {
		r.mu.Lock()
		to, err := r.selectPod(avoid)
		changed := r.changed
		r.mu.Unlock()
		if err == nil {
			return to, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return to, err
		}
	}
}

// selectPod chooses the pod that connections are forwarded to from now on. The
// caller holds the lock.
func (r *route) selectPod(avoid types.UID) (destination, error) {
	to, err := r.choose(avoid)
	if err != nil {
		return to, err
	}
	if r.uid != "" && r.uid != to.uid {
		r.moves++
	}
	r.uid = to.uid
	return to, nil
}

// choose says which pod connections are to be forwarded to: the one that they
// go to already, as long as it is Ready; another one rather than avoid. The
// caller holds the lock.
func (r *route) choose(avoid types.UID) (destination, error) {
	t := r.target
	if r.view == nil {
		return destination{}, errors.New("the API server has not said yet which pods there are")
	}
	name, found := r.view.names[t.Port]
	if !found {
		return destination{}, fmt.Errorf("the Service %s/%s has no port %d, but %s",
			t.Namespace, t.Service, t.Port, portList(r.view.names))
	}
	var ready []destination
	for _, p := range r.view.pods {
		if p.ready && p.ports[name] != 0 {
			ready = append(ready, destination{namespace: t.Namespace, pod: p.name, uid: p.uid, port: p.ports[name]})
		}
	}
	if len(r.view.pods) == 0 {
		return destination{}, fmt.Errorf("no pods are behind the Service %s/%s", t.Namespace, t.Service)
	}
	if len(ready) == 0 {
		return destination{}, fmt.Errorf("of the %d pods behind the Service %s/%s none is Ready",
			len(r.view.pods), t.Namespace, t.Service)
	}
	best := slices.IndexFunc(ready, func(d destination) bool { return d.uid == r.uid && d.uid != avoid })
	if best < 0 {
		best = max(0, slices.IndexFunc(ready, func(d destination) bool { return d.uid != avoid }))
	}
	return ready[best], nil
}

func portList(names map[int]string) string {
	var all []string
	for _, port := range slices.Sorted(maps.Keys(names)) {
		all = append(all, fmt.Sprint(port))
	}
	if len(all) == 0 {
		return "none at all"
	}
	return strings.Join(all, ", ")
}

// heard takes what is behind the Service now.
func (r *route) heard(now view) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.view = &now
	if _, err := r.selectPod(""); err != nil {
		r.err, r.errTime = err, time.Now()
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// gone waits until a pod is behind the Service no longer, not even as one that
// ends, and says so; it has not gone when ctx ends before.
func (r *route) gone(ctx context.Context, uid types.UID) bool {
	for {
		r.mu.Lock()
		there := slices.ContainsFunc(r.view.pods, func(p pod) bool { return p.uid == uid })
		changed := r.changed
		r.mu.Unlock()
		if !there {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (r *route) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.errTime = err, time.Now()
}

func (r *route) count(change int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections += change
}

func (r *route) status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{Target: r.target, Connections: r.connections, LastErrorTime: r.errTime}
	if to, err := r.choose(""); err == nil {
		s.Pod = to.pod
	}
	s.Moves = r.moves
	if r.err != nil {
		s.LastError = r.err.Error()
	}
	return s
}

// reset closes a connection so that the other side sees that it was broken off.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // it fails only where the connection is closed already
	_ = conn.Close()
}
