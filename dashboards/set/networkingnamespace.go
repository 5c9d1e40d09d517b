package set

func networkingNamespace() page {
	m := inNamespaces
	to, workload := toPodTraffic(), toWorkload()
	perPod, perWorkload := "k8s_namespace_name, k8s_pod_name", "k8s_namespace_name, kind, workload"
	return page{
		name: "networking-namespace", title: "Kubernetes / Networking / Namespace",
		about:     "Traffic of one or more namespaces, by pod and by workload.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("Networking of the cluster", "networking-cluster"), next("Pods", "namespace-pods")},
		sections: []section{
			networkFigures(m),
			trafficCharts(m, perPod, "{{k8s_namespace_name}}/{{k8s_pod_name}}", &to),
			errorCharts(m, perPod, "{{k8s_namespace_name}}/{{k8s_pod_name}}"),
			charts(
				graph{title: "Received by workloads", about: "Bytes that the pods of each workload receive each second.", unit: byteRate, lines: []query{{sum(owned(received(m, ownerLabels)), perWorkload), "{{k8s_namespace_name}}/{{workload}}"}}, stacked: true, link: &workload},
				graph{title: "Transmitted by workloads", about: "Bytes that the pods of each workload send each second.", unit: byteRate, lines: []query{{sum(owned(transmitted(m, ownerLabels)), perWorkload), "{{k8s_namespace_name}}/{{workload}}"}}, stacked: true, link: &workload},
			),
			trafficTable(m, key{column: "Namespace", links: namespaceColumn().links}, key{column: "Pod", links: []link{to, toPod()}}),
		},
	}
}
