// Package collector is the OpenTelemetry Collector that diorama is built with:
// the real receivers, processors and exporters, two receivers for simulated
// nodes, and the configurations of the two collectors of an environment.
package collector

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/otelcol"
)

// RunOptions say what a collector runs.
type RunOptions struct {
	// ConfigURIs are paths, or URIs of the schemes file, env and yaml; later
	// ones are merged over earlier ones.
	ConfigURIs []string
	// HealthAddress is host:port of a listener that answers 200 while the
	// collector runs, whatever its configuration says; empty: none.
	HealthAddress string
	// AllowedHosts are names that OTLP may be sent to by HTTP, beyond those that no
	// site of the internet can have.
	AllowedHosts []string
}

// Run runs a collector until ctx ends, then flushes what it holds and returns
// nil; or fails. SIGHUP makes it read its configuration again.
func Run(ctx context.Context, o RunOptions) error {
	c, err := newCollector(o)
	if err != nil {
		return err
	}
	stopHealth, err := serveHealth(o.HealthAddress, func() bool { return c.GetState() == otelcol.StateRunning })
	if err != nil {
		return err
	}
	defer stopHealth()
	if err := c.Run(ctx); err != nil {
		if problem := o.wrongFile(ctx); problem != nil {
			return problem
		}
		return fmt.Errorf("running the collector: %w", err)
	}
	if ctx.Err() == nil {
		return fmt.Errorf("the collector ended on its own; the last lines of its log say why")
	}
	return nil
}

// wrongFile says what keeps the collector from running with its only file, in words
// and lines of that.
func (o RunOptions) wrongFile(ctx context.Context) error {
	if len(o.ConfigURIs) != 1 || strings.Contains(o.ConfigURIs[0], ":") {
		return nil
	}
	return CheckFile(ctx, o.ConfigURIs[0])
}

// serveHealth answers on address whether the collector runs, until the
// returned function is called.
func serveHealth(address string, running func() bool) (func(), error) {
	if address == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for questions after the collector's health: %w", err)
	}
	answer := func(w http.ResponseWriter, _ *http.Request) {
		if !running() {
			http.Error(w, "the collector does not run yet", http.StatusServiceUnavailable)
		}
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(answer)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// It returns when the server is closed below.
		_ = server.Serve(listener)
	}()
	return func() {
		_ = server.Close()
		<-ended
	}, nil
}

// Validate checks a configuration without running it.
func Validate(ctx context.Context, o RunOptions) error {
	c, err := newCollector(o)
	if err != nil {
		return err
	}
	if err := c.DryRun(ctx); err != nil {
		return fmt.Errorf("the collector's configuration: %w", err)
	}
	return nil
}

func newCollector(o RunOptions) (*otelcol.Collector, error) {
	c, err := otelcol.NewCollector(otelcol.CollectorSettings{
		Factories: func() (otelcol.Factories, error) { return Factories(o.AllowedHosts...) },
		BuildInfo: component.BuildInfo{
			Command: "diorama collector", Description: "diorama's OpenTelemetry Collector", Version: Version(),
		},
		// ctx is how whoever runs us ends us; the collector is not to take SIGTERM
		// from whoever runs it.
		DisableGracefulShutdown: true,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: o.ConfigURIs,
			ProviderFactories: []confmap.ProviderFactory{
				fileprovider.NewFactory(), envprovider.NewFactory(), yamlprovider.NewFactory(),
			},
			// So that ${NAME} is a variable of the environment.
			DefaultScheme: "env",
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the collector: %w", err)
	}
	return c, nil
}

// Version is that of the OpenTelemetry Collector which is built in, written as
// its releases do.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "go.opentelemetry.io/collector/otelcol" {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}
