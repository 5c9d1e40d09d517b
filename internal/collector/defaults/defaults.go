// Package defaults lists the metrics that the receivers of this distribution
// send unless configured otherwise, as their own metadata declares them.
package defaults

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:generate go run ./generate
//go:embed metrics.json
var metricsJSON []byte

// The receivers; for hostmetrics the keys are hostmetrics/SCRAPER.
const (
	Kubeletstats = "kubeletstats"
	Cluster      = "k8s_cluster"
	Hostmetrics  = "hostmetrics"
)

// The types of metrics.
const (
	Gauge = "gauge"
	Sum   = "sum"
)

// Metric is one metric as a receiver declares it.
type Metric struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Type is gauge or sum; all sums are cumulative.
	Type      string `json:"type"`
	Monotonic bool   `json:"monotonic,omitempty"`
	// Resource is what the metric is about: node, pod, container, volume,
	// deployment, …, host. It is there only if such things are.
	Resource string `json:"resource"`
	// Attributes are those of its data points.
	Attributes []string `json:"attributes,omitempty"`
}

// Metrics returns the default-enabled metrics by receiver. Those of k8s_cluster
// lack the ones that options name: k8s.node.condition_* and
// k8s.node.allocatable_*.
func Metrics() (map[string][]Metric, error) {
	var metrics map[string][]Metric
	if err := json.Unmarshal(metricsJSON, &metrics); err != nil {
		return nil, fmt.Errorf("reading the list of default metrics: %w", err)
	}
	return metrics, nil
}
