// Package web serves dashboards: an HTTP API shaped as Grafana's, the API of
// diorama's own page, and the page.
package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/guard"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// DefaultScrapeInterval is how often the series of a Prometheus are taken to get
// a sample, if nobody says it.
const DefaultScrapeInterval = 15 * time.Second

// Options is what a server serves, and where.
type Options struct {
	// Listen is the address. Port 0 picks a free one; Listening hears which.
	Listen    string
	Listening func(address string)
	// Prometheus is the base URL of the data source, ScrapeInterval how
	// often its series get a sample.
	Prometheus     string
	ScrapeInterval time.Duration
	// Library holds the dashboards.
	Library *library.Library
	// Page is the built page; nil when it is not built in.
	Page fs.FS
	// Kubeconfig is the cluster to show; empty for none.
	Kubeconfig string
	// Status is the environment's; nil without one.
	Status func(ctx context.Context) (any, error)
	// AllowedHosts are names beyond loopback that requests may be made under.
	AllowedHosts []string
	Version      string
	Logger       *slog.Logger
	// Broken hears of each file that cannot be read, and of each that can
	// be read again.
	Broken func(library.Event)
}

func (o Options) withDefaults() (Options, error) {
	if o.Prometheus == "" {
		return o, errors.New("dashboards need the URL of a Prometheus")
	}
	if o.ScrapeInterval <= 0 {
		o.ScrapeInterval = DefaultScrapeInterval
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Library == nil {
		o.Library = &library.Library{}
	}
	if o.Broken == nil {
		o.Broken = func(library.Event) {}
	}
	return o, nil
}

// Run serves until ctx ends, and returns nil then.
func Run(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := newServer(o)
	if err != nil {
		return err
	}
	defer s.close()
	events, err := o.Library.Load(ctx)
	if err != nil {
		return err
	}
	s.publish(events)
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listening for the dashboards on %s: %w", o.Listen, err)
	}
	address := listener.Addr().String()
	server := &http.Server{
		Handler:           guard.Guard{Listen: address, AllowedHosts: o.AllowedHosts}.Handler(s.handler()),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		// Streams and queries end when this process is to end.
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	watched := make(chan error, 1)
	go func() { watched <- o.Library.Watch(ctx, s.publish) }()
	if o.Listening != nil {
		o.Listening(address)
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
		err = fmt.Errorf("serving the dashboards on %s: %w", address, err)
	case err = <-watched:
		watched <- nil
	}
	cancel()
	shutdown(server)
	return errors.Join(err, <-watched)
}

// shutdown lets running requests end, for a moment.
func shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}

// server answers requests.
type server struct {
	o      Options
	client *prometheus.Client
	engine *engine.Engine
	live   *hub
	proxy  http.Handler
	// kubernetes is nil where there is no cluster to ask.
	kubernetes kubernetes.Interface
}

func newServer(o Options) (*server, error) {
	client := prometheus.NewClient(o.Prometheus)
	proxy, err := newProxy(o.Prometheus, client.HTTP.Transport)
	if err != nil {
		return nil, err
	}
	cluster, err := kubernetesClient(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	s := &server{o: o, client: client, live: newHub(), proxy: proxy, kubernetes: cluster}
	s.engine = &engine.Engine{Prometheus: client, ScrapeInterval: o.ScrapeInterval, Events: s.happened}
	return s, nil
}

func (s *server) close() { s.client.Close() }

// publish reports changes to open pages, and to whoever started us.
func (s *server) publish(events []library.Event) {
	for _, event := range events {
		if event.Type == "error" || event.Type == "ok" {
			s.o.Broken(event)
		}
		s.live.send(event)
	}
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	s.routeGrafana(mux)
	s.routePage(mux)
	mux.Handle("/", otherwise(mux, static(s.o.Page)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", contentSecurityPolicy)
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, document.MaxBytes)
		}
		mux.ServeHTTP(w, r)
	})
}

// contentSecurityPolicy lets the page run its own scripts and talk to this
// server alone. Styles are inline in Grafana's components, and its plots make
// workers and images of blobs.
const contentSecurityPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; " +
	"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
