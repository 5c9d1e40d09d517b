package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"

	"github.com/diorama-lab/diorama/internal/pki"
)

// Options say what to watch and where to answer.
type Options struct {
	// Kubeconfig of a user with the rights that the package's comment lists.
	Kubeconfig string
	// Listen is the plain listener's address, host:port. Port 0 picks one, see Listening.
	Listen string
	// TunnelListen is where the API server's egress selector connects; empty: no tunnel.
	TunnelListen string
	// ServingCACert and ServingCAKey sign the nodes' serving certificates.
	// Without them a CA and a client certificate are made in CertDir.
	ServingCACert, ServingCAKey string
	// ClientCAs are the files of the CAs whose client certificates are let in;
	// required with a serving CA, otherwise the CA that was made is added.
	ClientCAs []string
	// CertDir keeps what is made without a serving CA; empty: a temporary folder, logged.
	CertDir string
	// ServingNames are further host names and addresses that clients of the plain listener use.
	ServingNames []string
	// Insecure serves the plain listener without TLS and lets everybody in; loopback only.
	Insecure bool
	// Seed of the usage: the same seed gives the same telemetry.
	Seed uint64
	// StateFile keeps the nodes' counters over a restart; empty: they begin
	// anew with what pods are there.
	StateFile string
	// MetricsHost is the host of a CONNECT at which the metrics API
	// (metrics.k8s.io) answers through the tunnel; empty: it does not.
	// RequestHeaderCA is the file of the CA of the aggregator that asks it.
	MetricsHost, RequestHeaderCA string
	// Listening, if set, is called once with the addresses that are bound.
	Listening func(plain, tunnel net.Addr)
}

const (
	// headerTimeout bounds how long a client may take over a request's header.
	headerTimeout = 10 * time.Second
	// idleTimeout outlasts the interval of any scrape: reconnecting a thousand
	// clients costs more than keeping their connections.
	idleTimeout     = 5 * time.Minute
	shutdownTimeout = 2 * time.Second
)

// Run serves until ctx ends, then returns nil; or fails.
func Run(ctx context.Context, o Options) error {
	c, err := newClients(o.Kubeconfig)
	if err != nil {
		return err
	}
	s := newStore(o.Seed, time.Now)
	if err := loadState(s, o.StateFile); err != nil {
		return err
	}
	s.forwards = c.kwok
	servers, err := bind(o, s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// client-go says through this logger when it cannot list or watch.
	watchCtx := klog.NewContext(ctx, logr.FromSlogHandler(slog.Default().Handler()))
	events := record.NewBroadcaster(record.WithContext(watchCtx))
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.core.CoreV1().Events(metav1.NamespaceAll)})
	defer events.Shutdown()
	s.reports.recorder = events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet"})

	wait := follow(watchCtx, c, s)
	var running sync.WaitGroup
	running.Go(func() { keepState(ctx, s, o.StateFile) })
	running.Go(func() { keepSampling(ctx, s) })
	running.Go(func() { keepKilling(ctx, s, c.core) })
	err = serveAll(ctx, servers)
	cancel()
	wait()
	running.Wait()
	return err
}

func newClients(kubeconfig string) (c clients, err error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return c, fmt.Errorf("load the kubeconfig: %w", err)
	}
	config.UserAgent = "diorama-kubelet"
	config.QPS, config.Burst = 50, 100
	custom := rest.CopyConfig(config) // custom resources have no protobuf
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	var errs [3]error
	c.core, errs[0] = kubernetes.NewForConfig(config)
	c.metadata, errs[1] = metadata.NewForConfig(config)
	c.kwok, errs[2] = versioned.NewForConfig(custom)
	if err := errors.Join(errs[:]...); err != nil {
		return c, fmt.Errorf("use the kubeconfig: %w", err)
	}
	return c, nil
}

func announce(o Options, plain, tunnel net.Addr) {
	attributes := []any{"address", plain.String(), "tls", !o.Insecure}
	if tunnel != nil {
		attributes = append(attributes, "tunnel", tunnel.String())
	}
	slog.Info("The kubelet API of the simulated nodes is up.", attributes...)
	if o.Listening != nil {
		o.Listening(plain, tunnel)
	}
}

func insecureAllowed(o Options, bound net.Addr) error {
	if tcp, ok := bound.(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return fmt.Errorf("plain HTTP is served on loopback only, not on %s: "+
			"leave out the insecure option or listen on 127.0.0.1", o.Listen)
	}
	if o.TunnelListen != "" {
		return errors.New("the tunnel has no insecure form: leave out the insecure option or the tunnel")
	}
	return nil
}

// credentials loads the CAs, or makes them.
func credentials(o Options) (*authority, *x509.CertPool, error) {
	clientCAs := o.ClientCAs
	var pair *pki.Pair
	var err error
	if o.ServingCACert == "" && o.ServingCAKey == "" {
		dir := o.CertDir
		if dir == "" {
			if dir, err = os.MkdirTemp("", "diorama-kubelet-"); err != nil {
				return nil, nil, fmt.Errorf("make a folder for certificates: %w", err)
			}
		}
		if pair, err = ownCredentials(dir); err != nil {
			return nil, nil, err
		}
		ca, _ := pairFiles(dir, caPair)
		cert, key := pairFiles(dir, clientPair)
		slog.Info("Clients call with this certificate.", "ca", ca, "cert", cert, "key", key)
		clientCAs = append([]string{ca}, clientCAs...)
	} else if pair, err = pki.Load(o.ServingCACert, o.ServingCAKey); err != nil {
		return nil, nil, fmt.Errorf("load the serving CA: %w", err)
	}
	if len(clientCAs) == 0 {
		return nil, nil, errors.New("no client CA: name the CA whose client certificates are let in")
	}
	a, err := newAuthority(pair)
	if err != nil {
		return nil, nil, fmt.Errorf("use the serving CA %s: %w", o.ServingCACert, err)
	}
	clients, err := clientPool(clientCAs)
	return a, clients, err
}

// plainTLS presents a certificate for the usual loopback names, for what the
// user named, and for the very address that a client connected to.
func plainTLS(o Options, a *authority, clients *x509.CertPool) (*tls.Config, error) {
	names := append([]string{"localhost", "127.0.0.1", "::1"}, o.ServingNames...)
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	subject := pkix.Name{CommonName: "diorama-kubelet"}
	first, err := a.serving(subject, names...)
	if err != nil {
		return nil, err
	}
	config := serverTLS(first, clients)
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		local, ok := hello.Conn.LocalAddr().(*net.TCPAddr)
		if !ok || local.IP.IsLoopback() {
			return a.serving(subject, names...)
		}
		return a.serving(subject, append(names[:len(names):len(names)], local.IP.String())...)
	}
	return config, nil
}

// serveAll runs the servers until ctx ends or one fails, and stops them all.
func serveAll(ctx context.Context, servers []server) error {
	failed := make(chan error, len(servers))
	var running sync.WaitGroup
	for _, s := range servers {
		running.Go(func() { failed <- s.serve() })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(grace) != nil {
			_ = s.Close() // connections that are still busy
		}
	}
	running.Wait()
	return err
}

func (s server) serve() error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(s.listener, "", "")
	} else {
		err = s.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("serve the kubelet API: %w", err)
}
