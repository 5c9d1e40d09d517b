package set

// byWorkload adds up what pods have, by the workloads that own them. measure
// gives it with the labels that name the owners.
func byWorkload(measure func(matchers string, extra ...string) string, m string) string {
	return sum(owned(measure(m, ownerLabels)), perWorkload)
}

func namespaceWorkloads() page {
	m := inNamespaces
	cpu, memory := byWorkload(podCPU, m), byWorkload(podMemory, m)
	return page{
		name: "namespace-workloads", title: "Kubernetes / Namespace by workloads",
		about: "The workloads of one or more namespaces. " +
			"Pods count for the deployment, stateful set, daemon set, job or cron job that owns them.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("By pods", "namespace-pods"), next("Workload health", "workload-health")},
		sections: []section{
			usageFigures(m),
			workloadUsage("CPU usage", "Cores that the pods of each workload use.", cores, cpu),
			workloadUsage("Memory usage", "Working set of the pods of each workload.", bytes, memory),
			workloadTable("CPU", "CPU used, requested and allowed, for each workload.",
				workloadColumns(m, cores, cpu, cpuRequest, cpuLimit)),
			workloadTable("Memory", "Working set, and memory requested and allowed, for each workload.",
				workloadColumns(m, bytes, memory, memoryRequest, memoryLimit)),
			workloadTraffic("Received", "Transmitted", m),
		},
	}
}

func workloadUsage(title, about, unit, usage string) section {
	to := toWorkload()
	return section{height: 9, panels: []panel{graph{
		title: title, about: about, unit: unit,
		lines: []query{{usage, workloadLegend}}, stacked: true, list: true, link: &to,
	}}}
}

func workloadTable(title, about string, columns []column) section {
	keys := []key{namespaceColumn(), {column: "Kind"}, {column: "Workload", links: []link{toWorkload()}}}
	return listing(table{title: title, about: about, keys: keys, columns: columns})
}

func workloadColumns(m, unit, usage, request, limit string) []column {
	reservedBy := func(metric string) string { return sum(owned(reserved(metric, m, ownerLabels)), perWorkload) }
	pods := sum(owned(inPhase(running, m, ownerLabels)), perWorkload)
	return append(usageColumns(unit, usage, reservedBy(request), reservedBy(limit)),
		column{name: "Pods", expr: pods, unit: number})
}

// workloadTraffic are two charts, with their titles.
func workloadTraffic(in, out, m string) section {
	to := toWorkload()
	return charts(
		graph{
			title: in, about: "Bytes that the pods of each workload receive each second.", unit: byteRate,
			lines: []query{{byWorkload(received, m), workloadLegend}}, stacked: true, link: &to,
		},
		graph{
			title: out, about: "Bytes that the pods of each workload send each second.", unit: byteRate,
			lines: []query{{byWorkload(transmitted, m), workloadLegend}}, stacked: true, link: &to,
		},
	)
}
