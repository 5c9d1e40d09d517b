package set

// recorded prefers a recording rule's series; where the rules are not loaded,
// it computes the same. A cluster stays one series where the one follows the
// other within a range: the name of the rule is left out.
func recorded(rule, matchers, expr string) string {
	return once(gauge(rule, matchers)+" or "+expr, clusterKey)
}

func clusters() page {
	m := inClusters
	cpu, memory := sum(nodeCPU(m), clusterKey), sum(nodeMemory(m), clusterKey)
	cpuRoom := sum(nodeGauge("k8s_node_allocatable_cpu", m), clusterKey)
	memoryRoom := sum(nodeGauge("k8s_node_allocatable_memory_bytes", m), clusterKey)
	cpuRequests := sum(reserved("k8s_container_cpu_request", m), clusterKey)
	memoryRequests := sum(reserved("k8s_container_memory_request_bytes", m), clusterKey)
	ready := nodeGauge("k8s_node_condition_ready", m)
	return page{
		name: "clusters", title: "Kubernetes / Clusters",
		about:     "All clusters side by side: how large they are, how full, and what is not well. A row of the table leads to the cluster.",
		variables: []variable{datasourceVariable(), several(clusterVariable())},
		sections: []section{
			figures(
				numberPanel{title: "Clusters", about: "Clusters that report namespaces.", unit: number, expr: count(once(gauge("k8s_namespace_phase", m), clusterKey))},
				numberPanel{title: "Nodes", about: "Nodes of all clusters.", unit: number, expr: count(ready)},
				numberPanel{title: "Nodes not ready", about: "Nodes whose condition Ready is false or unknown.", unit: number, expr: sum("(" + ready + " != bool 1)"), steps: anyIsBad()},
				numberPanel{title: "Pods running", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
				numberPanel{title: "CPU in use", about: "CPU that nodes use, of what pods may use on them.", unit: percent, expr: ratio(sum(nodeCPU(m)), sum(nodeGauge("k8s_node_allocatable_cpu", m))), steps: filling()},
				numberPanel{title: "Memory in use", about: "Working set of the nodes, of what pods may use on them.", unit: percent, expr: ratio(sum(nodeMemory(m)), sum(nodeGauge("k8s_node_allocatable_memory_bytes", m))), steps: filling()},
			),
			charts(
				graph{title: "CPU used by cluster", about: "Cores that the nodes of each cluster use.", unit: cores, lines: []query{{recorded("cluster:k8s_node_cpu_time_seconds:rate2m", m, cpu), "{{k8s_cluster_name}}"}}, stacked: true},
				graph{title: "Memory used by cluster", about: "Working set of the nodes of each cluster.", unit: bytes, lines: []query{{recorded("cluster:k8s_node_memory_working_set_bytes:sum", m, memory), "{{k8s_cluster_name}}"}}, stacked: true},
			),
			charts(
				graph{title: "CPU requested", about: "CPU requests of containers, of what the nodes can give. Beyond 100 % no pod can be scheduled.", unit: percent, lines: []query{{ratio(recorded("cluster:k8s_container_cpu_request:sum", m, cpuRequests), recorded("cluster:k8s_node_allocatable_cpu:sum", m, cpuRoom)), "{{k8s_cluster_name}}"}}},
				graph{title: "Memory requested", about: "Memory requests of containers, of what the nodes can give.", unit: percent, lines: []query{{ratio(recorded("cluster:k8s_container_memory_request_bytes:sum", m, memoryRequests), recorded("cluster:k8s_node_allocatable_memory_bytes:sum", m, memoryRoom)), "{{k8s_cluster_name}}"}}},
			),
			listing(table{
				title: "Clusters", about: "Each cluster with its size and how full it is.", keys: []key{clusterColumn()}, sortBy: "Nodes",
				columns: []column{
					{name: "Nodes", expr: count(ready, clusterKey), unit: number},
					{name: "Not ready", expr: sum("("+ready+" != bool 1)", clusterKey), unit: number, steps: anyIsBad()},
					{name: "Pods", expr: sum(inPhase(running, m), clusterKey), unit: number},
					{name: "CPU used", expr: cpu, unit: cores},
					{name: "CPU of nodes", expr: ratio(cpu, cpuRoom), unit: percent, steps: filling()},
					{name: "CPU requested", expr: ratio(cpuRequests, cpuRoom), unit: percent, steps: filling()},
					{name: "Memory used", expr: memory, unit: bytes},
					{name: "Memory of nodes", expr: ratio(memory, memoryRoom), unit: percent, steps: filling()},
					{name: "Memory requested", expr: ratio(memoryRequests, memoryRoom), unit: percent, steps: filling()},
				},
			}),
		},
	}
}
