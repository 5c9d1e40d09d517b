package set

func cluster() page {
	m := inCluster
	return page{
		name: "cluster", title: "Kubernetes / Cluster",
		about:     "One cluster: how full it is, which namespaces use it, and the state of its pods and nodes.",
		variables: []variable{datasourceVariable(), clusterVariable()},
		links: []top{
			next("Workload health", "workload-health"), next("Networking", "networking-cluster"),
			next("Persistent volumes", "persistent-volumes"), next("Events", "events"),
		},
		sections: []section{
			clusterFigures(m), clusterUsage(m), clusterStates(m),
			cpuTable(m, namespaceColumn()), memoryTable(m, namespaceColumn()), trafficTable(m, namespaceColumn()),
			listing(table{
				title: "Nodes", about: "Each node with its pods and how full it is.",
				keys: []key{nodeColumn()}, sortBy: "CPU of node", columns: nodeColumns(m),
			}),
		},
	}
}

func clusterFigures(m string) section {
	cpuRoom, memoryRoom := sum(nodeGauge(allocatableCPU, m)), sum(nodeGauge(allocatableMemory, m))
	return figures(
		numberPanel{
			title: "CPU in use", about: "CPU that nodes use, of what pods may use.",
			unit: percent, expr: ratio(sum(nodeCPU(m)), cpuRoom), steps: filling(),
		},
		numberPanel{
			title: "CPU requested", about: "CPU requests of containers, of what the nodes can give.",
			unit: percent, expr: ratio(sum(reserved(cpuRequest, m)), cpuRoom), steps: filling(),
		},
		numberPanel{
			title: "CPU limits",
			about: "CPU limits of containers, of what the nodes can give. " +
				"Above 100 %, not all containers can have what they may use.",
			unit: percent, expr: ratio(sum(reserved(cpuLimit, m)), cpuRoom), steps: committing(),
		},
		numberPanel{
			title: "Memory in use", about: "Working set of the nodes, of what pods may use.",
			unit: percent, expr: ratio(sum(nodeMemory(m)), memoryRoom), steps: filling(),
		},
		numberPanel{
			title: "Memory requested", about: "Memory requests of containers, of what the nodes can give.",
			unit: percent, expr: ratio(sum(reserved(memoryRequest, m)), memoryRoom), steps: filling(),
		},
		numberPanel{
			title: "Memory limits",
			about: "Memory limits of containers, of what the nodes can give. " +
				"Above 100 %, containers may be killed for want of memory.",
			unit: percent, expr: ratio(sum(reserved(memoryLimit, m)), memoryRoom), steps: committing(),
		},
	)
}

func clusterUsage(m string) section {
	pods := toNamespacePods()
	return charts(
		graph{
			title: "CPU used by namespace", about: "Cores that the pods of each namespace use.", unit: cores,
			lines: []query{{sum(podCPU(m), perNamespace), namespaceLegend}}, stacked: true, link: &pods,
		},
		graph{
			title: "Memory used by namespace", about: "Working set of the pods of each namespace.", unit: bytes,
			lines: []query{{sum(podMemory(m), perNamespace), namespaceLegend}}, stacked: true, link: &pods,
		},
	)
}

func clusterStates(m string) section {
	return charts(
		graph{
			title: "Pods by phase", about: "How many pods are in each phase of their lives.",
			unit: number, lines: phaseLines(m), stacked: true,
		},
		graph{
			title: "Nodes", about: "Nodes that are ready and nodes that are not.", unit: number, stacked: true,
			lines: []query{{sum("(" + nodeReady(m) + " == bool 1)"), "ready"}, {sum(nodeNotReady(m)), "not ready"}},
		},
	)
}

func phaseLines(m string) []query {
	return []query{
		{sum(inPhase(running, m)), "Running"},
		{sum(inPhase(pending, m)), "Pending"},
		{sum(inPhase(succeeded, m)), "Succeeded"},
		{sum(inPhase(failed, m)), "Failed"},
		{sum(inPhase(unknown, m)), "Unknown"},
	}
}

func nodeColumns(m string) []column {
	cpu, cpuRoom := sum(nodeCPU(m), perNode), sum(nodeGauge(allocatableCPU, m), perNode)
	memory, memoryRoom := sum(nodeMemory(m), perNode), sum(nodeGauge(allocatableMemory, m), perNode)
	requests := func(metric string) string { return sum(reserved(metric, m, perNode), perNode) }
	return []column{
		{name: "Ready", expr: sum(nodeReady(m), perNode), unit: number, names: conditionNames()},
		{name: "Pods", expr: sum(inPhase(running, m, perNode), perNode), unit: number},
		{name: "CPU used", expr: cpu, unit: cores},
		{name: "CPU of node", expr: ratio(cpu, cpuRoom), unit: percent, steps: filling()},
		{name: "CPU requested", expr: ratio(requests(cpuRequest), cpuRoom), unit: percent, steps: filling()},
		{name: "Memory used", expr: memory, unit: bytes},
		{name: "Memory of node", expr: ratio(memory, memoryRoom), unit: percent, steps: filling()},
		{name: "Memory requested", expr: ratio(requests(memoryRequest), memoryRoom), unit: percent, steps: filling()},
	}
}

// conditionNames are the values of a node's condition Ready.
func conditionNames() []named {
	return []named{{"1", "ready", "green"}, {"0", "not ready", "red"}, {"-1", "unknown", "orange"}}
}
