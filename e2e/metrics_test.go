//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"

	"github.com/diorama-lab/diorama/internal/collector/defaults"
)

// hostScrapers are the scrapers of hostmetrics that simulated nodes have.
var hostScrapers = []string{"cpu", "load", "memory", "disk", "filesystem", "network"}

// optional are the default metrics that a kubelet or an object only has where
// something is set: they have to be there for some object, not for each.
func optional(m defaults.Metric) bool {
	return strings.HasSuffix(m.Name, ".memory.available") ||
		strings.Contains(m.Name, "limit") || strings.Contains(m.Name, "request")
}

// impossible are the default metrics of things that no cluster of today has:
// nothing makes replication controllers any more, and the API refuses the
// resource "storage" in a container (only k8s_cluster still names it).
func impossible(m defaults.Metric) bool {
	return m.Resource == "replicationcontroller" || strings.HasPrefix(m.Name, "k8s.container.storage_")
}

// checkMetrics looks for every default metric of every receiver, as the
// receivers' own metadata lists them, on every node and every long-running pod.
func checkMetrics(t *testing.T, l *lab, base string) {
	l.t = t
	all, err := defaults.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	wanted := slices.Concat(all[defaults.Kubeletstats], all[defaults.Cluster])
	for _, scraper := range hostScrapers {
		found := all[defaults.Hostmetrics+"/"+scraper]
		if len(found) == 0 {
			t.Errorf("no metrics are listed for the scraper %s", scraper)
		}
		wanted = append(wanted, found...)
	}
	if len(wanted) < 80 {
		t.Fatalf("only %d metrics are listed", len(wanted))
	}
	nodes, pods := expected(l)
	for _, metric := range wanted {
		if impossible(metric) {
			continue
		}
		name := prometheusName(t, metric)
		eventually(t, metric.Name, func() error { return present(base, metric, name, nodes, pods) })
	}
}

// expected lists the nodes, and the long-running pods as namespace/name.
func expected(l *lab) (nodes, pods []string) {
	var found objects
	l.kubectlInto(&found, "get", "nodes")
	for _, node := range found.Items {
		nodes = append(nodes, node.Metadata.Name)
	}
	found = objects{}
	l.kubectlInto(&found, "get", "pods", "-A", "--field-selector", "status.phase=Running")
	for _, pod := range found.Items {
		if ownerKind(pod) != "Job" {
			pods = append(pods, pod.Metadata.Namespace+"/"+pod.Metadata.Name)
		}
	}
	return nodes, pods
}

// prometheusName translates a name as the store is configured to.
func prometheusName(t *testing.T, m defaults.Metric) string {
	t.Helper()
	var kind otlptranslator.MetricType = otlptranslator.MetricTypeGauge
	switch {
	case m.Type == defaults.Sum && m.Monotonic:
		kind = otlptranslator.MetricTypeMonotonicCounter
	case m.Type == defaults.Sum:
		kind = otlptranslator.MetricTypeNonMonotonicCounter
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	name, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: kind})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func present(base string, m defaults.Metric, name string, nodes, pods []string) error {
	switch {
	case optional(m):
		return covers(base, name, "__name__", []string{name})
	case m.Resource == "node" || m.Resource == "host":
		return covers(base, name, "k8s_node_name", nodes)
	case m.Resource == "pod" || m.Resource == "container":
		return covers(base, `label_join(`+name+`, "pod", "/", "k8s_namespace_name", "k8s_pod_name")`, "pod", pods)
	default:
		return covers(base, name, "__name__", []string{name})
	}
}

// covers tells whether an expression has a series for each wanted value of a label.
func covers(base, expression, label string, wanted []string) error {
	samples, err := promQL(base, fmt.Sprintf("group by (%s) (%s)", label, expression))
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, s := range samples {
		have[s.Metric[label]] = true
	}
	for _, value := range wanted {
		if !have[value] {
			return fmt.Errorf("%s has nothing for %s %s (%d of %d)", expression, label, value, len(have), len(wanted))
		}
	}
	return nil
}
