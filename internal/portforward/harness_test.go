package portforward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/client-go/rest"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// deadline is how long a test waits for what is to happen soon.
const deadline = time.Minute

// lab is an API server with one Service, and the kubelet of its pods. How
// connections get from one to the other is what the API server and the kubelet
// run: apimachinery's upgrading proxy, and the kubelet's streaming server.
type lab struct {
	t        *testing.T
	api      *httptest.Server
	kubelet  *httptest.Server
	mu       sync.Mutex
	pods     map[string]*labPod
	version  int
	changed  chan struct{}
	asked    map[string]int // requests, by what they ask for
	down     bool           // the API server answers no question
	stuck    chan struct{}  // upgrades are not answered until it is closed
	upgraded []net.Conn
}

// labPod is a pod with one program, which listens on one port.
type labPod struct {
	uid      types.UID
	ready    bool
	mute     bool // connections to it are refused
	unknown  bool // it has gone, and only its EndpointSlice does not say so
	listener net.Listener
	serving  sync.WaitGroup
	ctx      context.Context
	kill     context.CancelFunc
}

const (
	namespace   = "lab"
	serviceName = "web"
	servicePort = 80
	podPort     = 8080
)

func newLab(t *testing.T) *lab {
	l := &lab{t: t, pods: map[string]*labPod{}, changed: make(chan struct{}), asked: map[string]int{}}
	l.kubelet = httptest.NewServer(http.HandlerFunc(l.serveKubelet))
	l.api = httptest.NewUnstartedServer(http.HandlerFunc(l.serveAPI))
	l.api.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	l.api.StartTLS()
	t.Cleanup(func() {
		for _, name := range slices.Collect(maps.Keys(l.pods)) {
			l.remove(name)
		}
		l.cutUpgraded()
		l.api.CloseClientConnections()
		l.api.Close()
		l.kubelet.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return l
}

type connKey struct{}

func (l *lab) config() *rest.Config {
	return &rest.Config{Host: l.api.URL, TLSClientConfig: rest.TLSClientConfig{CAData: pemOf(l.api.Certificate())}}
}

// forward starts a Forwarder of one port, which ends with the test.
func (l *lab) forward(change ...func(*Forwarder)) *Forwarder {
	l.t.Helper()
	f, err := New(l.config(), []Target{{Namespace: namespace, Service: serviceName, Port: servicePort}})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, c := range change {
		c(f)
	}
	if err := f.Start(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(f.Close)
	return f
}

func dial(t *testing.T, f *Forwarder) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.Status()[0].Host))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// add adds a pod whose program serves connections.
func (l *lab) add(name string, ready bool, serve func(*net.TCPConn)) {
	l.t.Helper()
	p := &labPod{ready: ready, uid: types.UID(fmt.Sprintf("%s-%d", name, time.Now().UnixNano()))}
	p.ctx, p.kill = context.WithCancel(context.Background())
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		l.t.Fatal(err)
	}
	p.serving.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.serving.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(p.ctx, func() { _ = conn.Close() })()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	l.change(func() { l.pods[name] = p })
}

// remove kills a pod, and forgets it.
func (l *lab) remove(name string) {
	var p *labPod
	l.change(func() { p = l.pods[name]; delete(l.pods, name) })
	p.kill()
	_ = p.listener.Close()
	p.serving.Wait()
}

func (l *lab) change(how func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	how()
	l.version++
	close(l.changed)
	l.changed = make(chan struct{})
}

// cutUpgraded breaks off the connections that were upgraded.
func (l *lab) cutUpgraded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.upgraded {
		_ = c.Close()
	}
	l.upgraded = nil
}

