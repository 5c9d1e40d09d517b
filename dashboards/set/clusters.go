package set

// recorded prefers a recording rule's series; where the rules are not loaded,
// it computes the same. A cluster stays one series where the one follows the
// other within a range: the name of the rule is left out.
func recorded(rule, expr string) string {
	return once(gauge(rule, inClusters)+" or "+expr, clusterKey)
}

func clusters() page {
	return page{
		name: "clusters", title: "Kubernetes / Clusters",
		about: "All clusters side by side: how large they are, how full, and what is not well. " +
			"A row of the table leads to the cluster.",
		variables: []variable{datasourceVariable(), several(clusterVariable())},
		sections: []section{
			clustersFigures(inClusters), clustersUsage(inClusters), clustersRequests(inClusters),
			listing(table{
				title: "Clusters", about: "Each cluster with its size and how full it is.",
				keys: []key{clusterColumn()}, sortBy: "Nodes", columns: clusterColumns(inClusters),
			}),
		},
	}
}

func clustersFigures(m string) section {
	return figures(
		numberPanel{
			title: "Clusters", about: "Clusters that report namespaces.",
			unit: number, expr: count(once(gauge("k8s_namespace_phase", m), clusterKey)),
		},
		numberPanel{title: "Nodes", about: "Nodes of all clusters.", unit: number, expr: count(nodeReady(m))},
		numberPanel{
			title: "Nodes not ready", about: "Nodes whose condition Ready is false or unknown.",
			unit: number, expr: sum(nodeNotReady(m)), steps: anyIsBad(),
		},
		numberPanel{title: "Pods running", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
		numberPanel{
			title: "CPU in use", about: "CPU that nodes use, of what pods may use on them.",
			unit: percent, expr: ratio(sum(nodeCPU(m)), sum(nodeGauge(allocatableCPU, m))), steps: filling(),
		},
		numberPanel{
			title: "Memory in use", about: "Working set of the nodes, of what pods may use on them.",
			unit: percent, expr: ratio(sum(nodeMemory(m)), sum(nodeGauge(allocatableMemory, m))), steps: filling(),
		},
	)
}

func clustersUsage(m string) section {
	cpu := recorded("cluster:k8s_node_cpu_time_seconds:rate2m", sum(nodeCPU(m), clusterKey))
	memory := recorded("cluster:k8s_node_memory_working_set_bytes:sum", sum(nodeMemory(m), clusterKey))
	return charts(
		graph{
			title: "CPU used by cluster", about: "Cores that the nodes of each cluster use.",
			unit: cores, lines: []query{{cpu, clusterLegend}}, stacked: true,
		},
		graph{
			title: "Memory used by cluster", about: "Working set of the nodes of each cluster.",
			unit: bytes, lines: []query{{memory, clusterLegend}}, stacked: true,
		},
	)
}

func clustersRequests(m string) section {
	cpu := ratio(
		recorded("cluster:k8s_container_cpu_request:sum", sum(reserved(cpuRequest, m), clusterKey)),
		recorded("cluster:k8s_node_allocatable_cpu:sum", sum(nodeGauge(allocatableCPU, m), clusterKey)),
	)
	memory := ratio(
		recorded("cluster:k8s_container_memory_request_bytes:sum", sum(reserved(memoryRequest, m), clusterKey)),
		recorded("cluster:k8s_node_allocatable_memory_bytes:sum", sum(nodeGauge(allocatableMemory, m), clusterKey)),
	)
	return charts(
		graph{
			title: "CPU requested",
			about: "CPU requests of containers, of what the nodes can give. Beyond 100 % no pod can be scheduled.",
			unit:  percent, lines: []query{{cpu, clusterLegend}},
		},
		graph{
			title: "Memory requested", about: "Memory requests of containers, of what the nodes can give.",
			unit: percent, lines: []query{{memory, clusterLegend}},
		},
	)
}

func clusterColumns(m string) []column {
	cpu, cpuRoom := sum(nodeCPU(m), clusterKey), sum(nodeGauge(allocatableCPU, m), clusterKey)
	memory, memoryRoom := sum(nodeMemory(m), clusterKey), sum(nodeGauge(allocatableMemory, m), clusterKey)
	cpuRequests, memoryRequests := sum(reserved(cpuRequest, m), clusterKey), sum(reserved(memoryRequest, m), clusterKey)
	return []column{
		{name: "Nodes", expr: count(nodeReady(m), clusterKey), unit: number},
		{name: "Not ready", expr: sum(nodeNotReady(m), clusterKey), unit: number, steps: anyIsBad()},
		{name: "Pods", expr: sum(inPhase(running, m), clusterKey), unit: number},
		{name: "CPU used", expr: cpu, unit: cores},
		{name: "CPU of nodes", expr: ratio(cpu, cpuRoom), unit: percent, steps: filling()},
		{name: "CPU requested", expr: ratio(cpuRequests, cpuRoom), unit: percent, steps: filling()},
		{name: "Memory used", expr: memory, unit: bytes},
		{name: "Memory of nodes", expr: ratio(memory, memoryRoom), unit: percent, steps: filling()},
		{name: "Memory requested", expr: ratio(memoryRequests, memoryRoom), unit: percent, steps: filling()},
	}
}
