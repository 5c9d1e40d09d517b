package set

func networkingCluster() page {
	m := inCluster
	to := toNamespaceTraffic()
	return page{
		name: "networking-cluster", title: "Kubernetes / Networking / Cluster",
		about:     "Traffic of a cluster, by namespace and by node.",
		variables: []variable{datasourceVariable(), clusterVariable()},
		links:     []top{next("Networking of a namespace", "networking-namespace"), next("Cluster", "cluster")},
		sections: []section{
			networkFigures(m),
			trafficCharts(m, perNamespace, namespaceLegend, &to),
			errorCharts(m, perNamespace, namespaceLegend),
			nodesTraffic(m),
			trafficTable(m, key{column: "Namespace", links: []link{to}}),
			nodesTrafficTable(m),
		},
	}
}

// nodeIO is the traffic of nodes in one direction, as the kubelet measures it.
func nodeIO(direction, m string) string {
	io := once(rate("k8s_node_network_io_bytes_total", m+`,direction="`+direction+`"`), nodeKey, "interface")
	return sum(io, perNode)
}

func nodesTraffic(m string) section {
	to := toNode()
	return charts(
		graph{
			title: "Received by nodes", about: "Bytes that each node's interfaces receive each second.",
			unit: byteRate, lines: []query{{nodeIO("receive", m), nodeLegend}}, link: &to,
		},
		graph{
			title: "Transmitted by nodes", about: "Bytes that each node's interfaces send each second.",
			unit: byteRate, lines: []query{{nodeIO("transmit", m), nodeLegend}}, link: &to,
		},
	)
}

func nodesTrafficTable(m string) section {
	dropped := hostRate("system_network_dropped_total", m, "device", "direction")
	established := host("system_network_connections", m+`,state="ESTABLISHED"`, "protocol")
	return listing(table{
		title: "Nodes", about: "Traffic, dropped packets and TCP connections of each node.", keys: []key{nodeColumn()},
		columns: []column{
			{name: "Received", expr: nodeIO("receive", m), unit: byteRate},
			{name: "Transmitted", expr: nodeIO("transmit", m), unit: byteRate},
			{name: "Dropped packets", expr: sum(dropped, perNode), unit: perSecond, steps: steps{{1, "orange"}}},
			{name: "Established", expr: sum(established, perNode), unit: number},
		},
	})
}