func (l *lab) serveAPI(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	down, stuck := l.down, l.stuck
	l.mu.Unlock()
	podPath := "/api/v1/namespaces/" + namespace + "/pods/"
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case r.URL.Path == "/api/v1/namespaces/"+namespace+"/services/"+serviceName:
		l.answer(w, l.service())
	case r.URL.Path == "/apis/discovery.k8s.io/v1/namespaces/"+namespace+"/endpointslices" &&
		r.URL.Query().Get("labelSelector") == "kubernetes.io/service-name="+serviceName:
		l.serveSlices(w, r)
	case strings.HasPrefix(r.URL.Path, podPath) && strings.HasSuffix(r.URL.Path, "/portforward") &&
		r.Method == http.MethodPost:
		if stuck != nil {
			l.count("stuck")
			select {
			case <-stuck:
			case <-r.Context().Done():
				return
			}
		}
		name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, podPath), "/portforward")
		l.mu.Lock()
		p, found := l.pods[name]
		found = found && !p.unknown
		l.upgraded = append(l.upgraded, r.Context().Value(connKey{}).(net.Conn))
		l.mu.Unlock()
		if !found {
			w.WriteHeader(http.StatusNotFound)
			l.answer(w, apierrors.NewNotFound(corev1.Resource("pods"), name).Status())
			return
		}
		l.count("portforward")
		location, _ := url.Parse(l.kubelet.URL + "/portForward/" + namespace + "/" + name)
		proxy.NewUpgradeAwareHandler(location, nil, false, true, responder{l.t}).ServeHTTP(w, r)
	default:
		l.t.Errorf("nobody should ask for %s %s", r.Method, r.URL)
		http.NotFound(w, r)
	}
}

type responder struct{ t *testing.T }

func (r responder) Error(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusBadGateway)
}

func (l *lab) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[what]++
}

func (l *lab) counted(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[what]
}

func (l *lab) answer(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(object); err != nil {
		l.t.Log(err) // the client has gone
	}
}

func (l *lab) service() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName},
		Spec: corev1.ServiceSpec{
			Ports: []corev1.ServicePort{{Name: "http", Port: servicePort, TargetPort: intstr.FromString("web")}},
		},
	}
}

// slice is the EndpointSlice of all pods. The caller holds the lock.
func (l *lab) slice() discoveryv1.EndpointSlice {
	name, port := "http", int32(podPort)
	s := discoveryv1.EndpointSlice{Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}}}
	for name, p := range l.pods {
		ready := p.ready
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: name, UID: p.uid},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		})
	}
	return s
}

// serveSlices answers a list, or a watch with an event after each change.
func (l *lab) serveSlices(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	slice, version, changed := l.slice(), l.version, l.changed
	l.mu.Unlock()
	if r.URL.Query().Get("watch") == "" {
		list := &discoveryv1.EndpointSliceList{TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1",
			Kind: "EndpointSliceList"}, Items: []discoveryv1.EndpointSlice{slice}}
		list.ResourceVersion = fmt.Sprint(version)
		l.answer(w, list)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.(http.Flusher).Flush()
	for r.URL.Query().Get("resourceVersion") == fmt.Sprint(version) {
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		l.mu.Lock()
		slice, version, changed = l.slice(), l.version, l.changed
		l.mu.Unlock()
	}
	slice.TypeMeta = metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}
	l.answer(w, map[string]any{"type": "MODIFIED", "object": slice})
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func (l *lab) serveKubelet(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	portforward.ServePortForward(w, r, l, name, "", nil, time.Hour, time.Minute, portforward.SupportedProtocols)
}

// PortForward copies as container runtimes do, and ends when the pod's side
// has. They give it a second from the end of the client's side on, for which a
// busy machine is too slow.
func (l *lab) PortForward(_ context.Context, name string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	l.mu.Lock()
	p := l.pods[name]
	mute := p != nil && p.mute
	l.mu.Unlock()
	if p == nil {
		return fmt.Errorf("the sandbox of %s has gone", name)
	}
	if mute || port != podPort {
		return fmt.Errorf("dial tcp4 127.0.0.1:%d: connect: connection refused", port)
	}
	conn, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		// What goes wrong here ends the pod's side too.
		_, _ = io.Copy(conn, stream)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	return err
}

// eventually waits until a check says nothing more.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	waittest.Until(t, "nothing is wrong", func(context.Context) error {
		if complaint := check(); complaint != "" {
			return errors.New(complaint)
		}
		return nil
	})
}
