package set

func networkingPod() page {
	m := ofPod
	perInterface := "interface"
	return page{
		name: "networking-pod", title: "Kubernetes / Networking / Pod",
		about:     "Traffic of one pod, by interface.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespaceVariable(), podVariable()},
		links:     []top{next("Pod", "pod"), next("Networking of the namespace", "networking-namespace")},
		sections: []section{
			networkFigures(m),
			trafficCharts(m, perInterface, "{{interface}}", nil),
			errorCharts(m, perInterface, "{{interface}}"),
			section{height: 6, panels: []panel{table{
				title: "Interfaces", about: "Traffic and errors of each interface.", keys: []key{{column: "Interface", label: perInterface}},
				columns: trafficColumns(m, key{column: "Interface", label: perInterface}),
			}}},
		},
	}
}
