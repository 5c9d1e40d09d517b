package set

func environment() page {
	m := inCluster
	scrapes := func(outcome string) string {
		return ownRate("otelcol_node_scrapes_total", m+`,outcome="`+outcome+`"`, "receiver")
	}
	followed := own("otelcol_nodes_followed", m, "receiver")
	return page{
		name: "environment", title: "diorama / Environment",
		about:     "diorama itself: the size of the simulated cluster, whether every node is scraped, and what the lab's collectors cost.",
		variables: []variable{datasourceVariable(), clusterVariable()},
		links:     []top{next("Collector", "collector"), next("Cluster", "cluster")},
		sections: []section{
			figures(
				numberPanel{title: "Nodes", about: "Nodes of the cluster.", unit: number, expr: count(nodeGauge("k8s_node_condition_ready", m))},
				numberPanel{title: "Nodes followed", about: "Nodes that every receiver of simulated nodes follows.", unit: number, expr: "min(" + followed + ")"},
				numberPanel{title: "Pods", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
				numberPanel{title: "Scrapes", about: "Scrapes of simulated nodes that succeed.", unit: perSecond, expr: sum(scrapes("success"))},
				numberPanel{title: "Failed scrapes", about: "Scrapes of simulated nodes that failed, in the time range.", unit: number, expr: sum(once("increase("+gauge("otelcol_node_scrapes_total", m+`,outcome="failure"`)+"[$__range])", collectorKey, "receiver")), steps: anyIsBad()},
				numberPanel{title: "Samples", about: "Metric points that reach the backend.", unit: perSecond, expr: sum(ownRate("otelcol_exporter_sent_metric_points_total", m+`,exporter=~"otlp.*"`, "exporter"))},
			),
			charts(
				graph{title: "Size", about: "Nodes and running pods.", unit: number, lines: []query{{count(nodeGauge("k8s_node_condition_ready", m)), "nodes"}, {sum(inPhase(running, m)), "pods"}}},
				graph{title: "Scrapes of simulated nodes", about: "By receiver and outcome.", unit: perSecond, lines: []query{{sum(ownRate("otelcol_node_scrapes_total", m, "receiver", "outcome"), "receiver, outcome"), "{{receiver}} {{outcome}}"}}},
				graph{title: "Nodes followed", about: "By receiver.", unit: number, lines: []query{{followed, "{{receiver}}"}}},
			),
			charts(
				graph{title: "Metric points sent", about: "By collector and exporter.", unit: perSecond, lines: []query{{sum(ownRate("otelcol_exporter_sent_metric_points_total", m, "exporter"), "service_name, exporter"), "{{service_name}} {{exporter}}"}}, stacked: true},
				graph{title: "Simulated CPU", about: "Cores that the simulated nodes claim to use.", unit: cores, lines: []query{{sum(nodeCPU(m)), "cores"}}},
				graph{title: "Simulated memory", about: "Working set that the simulated nodes claim to have.", unit: bytes, lines: []query{{sum(nodeMemory(m)), "working set"}}},
			),
			heading("Collectors"), collectorProcesses(m),
		},
	}
}
