package set

func environment() page {
	m := inCluster
	return page{
		name: "environment", title: "diorama / Environment",
		about: "diorama itself: the size of the simulated cluster, whether every node is scraped, " +
			"and what the lab's collectors cost.",
		variables: []variable{datasourceVariable(), clusterVariable()},
		links:     []top{next("Collector", "collector"), next("Cluster", "cluster")},
		sections: []section{
			environmentFigures(m), environmentScrapes(m), environmentLoad(m),
			heading("Collectors"), collectorProcesses(m),
		},
	}
}

// nodesFollowed is how many nodes each receiver of simulated nodes follows.
func nodesFollowed(m string) string { return own("otelcol_nodes_followed", m, "receiver") }

func environmentFigures(m string) section {
	const scrapes = "otelcol_node_scrapes_total"
	failures := over("increase", scrapes, m+`,outcome="failure"`, theRange)
	sent := ownRate("otelcol_exporter_sent_metric_points_total", m+`,exporter=~"otlp.*"`, "exporter")
	return figures(
		numberPanel{title: "Nodes", about: "Nodes of the cluster.", unit: number, expr: count(nodeReady(m))},
		numberPanel{
			title: "Nodes followed", about: "Nodes that every receiver of simulated nodes follows.",
			unit: number, expr: "min(" + nodesFollowed(m) + ")",
		},
		numberPanel{title: "Pods", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
		numberPanel{
			title: "Scrapes", about: "Scrapes of simulated nodes that succeed.",
			unit: perSecond, expr: sum(ownRate(scrapes, m+`,outcome="success"`, "receiver")),
		},
		numberPanel{
			title: "Failed scrapes", about: "Scrapes of simulated nodes that failed, in the time range.",
			unit: number, expr: sum(once(failures, collectorKey, "receiver")), steps: anyIsBad(),
		},
		numberPanel{title: "Samples", about: "Metric points that reach the backend.", unit: perSecond, expr: sum(sent)},
	)
}

func environmentScrapes(m string) section {
	const byOutcome = "receiver, outcome"
	scrapes := sum(ownRate("otelcol_node_scrapes_total", m, "receiver", "outcome"), byOutcome)
	return charts(
		graph{
			title: "Size", about: "Nodes and running pods.", unit: number,
			lines: []query{{count(nodeReady(m)), "nodes"}, {sum(inPhase(running, m)), "pods"}},
		},
		graph{
			title: "Scrapes of simulated nodes", about: "By receiver and outcome.",
			unit: perSecond, lines: []query{{scrapes, "{{receiver}} {{outcome}}"}},
		},
		graph{
			title: "Nodes followed", about: "By receiver.",
			unit: number, lines: []query{{nodesFollowed(m), "{{receiver}}"}},
		},
	)
}

func environmentLoad(m string) section {
	sent := sum(ownRate("otelcol_exporter_sent_metric_points_total", m, "exporter"), perExporter)
	return charts(
		graph{
			title: "Metric points sent", about: "By collector and exporter.",
			unit: perSecond, lines: []query{{sent, exporterLegend}}, stacked: true,
		},
		graph{
			title: "Simulated CPU", about: "Cores that the simulated nodes claim to use.",
			unit: cores, lines: []query{{sum(nodeCPU(m)), "cores"}},
		},
		graph{
			title: "Simulated memory", about: "Working set that the simulated nodes claim to have.",
			unit: bytes, lines: []query{{sum(nodeMemory(m)), "working set"}},
		},
	)
}
