package collector

import "github.com/diorama-lab/diorama/internal/collector/defaults"

// DefaultMetrics are the default-enabled metrics of the receivers, by
// receiver; see package defaults.
func DefaultMetrics() (map[string][]defaults.Metric, error) { return defaults.Metrics() }
