package set

import "slices"

func nodePods() page {
	m := onNodes
	to := toPod()
	keys := []key{nodeColumn(), namespaceColumn(), podColumn()}
	nodes := nodeVariable().Multi(true).IncludeAll(true).AllValue(".+")
	cpu, memory := sum(podCPU(m, perNode), by(keys...)), sum(podMemory(m, perNode), by(keys...))
	return page{
		name: "node-pods", title: "Kubernetes / Node by pods",
		about:     "The pods of one or more nodes: what they use and reserve, and what room that leaves.",
		variables: []variable{datasourceVariable(), clusterVariable(), nodes},
		links:     []top{next("Node", "node"), next("Cluster", "cluster")},
		sections: slices.Concat(
			[]section{nodePodFigures(m)},
			usageCharts(m, perPod, podLegend, &to),
			[]section{
				listing(table{
					title: "CPU", about: "CPU that each pod uses, requests and may use.", keys: keys,
					columns: nodePodColumns(m, keys, cores, cpu, cpuRequest, cpuLimit),
				}),
				listing(table{
					title: "Memory", about: "Working set of each pod, and what it requests and may use.", keys: keys,
					columns: nodePodColumns(m, keys, bytes, memory, memoryRequest, memoryLimit),
				}),
			},
		),
	}
}

func nodePodFigures(m string) section {
	cpuRoom, memoryRoom := sum(nodeGauge(allocatableCPU, m)), sum(nodeGauge(allocatableMemory, m))
	return figures(
		numberPanel{title: "Pods running", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
		numberPanel{
			title: "CPU used by pods", about: "CPU that pods use, of what they may use.",
			unit: percent, expr: ratio(sum(podCPU(m)), cpuRoom), steps: filling(),
		},
		numberPanel{
			title: "CPU requested", about: "CPU requests, of what pods may use.",
			unit: percent, expr: ratio(sum(reserved(cpuRequest, m)), cpuRoom), steps: filling(),
		},
		numberPanel{
			title: "Memory used by pods", about: "Working set of the pods, of what they may use.",
			unit: percent, expr: ratio(sum(podMemory(m)), memoryRoom), steps: filling(),
		},
		numberPanel{
			title: "Memory requested", about: "Memory requests, of what pods may use.",
			unit: percent, expr: ratio(sum(reserved(memoryRequest, m)), memoryRoom), steps: filling(),
		},
		numberPanel{
			title: "Memory limits", about: "Memory limits, of what pods may use.",
			unit: percent, expr: ratio(sum(reserved(memoryLimit, m)), memoryRoom), steps: committing(),
		},
	)
}

func nodePodColumns(m string, keys []key, unit, usage, request, limit string) []column {
	reservedBy := func(metric string) string { return sum(reserved(metric, m, perNode), by(keys...)) }
	return usageColumns(unit, usage, reservedBy(request), reservedBy(limit))
}
