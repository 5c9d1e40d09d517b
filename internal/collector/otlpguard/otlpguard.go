// Package otlpguard is the OTLP receiver with the guard of diorama's own
// servers before its HTTP listener, whatever the configuration says of it.
package otlpguard

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/config/confignet"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"

	"github.com/diorama-lab/diorama/internal/guard"
)

// NewFactory is the factory of the OTLP receiver, guarded. allowed are names
// beyond those that a site of the internet cannot have.
func NewFactory(allowed []string) receiver.Factory {
	return &factory{otlpreceiver.NewFactory(), allowed}
}

type factory struct {
	receiver.Factory
	allowed []string
}

func (f *factory) CreateTraces(
	ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	guard := f.protect(cfg)
	r, err := f.Factory.CreateTraces(ctx, set, cfg, next)
	return &guarded{r, guard}, err
}

func (f *factory) CreateMetrics(
	ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	guard := f.protect(cfg)
	r, err := f.Factory.CreateMetrics(ctx, set, cfg, next)
	return &guarded{r, guard}, err
}

func (f *factory) CreateLogs(
	ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	guard := f.protect(cfg)
	r, err := f.Factory.CreateLogs(ctx, set, cfg, next)
	return &guarded{r, guard}, err
}

// guardID names the middleware among the extensions. No configuration can: it
// is no extension of the distribution.
var guardID = component.MustNewIDWithName("diorama_guard", "otlp")

// protect puts the guard before the HTTP listener of a configuration; nil if
// that has none, or one that is no network's. The receivers of one configuration
// are one and the same.
func (f *factory) protect(cfg component.Config) *middleware {
	config, ours := cfg.(*otlpreceiver.Config)
	if !ours || !config.HTTP.HasValue() {
		return nil
	}
	server := &config.HTTP.Get().ServerConfig
	if server.NetAddr.Transport == confignet.TransportTypeUnix {
		return nil
	}
	use := configmiddleware.Config{ID: guardID}
	if !slices.Contains(server.Middlewares, use) {
		server.Middlewares = append([]configmiddleware.Config{use}, server.Middlewares...)
	}
	cors := server.CORS.Get()
	return &middleware{
		guard: guard.Guard{Listen: server.NetAddr.Endpoint, AllowedHosts: f.allowed, PrivateNames: true},
		sites: cors != nil && len(cors.AllowedOrigins) > 0,
	}
}

// middleware is the guard as an extension.
type middleware struct {
	component.StartFunc
	component.ShutdownFunc
	guard guard.Guard
	// sites tells that pages of other sites may send: the configuration says which.
	sites bool
}

// GetHTTPHandler implements extensionmiddleware.HTTPServer.
func (m *middleware) GetHTTPHandler(context.Context) (extensionmiddleware.WrapHTTPHandlerFunc, error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) {
		if m.sites {
			return m.guard.Hosts(next), nil
		}
		return m.guard.Handler(next), nil
	}, nil
}

// guarded is a receiver that finds the guard among the extensions.
type guarded struct {
	component.Component
	guard *middleware
}

// Start implements component.Component.
func (g *guarded) Start(ctx context.Context, h component.Host) error {
	if g.guard == nil {
		return g.Component.Start(ctx, h)
	}
	return g.Component.Start(ctx, &host{h, g.guard})
}

// host adds the guard to the extensions of a collector.
type host struct {
	component.Host
	guard *middleware
}

// GetExtensions implements component.Host.
func (h *host) GetExtensions() map[component.ID]component.Component {
	all := maps.Clone(h.Host.GetExtensions())
	if all == nil {
		all = map[component.ID]component.Component{}
	}
	all[guardID] = h.guard
	return all
}

// Report implements componentstatus.Reporter: a receiver that fails later says
// so through its host.
func (h *host) Report(event *componentstatus.Event) { componentstatus.ReportStatus(h.Host, event) }
