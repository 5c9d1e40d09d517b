package set

func pod() page {
	m := ofPod
	cpu, memory := containerCPU(m), containerMemory(m)
	return page{
		name: "pod", title: "Kubernetes / Pod",
		about: "One pod: its state, what each container uses of what it requests and may use, " +
			"its traffic and its volumes.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespaceVariable(), podVariable()},
		links:     []top{next("Namespace", "namespace-pods"), next("Traffic", "networking-pod")},
		sections: []section{
			podFigures(m),
			podContainers("CPU usage", "Cores that each container uses, and what all together request and may use.",
				cores, cpu, cpuRequest, cpuLimit),
			podContainers("Memory usage", "Working set of each container, and what all together request and may use.",
				bytes, memory, memoryRequest, memoryLimit),
			podContainerCharts(m),
			podTable("CPU", cores, cpu, cpuRequest, cpuLimit),
			podTable("Memory", bytes, memory, memoryRequest, memoryLimit),
			podTrafficCharts(m),
		},
	}
}

// phaseNames are the values of k8s_pod_phase.
func phaseNames() []named {
	return []named{
		{"1", "Pending", "orange"}, {"2", "Running", "green"}, {"3", "Succeeded", "blue"},
		{"4", "Failed", "red"}, {"5", "Unknown", "purple"},
	}
}

func podFigures(m string) section {
	traffic := once(rate("k8s_pod_network_io_bytes_total", m), podKey, "interface", "direction")
	return figures(
		numberPanel{title: "Phase", about: "The pod's phase.", unit: number, expr: phase(m), names: phaseNames()},
		numberPanel{
			title: "Containers ready", about: "Containers that are ready, of all.",
			unit: percent, expr: "avg(" + once(gauge("k8s_container_ready", m), containerKey) + ")",
		},
		numberPanel{
			title: "Restarts", about: "How often the pod's containers have restarted.",
			unit: number, expr: sum(restarts(m)), steps: steps{{1, "orange"}, {5, "red"}},
		},
		numberPanel{title: "CPU used", about: "Cores in use.", unit: cores, expr: sum(podCPU(m))},
		numberPanel{title: "Memory used", about: "Working set.", unit: bytes, expr: sum(podMemory(m))},
		numberPanel{
			title: "Traffic", about: "Bytes received and sent each second.", unit: byteRate, expr: sum(traffic),
		},
	)
}

func podContainers(title, about, unit, usage, request, limit string) section {
	return section{height: 9, panels: []panel{graph{
		title: title, about: about, unit: unit, stacked: true, list: true, limits: []string{requested, limited},
		lines: []query{
			{sum(usage, perContainer), containerLegend},
			{sum(reserved(request, ofPod)), requested},
			{sum(reserved(limit, ofPod)), limited},
		},
	}}}
}

func podContainerCharts(m string) section {
	return charts(
		graph{
			title: "Memory of each container", about: "RSS and memory usage with caches, for each container.", unit: bytes,
			lines: []query{
				{once(gauge("container_memory_rss_bytes", m), containerKey), containerLegend + " rss"},
				{once(gauge("container_memory_usage_bytes", m), containerKey), containerLegend + " with caches"},
			},
		},
		graph{
			title: "Restarts", about: "How often each container has restarted.",
			unit: number, lines: []query{{restarts(m), containerLegend}},
		},
		graph{
			title: "Ephemeral storage",
			about: "What the containers' writable layers and logs take, and all of the pod with its emptyDirs.", unit: bytes,
			lines: []query{
				{once(gauge("container_filesystem_usage_bytes", m), containerKey), containerLegend},
				{podGauge("k8s_pod_filesystem_usage_bytes", m), "pod"},
			},
		},
	)
}

func podTable(title, unit, usage, request, limit string) section {
	keys := []key{containerColumn()}
	reservedBy := func(metric string) string { return sum(reserved(metric, ofPod), by(keys...)) }
	return section{height: 6, panels: []panel{table{
		title: title, about: "Each container with what it uses, requests and may use.", keys: keys,
		columns: usageColumns(unit, sum(usage, by(keys...)), reservedBy(request), reservedBy(limit)),
	}}}
}

func podTrafficCharts(m string) section {
	errors := once(rate("k8s_pod_network_errors_total", m), podKey, "interface", "direction")
	return charts(
		graph{
			title: "Network traffic",
			about: "Bytes that the pod receives, and downwards those that it sends. " +
				"A pod on the host's network reports the node's.",
			unit:     byteRate,
			lines:    []query{{sum(received(m)), "received"}, {sum(transmitted(m)), "transmitted"}},
			negative: []string{"transmitted"},
		},
		graph{
			title: "Network errors", about: "Errors each second, in both directions.",
			unit: perSecond, lines: []query{{errors, "{{interface}} {{direction}}"}},
		},
	)
}
