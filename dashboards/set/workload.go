package set

import "slices"

func workload() page {
	m := ofWorkload
	to := toPod()
	keys := []key{{column: "Namespace"}, podColumn()}
	return page{
		name: "workload", title: "Kubernetes / Workload",
		about: "One workload: its pods, what they use, of what they request and may use, and how often they restart.",
		variables: []variable{
			datasourceVariable(), clusterVariable(), namespaceVariable(), kindVariable(), workloadVariable(),
		},
		links: []top{next("Namespace", "namespace-workloads"), next("Workload health", "workload-health")},
		sections: slices.Concat(
			[]section{usageFigures(m)},
			usageCharts(m, perPod, "{{k8s_pod_name}}", &to),
			[]section{
				workloadCharts(m),
				cpuTable(m, keys...), memoryTable(m, keys...),
				trafficCharts(m, perPod, "{{k8s_pod_name}}", &to),
			},
		),
	}
}

func workloadCharts(m string) section {
	return charts(
		graph{
			title: "CPU by container", about: "Cores that containers of each name use, in all pods.",
			unit: cores, lines: []query{{sum(containerCPU(m), perContainer), containerLegend}}, stacked: true,
		},
		graph{
			title: "Memory by container", about: "Working set of containers of each name, in all pods.",
			unit: bytes, lines: []query{{sum(containerMemory(m), perContainer), containerLegend}}, stacked: true,
		},
		graph{
			title: "Pods by phase", about: "How many of the workload's pods are in each phase.",
			unit: number, lines: phaseLines(m), stacked: true,
		},
	)
}
