package set

func networkingCluster() page {
	m := inCluster
	to, node := toNamespaceTraffic(), toNode()
	namespaces := []key{{column: "Namespace", links: []link{to}}}
	io := func(direction string) string {
		return once(rate("k8s_node_network_io_bytes_total", m+`,direction="`+direction+`"`), nodeKey, "interface")
	}
	return page{
		name: "networking-cluster", title: "Kubernetes / Networking / Cluster",
		about:     "Traffic of a cluster, by namespace and by node.",
		variables: []variable{datasourceVariable(), clusterVariable()},
		links:     []top{next("Networking of a namespace", "networking-namespace"), next("Cluster", "cluster")},
		sections: []section{
			networkFigures(m),
			trafficCharts(m, "k8s_namespace_name", "{{k8s_namespace_name}}", &to),
			errorCharts(m, "k8s_namespace_name", "{{k8s_namespace_name}}"),
			charts(
				graph{title: "Received by nodes", about: "Bytes that each node's interfaces receive each second.", unit: byteRate, lines: []query{{sum(io("receive"), "k8s_node_name"), "{{k8s_node_name}}"}}, link: &node},
				graph{title: "Transmitted by nodes", about: "Bytes that each node's interfaces send each second.", unit: byteRate, lines: []query{{sum(io("transmit"), "k8s_node_name"), "{{k8s_node_name}}"}}, link: &node},
			),
			trafficTable(m, namespaces...),
			listing(table{
				title: "Nodes", about: "Traffic, dropped packets and TCP connections of each node.", keys: []key{nodeColumn()},
				columns: []column{
					{name: "Received", expr: sum(io("receive"), "k8s_node_name"), unit: byteRate},
					{name: "Transmitted", expr: sum(io("transmit"), "k8s_node_name"), unit: byteRate},
					{name: "Dropped packets", expr: sum(hostRate("system_network_dropped_total", m, "device", "direction"), "k8s_node_name"), unit: perSecond, steps: steps{{1, "orange"}}},
					{name: "Established", expr: sum(host("system_network_connections", m+`,state="ESTABLISHED"`, "protocol"), "k8s_node_name"), unit: number},
				},
			}),
		},
	}
}
