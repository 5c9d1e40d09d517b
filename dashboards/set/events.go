package set

// collectorKey tells collectors, and their instances, apart.
const collectorKey = clusterKey + ", service_name, service_instance_id"

// eventRecords is a function of the counter of events that came in through
// k8s_events, with one of the outcomes that a receiver has.
func eventRecords(function, outcome, span string) string {
	counter := "otelcol_receiver_" + outcome + "_log_records_total"
	records := over(function, counter, inCluster+`,receiver="k8s_events"`, span)
	return sum(once(records, collectorKey, "receiver", "transport"))
}

// changes is how often a metric changed its value.
func changes(metric, matchers, span string) string { return over("changes", metric, matchers, span) }

func events() page {
	m := inNamespaces
	return page{
		name: "events", title: "Kubernetes / Events",
		about: "What happens in a cluster, as metrics tell it: the flow of Kubernetes events through the collector, " +
			"and the changes that events are about. The events' text is in the place that the collector sends logs to.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("Workload health", "workload-health"), next("Collector", "collector")},
		sections:  []section{eventFigures(m), eventFlow(), eventChanges(m), eventPods(m)},
	}
}

func eventFigures(m string) section {
	unwell := "(" + inPhase(pending, m) + " + " + inPhase(failed, m) + " + " + inPhase(unknown, m) + ")"
	return figures(
		numberPanel{
			title: "Events", about: "Kubernetes events that the collector took in, in the time range.",
			unit: number, expr: eventRecords("increase", "accepted", theRange),
		},
		numberPanel{
			title: "Events per second", about: "Kubernetes events that the collector takes in.",
			unit: perSecond, expr: eventRecords("rate", "accepted", aPoint),
		},
		numberPanel{
			title: "Events refused",
			about: "Events that the collector refused for want of memory or because a processor failed, in the time range.",
			unit:  number, expr: eventRecords("increase", "refused", theRange), steps: anyIsBad(),
		},
		numberPanel{
			title: "Container restarts", about: "Restarts of containers, in the time range.", unit: number,
			expr: sum(once(changes("k8s_container_restarts", m, theRange), containerKey)), steps: steps{{1, "orange"}},
		},
		numberPanel{
			title: "Pods not well", about: "Pods that are Pending, Failed or Unknown.",
			unit: number, expr: sum(unwell), steps: steps{{1, "orange"}},
		},
		numberPanel{
			title: "Nodes not ready", about: "Nodes whose condition Ready is false or unknown.",
			unit: number, expr: sum(nodeNotReady(inCluster)), steps: anyIsBad(),
		},
	)
}

func eventFlow() section {
	sent := once(rate("otelcol_exporter_sent_log_records_total", inCluster), collectorKey, "exporter")
	return charts(
		graph{
			title: "Events through the collector", about: "Kubernetes events taken in, refused, and failed.", unit: perSecond,
			lines: []query{
				{eventRecords("rate", "accepted", aPoint), "accepted"},
				{eventRecords("rate", "refused", aPoint), "refused"},
				{eventRecords("rate", "failed", aPoint), "failed"},
			},
		},
		graph{
			title: "Events sent on", about: "Log records that the collector hands to the place where they are kept.",
			unit: perSecond, lines: []query{{sum(sent, "exporter"), "{{exporter}}"}},
		},
	)
}

func eventChanges(m string) section {
	moved := once(changes("k8s_pod_phase", m, aPoint), podKey)
	restarted := once(changes("k8s_container_restarts", m, aPoint), containerKey)
	flips := once(changes("k8s_node_condition_ready", inCluster, aPoint), nodeKey)
	return charts(
		graph{
			title: "Pods that change phase", about: "Changes of pods' phases, by namespace: started, finished, failed.",
			unit: number, lines: []query{{sum(moved, perNamespace), namespaceLegend}}, stacked: true,
		},
		graph{
			title: "Container restarts", about: "Restarts of containers, by namespace.",
			unit: number, lines: []query{{sum(restarted, perNamespace), namespaceLegend}}, stacked: true,
		},
		graph{
			title: "Nodes that change", about: "Changes of nodes' condition Ready.",
			unit: number, lines: []query{{sum(flips), "changes"}},
		},
	)
}

func eventPods(m string) section {
	keys := []key{namespaceColumn(), podColumn()}
	changed := once(changes("k8s_pod_phase", m, theRange), podKey)
	return listing(table{
		title: "Pods", about: "The phase of each pod, how often it changed in the time range, and restarts.",
		keys: keys, sortBy: "Restarts",
		columns: []column{
			{name: "Phase", expr: sum(phase(m), by(keys...)), unit: number, names: phaseNames()},
			{name: "Changes of phase", expr: sum(changed, by(keys...)), unit: number},
			{name: "Restarts", expr: sum(restarts(m), by(keys...)), unit: number, steps: steps{{1, "orange"}, {5, "red"}}},
		},
	})
}
