// Package otlpguard is the OTLP receiver with the guard of diorama's own
// servers before its HTTP listener, whatever the configuration says of it.
package otlpguard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
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
	"google.golang.org/grpc/codes"

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
		next = checkJSON(next)
		if m.sites {
			return m.guard.Hosts(next), nil
		}
		return m.guard.Handler(next), nil
	}, nil
}

// checkJSON refuses bodies that are no JSON though they say so. The receiver
// answers with what it found there, and fails where that is no text.
func checkJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" || r.Method != http.MethodPost {
			next.ServeHTTP(w, r) // which says what it takes
			return
		}
		body, err := io.ReadAll(r.Body)
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			refuse(w, http.StatusRequestEntityTooLarge, codes.ResourceExhausted, "body too large; send smaller batches")
			return
		case err != nil:
			refuse(w, http.StatusBadRequest, codes.InvalidArgument, "reading the body: "+err.Error())
			return
		}
		var text json.RawMessage
		if err := json.Unmarshal(body, &text); err != nil {
			refuse(w, http.StatusBadRequest, codes.InvalidArgument, "the body is no JSON: "+err.Error())
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// refuse answers as OTLP asks for, in JSON.
func refuse(w http.ResponseWriter, status int, code codes.Code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client being gone is the only error left.
	_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "message": message})
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
