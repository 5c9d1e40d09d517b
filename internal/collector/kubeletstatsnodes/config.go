// Package kubeletstatsnodes is the receiver kubeletstats_nodes: it runs one
// contrib kubeletstats receiver for each simulated node, as a DaemonSet of
// collectors does on real nodes.
package kubeletstatsnodes

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kubeletstatsreceiver"
	"go.opentelemetry.io/collector/confmap"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
)

// Config is the receiver's configuration.
type Config struct {
	simulatednodes.APIConfig `mapstructure:",squash"`
	// Endpoint is the URL under which the kubelet API of each node is, at
	// /nodes/NODE.
	Endpoint string `mapstructure:"endpoint"`
	// Kubeletstats is the configuration of every node's receiver, all but the
	// endpoint.
	Kubeletstats *kubeletstatsreceiver.Config `mapstructure:"kubeletstats"`
}

const kubeletstatsKey = "kubeletstats"

// Unmarshal gives the nested configuration its defaults even if it is absent:
// kubeletstats sets some only when it unmarshals.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	if conf.Get(kubeletstatsKey) == nil {
		c.Kubeletstats = defaultKubeletstats()
		if err := c.Kubeletstats.Unmarshal(confmap.New()); err != nil {
			return err
		}
	}
	if c.Kubeletstats.NodeName != "" {
		return errors.New("kubeletstats::node: each node's name is filled in; leave it out")
	}
	// Some metrics are valid only with a name.
	c.Kubeletstats.NodeName = "each"
	return nil
}

// Validate checks what the nested configuration's own Validate cannot know.
func (c *Config) Validate() error {
	endpoint, err := url.Parse(c.Endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("endpoint: %w", err)
	case endpoint.Scheme != "https" && endpoint.Scheme != "http", endpoint.Host == "":
		return fmt.Errorf("endpoint %q: give the URL of the simulated kubelets, such as https://127.0.0.1:10250", c.Endpoint)
	case c.Kubeletstats == nil:
		return errors.New("kubeletstats is empty: leave it out to have its defaults")
	case c.Kubeletstats.Endpoint != "":
		return errors.New("kubeletstats::endpoint: the endpoint of each node is made from the endpoint of " +
			"kubeletstats_nodes; give that only")
	}
	return nil
}

// forNode returns the configuration of one node's receiver.
func (c *Config) forNode(node string) (*kubeletstatsreceiver.Config, error) {
	endpoint, err := url.JoinPath(c.Endpoint, "nodes", url.PathEscape(node))
	if err != nil {
		return nil, fmt.Errorf("joining the endpoint: %w", err)
	}
	own := *c.Kubeletstats
	own.Endpoint = endpoint
	own.NodeName = node
	return &own, nil
}

// alwaysData says whether every successful scrape has data. Only the group
// node has something on a node without pods.
func (c *Config) alwaysData() bool {
	for _, group := range c.Kubeletstats.MetricGroupsToCollect {
		if group == "node" {
			return true
		}
	}
	return false
}
