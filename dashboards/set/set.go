// Package set writes diorama's dashboards: Kubernetes as the OpenTelemetry
// Collector's receivers see it, with Prometheus as the data source. The metrics
// have the names that UnderscoreEscapingWithSuffixes gives them.
package set

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/diorama-lab/diorama/internal/collector/origin"
)

// pages are the dashboards, from the large to the small.
func pages() []page {
	return []page{
		clusters(), cluster(), namespacePods(), namespaceWorkloads(), workload(), node(), nodePods(), pod(),
		persistentVolumes(), networkingCluster(), networkingNamespace(), networkingPod(), workloadHealth(),
		events(), collector(), environment(),
	}
}

// Dashboards builds the set.
func Dashboards() ([]dashboard.Dashboard, error) {
	known, err := origin.Metrics()
	if err != nil {
		return nil, err
	}
	var all []dashboard.Dashboard
	for _, p := range pages() {
		d, err := p.build(known)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// Files returns the dashboards as JSON, by file name.
func Files() (map[string][]byte, error) {
	all, err := Dashboards()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i, p := range pages() {
		content, err := json.MarshalIndent(all[i], "", "  ")
		if err != nil {
			return nil, fmt.Errorf("writing dashboard %s: %w", p.name, err)
		}
		files[p.name+".json"] = append(content, '\n')
	}
	return files, nil
}
