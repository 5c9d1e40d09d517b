package set

func namespaceWorkloads() page {
	m := inNamespaces
	to := toWorkload()
	perWorkload := "k8s_namespace_name, kind, workload"
	legend := "{{k8s_namespace_name}}/{{workload}}"
	cpu, memory := sum(owned(podCPU(m, ownerLabels)), perWorkload), sum(owned(podMemory(m, ownerLabels)), perWorkload)
	reservedBy := func(metric string) string { return sum(owned(reserved(metric, m, ownerLabels)), perWorkload) }
	in, out := sum(owned(received(m, ownerLabels)), perWorkload), sum(owned(transmitted(m, ownerLabels)), perWorkload)
	keys := []key{namespaceColumn(), {column: "Kind"}, {column: "Workload", links: []link{to}}}
	columns := func(unit, usage, requests, limits string) []column {
		pods := column{name: "Pods", expr: sum(owned(inPhase(running, m, ownerLabels)), perWorkload), unit: number}
		list := append([]column{{name: "Usage", expr: usage, unit: unit}}, against("Requests", unit, usage, reservedBy(requests))...)
		return append(append(list, against("Limits", unit, usage, reservedBy(limits))...), pods)
	}
	return page{
		name: "namespace-workloads", title: "Kubernetes / Namespace by workloads",
		about:     "The workloads of one or more namespaces. Pods count for the deployment, stateful set, daemon set, job or cron job that owns them.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("By pods", "namespace-pods"), next("Workload health", "workload-health")},
		sections: []section{
			usageFigures(m),
			{height: 9, panels: []panel{graph{title: "CPU usage", about: "Cores that the pods of each workload use.", unit: cores, lines: []query{{cpu, legend}}, stacked: true, list: true, link: &to}}},
			{height: 9, panels: []panel{graph{title: "Memory usage", about: "Working set of the pods of each workload.", unit: bytes, lines: []query{{memory, legend}}, stacked: true, list: true, link: &to}}},
			listing(table{title: "CPU", about: "CPU used, requested and allowed, for each workload.", keys: keys, columns: columns(cores, cpu, "k8s_container_cpu_request", "k8s_container_cpu_limit")}),
			listing(table{title: "Memory", about: "Working set, and memory requested and allowed, for each workload.", keys: keys, columns: columns(bytes, memory, "k8s_container_memory_request_bytes", "k8s_container_memory_limit_bytes")}),
			charts(
				graph{title: "Received", about: "Bytes that the pods of each workload receive each second.", unit: byteRate, lines: []query{{in, legend}}, stacked: true, link: &to},
				graph{title: "Transmitted", about: "Bytes that the pods of each workload send each second.", unit: byteRate, lines: []query{{out, legend}}, stacked: true, link: &to},
			),
		},
	}
}
