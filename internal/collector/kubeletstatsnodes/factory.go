package kubeletstatsnodes

import (
	"context"
	"fmt"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kubeletstatsreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
)

// Type returns the receiver's name in configurations.
func Type() component.Type { return component.MustNewType("kubeletstats_nodes") }

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
	return &Config{
		APIConfig:    simulatednodes.APIConfig{AuthType: simulatednodes.AuthServiceAccount},
		Kubeletstats: defaultKubeletstats(),
	}
}

func defaultKubeletstats() *kubeletstatsreceiver.Config {
	return kubeletstatsreceiver.NewFactory().CreateDefaultConfig().(*kubeletstatsreceiver.Config)
}

func newReceiver(
	set receiver.Settings, c *Config, next consumer.Metrics, source simulatednodes.Source,
) (receiver.Metrics, error) {
	scrapes, err := simulatednodes.NewScrapes(set.TelemetrySettings, set.ID)
	if err != nil {
		return nil, err
	}
	if next, err = scrapes.Consumer(next, c.alwaysData()); err != nil {
		return nil, fmt.Errorf("counting scrapes: %w", err)
	}
	factory := kubeletstatsreceiver.NewFactory()
	// All nodes' receivers have one ID. It is a label of the self metrics: so
	// they add up, where an ID per node would make a dozen series per node.
	id := component.NewIDWithName(factory.Type(), set.ID.Name())
	return &simulatednodes.Follower{
		Source:    source,
		NewSource: func() (simulatednodes.Source, error) { return simulatednodes.NewSource(c.APIConfig, set.Logger) },
		Interval:  c.Kubeletstats.CollectionInterval,
		Scrapes:   scrapes,
		Logger:    set.Logger,
		New: func(node string, delay time.Duration) (component.Component, error) {
			config, err := c.forNode(node)
			if err != nil {
				return nil, err
			}
			config.InitialDelay = delay
			own := set
			own.ID = id
			own.Logger = set.Logger.With(zap.String("node", node))
			return factory.CreateMetrics(context.Background(), own, config, next)
		},
	}, nil
}
