// Package simulatedhostmetrics is the receiver simulated_hostmetrics: what the
// hostmetrics receiver would say on each simulated node, which has no host to
// look at. The simulated kubelet answers it, at /nodes/NODE/hostmetrics.
//
// Scrapers and their metrics are configured as that receiver's are; what has no
// meaning without a host, such as filters of devices, is refused.
package simulatedhostmetrics

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
	"github.com/diorama-lab/diorama/internal/hostmetrics"
)

// Config is the receiver's configuration.
type Config struct {
	scraperhelper.ControllerConfig `mapstructure:",squash"`
	simulatednodes.APIConfig       `mapstructure:",squash"`
	// Endpoint is the URL under which the metrics of each node are, at
	// /nodes/NODE/hostmetrics.
	Endpoint string `mapstructure:"endpoint"`
	// TLS has the CA of the endpoint and the client certificate.
	TLS configtls.ClientConfig `mapstructure:"tls"`
	// Scrapers are the scrapers of the hostmetrics receiver, with the metrics
	// that are to be sent or not, on top of its defaults. Without any there are
	// those of hostmetrics.DefaultScrapers.
	Scrapers map[string]ScraperConfig `mapstructure:"scrapers"`
}

// ScraperConfig is the part of a scraper's configuration that a simulated host
// has a use for, in the form that the hostmetrics receiver reads.
type ScraperConfig struct {
	Metrics map[string]MetricConfig `mapstructure:"metrics"`
}

// MetricConfig turns a metric on or off.
type MetricConfig struct {
	Enabled *bool `mapstructure:"enabled"`
}

// selection is what the configuration asks for; nil if it names no scraper.
func (c *Config) selection() (hostmetrics.Selection, error) {
	if len(c.Scrapers) == 0 {
		return nil, nil
	}
	known := hostmetrics.Scrapers()
	selected := hostmetrics.Selection{}
	for scraper, config := range c.Scrapers {
		metrics, found := known[scraper]
		if !found {
			return nil, fmt.Errorf("scrapers: simulated nodes have no %q; they have %s", scraper, list(known))
		}
		maps.Copy(selected, metrics)
		for name, metric := range config.Metrics {
			if _, found := metrics[name]; !found {
				return nil, fmt.Errorf("scrapers: %s has no metric %q; it has %s", scraper, name, list(metrics))
			}
			if metric.Enabled != nil {
				selected[name] = *metric.Enabled
			}
		}
	}
	if selected.String() == "" {
		return nil, errors.New("scrapers: no metric is enabled")
	}
	return selected, nil
}

func list[V any](named map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(named)), ", ")
}

// Validate refuses an endpoint that cannot be one, and metrics that there are not.
func (c *Config) Validate() error {
	if _, err := c.selection(); err != nil {
		return err
	}
	endpoint, err := url.Parse(c.Endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("endpoint: %w", err)
	case endpoint.Scheme != "https" && endpoint.Scheme != "http", endpoint.Host == "":
		return fmt.Errorf("endpoint %q: give the URL of the simulated kubelets, such as https://127.0.0.1:10250", c.Endpoint)
	}
	return nil
}
