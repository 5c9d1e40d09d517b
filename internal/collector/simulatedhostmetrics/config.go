// Package simulatedhostmetrics is the receiver simulated_hostmetrics: what the
// hostmetrics receiver would say on each simulated node, which has no host to
// look at. The simulated kubelet answers it, at /nodes/NODE/hostmetrics.
package simulatedhostmetrics

import (
	"fmt"
	"net/url"

	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
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
}

// Validate refuses an endpoint that cannot be one.
func (c *Config) Validate() error {
	endpoint, err := url.Parse(c.Endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("endpoint: %w", err)
	case endpoint.Scheme != "https" && endpoint.Scheme != "http", endpoint.Host == "":
		return fmt.Errorf("endpoint %q: give the URL of the simulated kubelets, such as https://127.0.0.1:10250", c.Endpoint)
	}
	return nil
}
