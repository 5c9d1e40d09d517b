package set

// collectorKey tells collectors, and their parts, apart.
const collectorKey = clusterKey + ", service_name, service_instance_id"

func events() page {
	m := inNamespaces
	records := func(metric string) string {
		return sum(once(rate(metric, inCluster+`,receiver="k8s_events"`), collectorKey, "receiver", "transport"))
	}
	born := once("changes("+gauge("k8s_container_restarts", m)+"[$__rate_interval])", containerKey)
	moved := "changes(" + gauge("k8s_pod_phase", m) + "[$__rate_interval])"
	flips := "changes(" + gauge("k8s_node_condition_ready", inCluster) + "[$__rate_interval])"
	return page{
		name: "events", title: "Kubernetes / Events",
		about:     "What happens in a cluster, as metrics tell it: the flow of Kubernetes events through the collector, and the changes that events are about. The events' text is in the place that the collector sends logs to.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("Workload health", "workload-health"), next("Collector", "collector")},
		sections: []section{
			figures(
				numberPanel{title: "Events", about: "Kubernetes events that the collector took in, in the time range.", unit: number, expr: sum(once("increase("+gauge("otelcol_receiver_accepted_log_records_total", inCluster+`,receiver="k8s_events"`)+"[$__range])", collectorKey, "receiver", "transport"))},
				numberPanel{title: "Events per second", about: "Kubernetes events that the collector takes in.", unit: perSecond, expr: records("otelcol_receiver_accepted_log_records_total")},
				numberPanel{title: "Events refused", about: "Events that the collector refused for want of memory or because a processor failed, in the time range.", unit: number, expr: sum(once("increase("+gauge("otelcol_receiver_refused_log_records_total", inCluster+`,receiver="k8s_events"`)+"[$__range])", collectorKey, "receiver", "transport")), steps: anyIsBad()},
				numberPanel{title: "Container restarts", about: "Restarts of containers, in the time range.", unit: number, expr: sum(once("changes("+gauge("k8s_container_restarts", m)+"[$__range])", containerKey)), steps: steps{{1, "orange"}}},
				numberPanel{title: "Pods not well", about: "Pods that are Pending, Failed or Unknown.", unit: number, expr: sum("(" + inPhase(pending, m) + " + " + inPhase(failed, m) + " + " + inPhase(unknown, m) + ")"), steps: steps{{1, "orange"}}},
				numberPanel{title: "Nodes not ready", about: "Nodes whose condition Ready is false or unknown.", unit: number, expr: sum("(" + nodeGauge("k8s_node_condition_ready", inCluster) + " != bool 1)"), steps: anyIsBad()},
			),
			charts(
				graph{title: "Events through the collector", about: "Kubernetes events taken in, refused, and failed.", unit: perSecond, lines: []query{
					{records("otelcol_receiver_accepted_log_records_total"), "accepted"}, {records("otelcol_receiver_refused_log_records_total"), "refused"}, {records("otelcol_receiver_failed_log_records_total"), "failed"},
				}},
				graph{title: "Events sent on", about: "Log records that the collector hands to the place where they are kept.", unit: perSecond, lines: []query{{sum(once(rate("otelcol_exporter_sent_log_records_total", inCluster), collectorKey, "exporter"), "exporter"), "{{exporter}}"}}},
			),
			charts(
				graph{title: "Pods that change phase", about: "Changes of pods' phases, by namespace: started, finished, failed.", unit: number, lines: []query{{sum(once(moved, podKey), "k8s_namespace_name"), "{{k8s_namespace_name}}"}}, stacked: true},
				graph{title: "Container restarts", about: "Restarts of containers, by namespace.", unit: number, lines: []query{{sum(born, "k8s_namespace_name"), "{{k8s_namespace_name}}"}}, stacked: true},
				graph{title: "Nodes that change", about: "Changes of nodes' condition Ready.", unit: number, lines: []query{{sum(once(flips, nodeKey)), "changes"}}},
			),
			listing(table{
				title: "Pods", about: "The phase of each pod, how often it changed in the time range, and restarts.", sortBy: "Restarts",
				keys: []key{namespaceColumn(), podColumn()},
				columns: []column{
					{name: "Phase", expr: sum(phase(m), by(namespaceColumn(), podColumn())), unit: number, names: phaseNames()},
					{name: "Changes of phase", expr: sum(once("changes("+gauge("k8s_pod_phase", m)+"[$__range])", podKey), by(namespaceColumn(), podColumn())), unit: number},
					{name: "Restarts", expr: sum(restarts(m), by(namespaceColumn(), podColumn())), unit: number, steps: steps{{1, "orange"}, {5, "red"}}},
				},
			}),
		},
	}
}
