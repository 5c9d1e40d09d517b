package set

func networkingNamespace() page {
	m := inNamespaces
	to := toPodTraffic()
	return page{
		name: "networking-namespace", title: "Kubernetes / Networking / Namespace",
		about:     "Traffic of one or more namespaces, by pod and by workload.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("Networking of the cluster", "networking-cluster"), next("Pods", "namespace-pods")},
		sections: []section{
			networkFigures(m),
			trafficCharts(m, perPod, podLegend, &to),
			errorCharts(m, perPod, podLegend),
			workloadTraffic("Received by workloads", "Transmitted by workloads", m),
			trafficTable(m, namespaceColumn(), key{column: "Pod", links: []link{to, toPod()}}),
		},
	}
}
