package set

import "slices"

func namespacePods() page {
	m := inNamespaces
	to := toPod()
	keys := []key{namespaceColumn(), podColumn()}
	return page{
		name: "namespace-pods", title: "Kubernetes / Namespace by pods",
		about:     "The pods of one or more namespaces: what they use, of what they request and may use.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links: []top{
			next("By workloads", "namespace-workloads"), next("Networking", "networking-namespace"),
			next("Persistent volumes", "persistent-volumes"),
		},
		sections: slices.Concat(
			[]section{usageFigures(m)},
			usageCharts(m, perPod, podLegend, &to),
			[]section{
				cpuTable(m, keys...), memoryTable(m, keys...),
				trafficCharts(m, perPod, podLegend, &to), trafficTable(m, keys...),
			},
		),
	}
}
