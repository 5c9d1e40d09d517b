package set

func cluster() page {
	m := inCluster
	cpuRoom, memoryRoom := sum(nodeGauge("k8s_node_allocatable_cpu", m)), sum(nodeGauge("k8s_node_allocatable_memory_bytes", m))
	ready := nodeGauge("k8s_node_condition_ready", m)
	namespace := "k8s_namespace_name"
	pods := toNamespacePods()
	return page{
		name: "cluster", title: "Kubernetes / Cluster",
		about:     "One cluster: how full it is, which namespaces use it, and the state of its pods and nodes.",
		variables: []variable{datasourceVariable(), clusterVariable()},
		links:     []top{next("Workload health", "workload-health"), next("Networking", "networking-cluster"), next("Persistent volumes", "persistent-volumes"), next("Events", "events")},
		sections: []section{
			figures(
				numberPanel{title: "CPU in use", about: "CPU that nodes use, of what pods may use.", unit: percent, expr: ratio(sum(nodeCPU(m)), cpuRoom), steps: filling()},
				numberPanel{title: "CPU requested", about: "CPU requests of containers, of what the nodes can give.", unit: percent, expr: ratio(sum(reserved("k8s_container_cpu_request", m)), cpuRoom), steps: filling()},
				numberPanel{title: "CPU limits", about: "CPU limits of containers, of what the nodes can give. Above 100 %, not all containers can have what they may use.", unit: percent, expr: ratio(sum(reserved("k8s_container_cpu_limit", m)), cpuRoom), steps: committing()},
				numberPanel{title: "Memory in use", about: "Working set of the nodes, of what pods may use.", unit: percent, expr: ratio(sum(nodeMemory(m)), memoryRoom), steps: filling()},
				numberPanel{title: "Memory requested", about: "Memory requests of containers, of what the nodes can give.", unit: percent, expr: ratio(sum(reserved("k8s_container_memory_request_bytes", m)), memoryRoom), steps: filling()},
				numberPanel{title: "Memory limits", about: "Memory limits of containers, of what the nodes can give. Above 100 %, containers may be killed for want of memory.", unit: percent, expr: ratio(sum(reserved("k8s_container_memory_limit_bytes", m)), memoryRoom), steps: committing()},
			),
			charts(
				graph{title: "CPU used by namespace", about: "Cores that the pods of each namespace use.", unit: cores, lines: []query{{sum(podCPU(m), namespace), "{{k8s_namespace_name}}"}}, stacked: true, link: &pods},
				graph{title: "Memory used by namespace", about: "Working set of the pods of each namespace.", unit: bytes, lines: []query{{sum(podMemory(m), namespace), "{{k8s_namespace_name}}"}}, stacked: true, link: &pods},
			),
			charts(
				graph{title: "Pods by phase", about: "How many pods are in each phase of their lives.", unit: number, lines: phaseLines(m), stacked: true},
				graph{title: "Nodes", about: "Nodes that are ready and nodes that are not.", unit: number, lines: []query{{sum("(" + ready + " == bool 1)"), "ready"}, {sum("(" + ready + " != bool 1)"), "not ready"}}, stacked: true},
			),
			cpuTable(m, namespaceColumn()), memoryTable(m, namespaceColumn()), trafficTable(m, namespaceColumn()),
			listing(table{
				title: "Nodes", about: "Each node with its pods and how full it is.", keys: []key{nodeColumn()}, sortBy: "CPU of node",
				columns: nodeColumns(m),
			}),
		},
	}
}

func phaseLines(m string) []query {
	return []query{
		{sum(inPhase(running, m)), "Running"}, {sum(inPhase(pending, m)), "Pending"}, {sum(inPhase(succeeded, m)), "Succeeded"},
		{sum(inPhase(failed, m)), "Failed"}, {sum(inPhase(unknown, m)), "Unknown"},
	}
}

func nodeColumns(m string) []column {
	node := "k8s_node_name"
	cpuRoom, memoryRoom := sum(nodeGauge("k8s_node_allocatable_cpu", m), node), sum(nodeGauge("k8s_node_allocatable_memory_bytes", m), node)
	return []column{
		{name: "Ready", expr: sum(nodeGauge("k8s_node_condition_ready", m), node), unit: number, names: conditionNames()},
		{name: "Pods", expr: sum(inPhase(running, m, "k8s_node_name"), node), unit: number},
		{name: "CPU used", expr: sum(nodeCPU(m), node), unit: cores},
		{name: "CPU of node", expr: ratio(sum(nodeCPU(m), node), cpuRoom), unit: percent, steps: filling()},
		{name: "CPU requested", expr: ratio(sum(reserved("k8s_container_cpu_request", m, "k8s_node_name"), node), cpuRoom), unit: percent, steps: filling()},
		{name: "Memory used", expr: sum(nodeMemory(m), node), unit: bytes},
		{name: "Memory of node", expr: ratio(sum(nodeMemory(m), node), memoryRoom), unit: percent, steps: filling()},
		{name: "Memory requested", expr: ratio(sum(reserved("k8s_container_memory_request_bytes", m, "k8s_node_name"), node), memoryRoom), unit: percent, steps: filling()},
	}
}

// conditionNames are the values of a node's condition Ready.
func conditionNames() []named {
	return []named{{"1", "ready", "green"}, {"0", "not ready", "red"}, {"-1", "unknown", "orange"}}
}
