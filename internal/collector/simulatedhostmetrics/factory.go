package simulatedhostmetrics

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper/scraperhelper"
	"go.uber.org/zap"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
)

// Type returns the receiver's name in configurations.
func Type() component.Type { return component.MustNewType("simulated_hostmetrics") }

// NewFactory returns the receiver's factory.
func NewFactory() receiver.Factory { return newFactory(nil) }

// newFactory lets tests give the nodes; source nil asks the API server.
func newFactory(source simulatednodes.Source) receiver.Factory {
	return receiver.NewFactory(Type(), defaultConfig, receiver.WithMetrics(
		func(
			_ context.Context, set receiver.Settings, config component.Config, next consumer.Metrics,
		) (receiver.Metrics, error) {
			return newReceiver(set, config.(*Config), next, source)
		}, component.StabilityLevelDevelopment))
}

func defaultConfig() component.Config {
	controller := scraperhelper.NewDefaultControllerConfig()
	// As the hostmetrics receiver has it.
	controller.CollectionInterval = time.Minute
	return &Config{
		ControllerConfig: controller,
		APIConfig:        simulatednodes.APIConfig{AuthType: simulatednodes.AuthServiceAccount},
	}
}

// hostReceiver closes its connections when all nodes' scrapes have stopped.
type hostReceiver struct {
	simulatednodes.Follower
	config *Config
	client *http.Client
}

func newReceiver(
	set receiver.Settings, c *Config, next consumer.Metrics, source simulatednodes.Source,
) (receiver.Metrics, error) {
	scrapes, err := simulatednodes.NewScrapes(set.TelemetrySettings, set.ID)
	if err != nil {
		return nil, err
	}
	if next, err = scrapes.Consumer(next, true); err != nil {
		return nil, fmt.Errorf("counting scrapes: %w", err)
	}
	selected, err := c.selection()
	if err != nil {
		return nil, err
	}
	r := &hostReceiver{config: c, client: &http.Client{}}
	r.Follower = simulatednodes.Follower{
		Source:    source,
		NewSource: func() (simulatednodes.Source, error) { return simulatednodes.NewSource(c.APIConfig, set.Logger) },
		Interval:  c.CollectionInterval,
		Scrapes:   scrapes,
		Logger:    set.Logger,
		New: func(node string, delay time.Duration) (component.Component, error) {
			controller := c.ControllerConfig
			controller.InitialDelay = delay
			if controller.Timeout == 0 {
				controller.Timeout = controller.CollectionInterval
			}
			scraper, err := newScraper(r.client, c.Endpoint, node, selected)
			if err != nil {
				return nil, err
			}
			own := set
			own.Logger = set.Logger.With(zap.String("node", node))
			return scraperhelper.NewMetricsController(&controller, own, next, scraperhelper.AddMetricsScraper(Type(), scraper))
		},
	}
	return r, nil
}

// Start loads the certificates and follows the nodes.
func (r *hostReceiver) Start(ctx context.Context, host component.Host) error {
	tls, err := r.config.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return fmt.Errorf("loading the certificates: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = tls
	// Scrapes are spread, so few are under way at a time; but on a busy machine
	// they pile up, and to connect anew for each would make that worse.
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 256, 256
	r.client.Transport = transport
	return r.Follower.Start(ctx, host)
}

// Shutdown ends all scrapes.
func (r *hostReceiver) Shutdown(ctx context.Context) error {
	err := r.Follower.Shutdown(ctx)
	if r.client.Transport != nil {
		r.client.CloseIdleConnections()
	}
	return err
}
