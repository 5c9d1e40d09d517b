package set

import "slices"

func nodePods() page {
	m := onNodes
	to := toPod()
	keys := []key{nodeColumn(), namespaceColumn(), podColumn()}
	perNode := "k8s_node_name"
	cpuRoom, memoryRoom := sum(nodeGauge("k8s_node_allocatable_cpu", m)), sum(nodeGauge("k8s_node_allocatable_memory_bytes", m))
	usage := usageCharts(m, "k8s_namespace_name, k8s_pod_name", "{{k8s_namespace_name}}/{{k8s_pod_name}}", &to)
	return page{
		name: "node-pods", title: "Kubernetes / Node by pods",
		about:     "The pods of one or more nodes: what they use and reserve, and what room that leaves.",
		variables: []variable{datasourceVariable(), clusterVariable(), nodeVariable().Multi(true).IncludeAll(true).AllValue(".+")},
		links:     []top{next("Node", "node"), next("Cluster", "cluster")},
		sections: slices.Concat(
			[]section{figures(
				numberPanel{title: "Pods running", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
				numberPanel{title: "CPU used by pods", about: "CPU that pods use, of what they may use.", unit: percent, expr: ratio(sum(podCPU(m)), cpuRoom), steps: filling()},
				numberPanel{title: "CPU requested", about: "CPU requests, of what pods may use.", unit: percent, expr: ratio(sum(reserved("k8s_container_cpu_request", m)), cpuRoom), steps: filling()},
				numberPanel{title: "Memory used by pods", about: "Working set of the pods, of what they may use.", unit: percent, expr: ratio(sum(podMemory(m)), memoryRoom), steps: filling()},
				numberPanel{title: "Memory requested", about: "Memory requests, of what pods may use.", unit: percent, expr: ratio(sum(reserved("k8s_container_memory_request_bytes", m)), memoryRoom), steps: filling()},
				numberPanel{title: "Memory limits", about: "Memory limits, of what pods may use.", unit: percent, expr: ratio(sum(reserved("k8s_container_memory_limit_bytes", m)), memoryRoom), steps: committing()},
			)},
			usage,
			[]section{
				nodePodTable("CPU", "CPU that each pod uses, requests and may use.", cores, keys, perNode, sum(podCPU(m, perNode), by(keys...)), "k8s_container_cpu_request", "k8s_container_cpu_limit"),
				nodePodTable("Memory", "Working set of each pod, and what it requests and may use.", bytes, keys, perNode, sum(podMemory(m, perNode), by(keys...)), "k8s_container_memory_request_bytes", "k8s_container_memory_limit_bytes"),
			},
		),
	}
}

func nodePodTable(title, about, unit string, keys []key, extra, usage, requests, limits string) section {
	columns := []column{{name: "Usage", expr: usage, unit: unit}}
	columns = append(columns, against("Requests", unit, usage, sum(reserved(requests, onNodes, extra), by(keys...)))...)
	columns = append(columns, against("Limits", unit, usage, sum(reserved(limits, onNodes, extra), by(keys...)))...)
	return listing(table{title: title, about: about, keys: keys, columns: columns})
}
