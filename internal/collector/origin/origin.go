// Package origin says where metrics come from: which receiver of this
// distribution sends them, and what they are called in Prometheus.
package origin

import (
	"fmt"
	"strings"

	"github.com/prometheus/otlptranslator"

	"github.com/diorama-lab/diorama/internal/collector/defaults"
)

// Origin is where a metric comes from.
type Origin struct {
	// Metric is its OpenTelemetry name.
	Metric string
	// Receiver sends it.
	Receiver string
	// Counter tells whether it only grows.
	Counter bool
	// Optional metrics are sent only if the receiver is configured to.
	Optional bool
}

// catalogue are origins by name.
type catalogue map[string]Origin

// selfMetrics is the receiver of what collectors say about themselves.
const selfMetrics = "the collectors' own metrics"

// Metrics lists the metrics that the receivers send, by their names
// in Prometheus with the translation UnderscoreEscapingWithSuffixes.
func Metrics() (map[string]Origin, error) {
	known := catalogue{}
	all, err := defaults.Metrics()
	if err != nil {
		return nil, err
	}
	for receiver, list := range all {
		receiver, _, _ = strings.Cut(receiver, "/")
		for _, m := range list {
			if err := known.add(receiver, m.Name, m.Unit, m.Type == defaults.Sum, m.Monotonic); err != nil {
				return nil, err
			}
		}
	}
	// Those of k8s_cluster that options name, not the metadata.
	for _, condition := range []string{
		"ready", "memory_pressure", "disk_pressure", "pid_pressure", "network_unavailable",
	} {
		known["k8s_node_condition_"+condition] = Origin{
			Metric: "k8s.node.condition_" + condition, Receiver: defaults.Cluster,
		}
	}
	for name, metric := range map[string]string{
		"k8s_node_allocatable_cpu":                     "k8s.node.allocatable_cpu",
		"k8s_node_allocatable_memory_bytes":            "k8s.node.allocatable_memory",
		"k8s_node_allocatable_pods":                    "k8s.node.allocatable_pods",
		"k8s_node_allocatable_ephemeral_storage_bytes": "k8s.node.allocatable_ephemeral_storage",
	} {
		known[name] = Origin{Metric: metric, Receiver: defaults.Cluster}
	}
	known["k8s_container_status_reason"] = Origin{
		Metric: "k8s.container.status.reason", Receiver: defaults.Cluster, Optional: true,
	}
	for name, counter := range ownMetrics() {
		known[name] = Origin{Metric: strings.TrimSuffix(name, "_total"), Receiver: selfMetrics, Counter: counter}
	}
	return known, nil
}

func (known catalogue) add(receiver, name, unit string, sum, monotonic bool) error {
	var kind otlptranslator.MetricType = otlptranslator.MetricTypeGauge
	switch {
	case monotonic:
		kind = otlptranslator.MetricTypeMonotonicCounter
	case sum:
		kind = otlptranslator.MetricTypeNonMonotonicCounter
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	translated, err := namer.Build(otlptranslator.Metric{Name: name, Unit: unit, Type: kind})
	if err != nil {
		return fmt.Errorf("translating the metric %s: %w", name, err)
	}
	known[translated] = Origin{Metric: name, Receiver: receiver, Counter: monotonic}
	return nil
}

// ownMetrics are those that collectors send about themselves, and whether they
// are counters.
func ownMetrics() map[string]bool {
	return map[string]bool{
		"otelcol_process_cpu_seconds_total":                true,
		"otelcol_process_memory_rss_bytes":                 false,
		"otelcol_process_runtime_heap_alloc_bytes":         false,
		"otelcol_process_uptime_seconds_total":             true,
		"otelcol_receiver_accepted_metric_points_total":    true,
		"otelcol_receiver_refused_metric_points_total":     true,
		"otelcol_receiver_failed_metric_points_total":      true,
		"otelcol_receiver_accepted_log_records_total":      true,
		"otelcol_receiver_refused_log_records_total":       true,
		"otelcol_receiver_failed_log_records_total":        true,
		"otelcol_scraper_scraped_metric_points_total":      true,
		"otelcol_scraper_errored_metric_points_total":      true,
		"otelcol_processor_accepted_metric_points_total":   true,
		"otelcol_processor_refused_metric_points_total":    true,
		"otelcol_processor_incoming_items_total":           true,
		"otelcol_processor_outgoing_items_total":           true,
		"otelcol_processor_batch_batch_send_size_sum":      true,
		"otelcol_processor_batch_batch_send_size_count":    true,
		"otelcol_exporter_sent_metric_points_total":        true,
		"otelcol_exporter_sent_log_records_total":          true,
		"otelcol_exporter_send_failed_metric_points_total": true,
		"otelcol_exporter_send_failed_log_records_total":   true,
		"otelcol_exporter_queue_size":                      false,
		"otelcol_exporter_queue_capacity":                  false,
		"otelcol_otelsvc_k8s_pod_table_size_ratio":         false,
		"otelcol_k8s_watcher_pod_cache_size_ratio":         false,
		"otelcol_k8s_pod_association_total":                true,
		"otelcol_node_scrapes_total":                       true,
		"otelcol_nodes_followed":                           false,
	}
}
