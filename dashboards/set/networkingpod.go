package set

func networkingPod() page {
	m := ofPod
	interfaces := key{column: "Interface", label: "interface"}
	return page{
		name: "networking-pod", title: "Kubernetes / Networking / Pod",
		about:     "Traffic of one pod, by interface.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespaceVariable(), podVariable()},
		links:     []top{next("Pod", "pod"), next("Networking of the namespace", "networking-namespace")},
		sections: []section{
			networkFigures(m),
			trafficCharts(m, interfaces.label, "{{interface}}", nil),
			errorCharts(m, interfaces.label, "{{interface}}"),
			{height: 6, panels: []panel{table{
				title: "Interfaces", about: "Traffic and errors of each interface.",
				keys: []key{interfaces}, columns: trafficColumns(m, interfaces),
			}}},
		},
	}
}
