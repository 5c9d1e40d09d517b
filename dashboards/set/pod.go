package set

func pod() page {
	m := ofPod
	return page{
		name: "pod", title: "Kubernetes / Pod",
		about:     "One pod: its state, what each container uses of what it requests and may use, its traffic and its volumes.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespaceVariable(), podVariable()},
		links:     []top{next("Namespace", "namespace-pods"), next("Traffic", "networking-pod")},
		sections: []section{
			podFigures(m),
			podContainers("CPU usage", "Cores that each container uses, and what all together request and may use.", cores, once(rate("container_cpu_time_seconds_total", m), containerKey), "k8s_container_cpu_request", "k8s_container_cpu_limit"),
			podContainers("Memory usage", "Working set of each container, and what all together request and may use.", bytes, once(gauge("container_memory_working_set_bytes", m), containerKey), "k8s_container_memory_request_bytes", "k8s_container_memory_limit_bytes"),
			charts(
				graph{title: "Memory of each container", about: "RSS and memory usage with caches, for each container.", unit: bytes, lines: []query{
					{once(gauge("container_memory_rss_bytes", m), containerKey), "{{k8s_container_name}} rss"},
					{once(gauge("container_memory_usage_bytes", m), containerKey), "{{k8s_container_name}} with caches"},
				}},
				graph{title: "Restarts", about: "How often each container has restarted.", unit: number, lines: []query{{restarts(m), "{{k8s_container_name}}"}}},
				graph{title: "Ephemeral storage", about: "What the containers' writable layers and logs take, and all of the pod with its emptyDirs.", unit: bytes, lines: []query{
					{once(gauge("container_filesystem_usage_bytes", m), containerKey), "{{k8s_container_name}}"},
					{podGauge("k8s_pod_filesystem_usage_bytes", m), "pod"},
				}},
			),
			podTable("CPU", cores, once(rate("container_cpu_time_seconds_total", m), containerKey), "k8s_container_cpu_request", "k8s_container_cpu_limit"),
			podTable("Memory", bytes, once(gauge("container_memory_working_set_bytes", m), containerKey), "k8s_container_memory_request_bytes", "k8s_container_memory_limit_bytes"),
			podTrafficCharts(m),
		},
	}
}

// phaseNames are the values of k8s_pod_phase.
func phaseNames() []named {
	return []named{{"1", "Pending", "orange"}, {"2", "Running", "green"}, {"3", "Succeeded", "blue"}, {"4", "Failed", "red"}, {"5", "Unknown", "purple"}}
}

func podFigures(m string) section {
	cpu, memory := sum(podCPU(m)), sum(podMemory(m))
	return figures(
		numberPanel{title: "Phase", about: "The pod's phase.", unit: number, expr: phase(m), names: phaseNames()},
		numberPanel{title: "Containers ready", about: "Containers that are ready, of all.", unit: percent, expr: "avg(" + once(gauge("k8s_container_ready", m), containerKey) + ")"},
		numberPanel{title: "Restarts", about: "How often the pod's containers have restarted.", unit: number, expr: sum(restarts(m)), steps: steps{{1, "orange"}, {5, "red"}}},
		numberPanel{title: "CPU used", about: "Cores in use.", unit: cores, expr: cpu},
		numberPanel{title: "Memory used", about: "Working set.", unit: bytes, expr: memory},
		numberPanel{title: "Traffic", about: "Bytes received and sent each second.", unit: byteRate, expr: sum(once(rate("k8s_pod_network_io_bytes_total", m), podKey, "interface", "direction"))},
	)
}

func podContainers(title, about, unit, usage, requests, limits string) section {
	return section{height: 9, panels: []panel{graph{
		title: title, about: about, unit: unit, stacked: true, list: true, limits: []string{requested, limited},
		lines: []query{
			{sum(usage, "k8s_container_name"), "{{k8s_container_name}}"},
			{sum(reserved(requests, ofPod)), requested},
			{sum(reserved(limits, ofPod)), limited},
		},
	}}}
}

func podTable(title, unit, usage, requests, limits string) section {
	keys := []key{containerColumn()}
	usage = sum(usage, by(keys...))
	columns := []column{{name: "Usage", expr: usage, unit: unit}}
	columns = append(columns, against("Requests", unit, usage, sum(reserved(requests, ofPod), by(keys...)))...)
	columns = append(columns, against("Limits", unit, usage, sum(reserved(limits, ofPod), by(keys...)))...)
	return section{height: 6, panels: []panel{table{title: title, about: "Each container with what it uses, requests and may use.", keys: keys, columns: columns}}}
}

func podTrafficCharts(m string) section {
	return charts(
		graph{title: "Network traffic", about: "Bytes that the pod receives, and downwards those that it sends. A pod on the host's network reports the node's.", unit: byteRate, lines: []query{{sum(received(m)), "received"}, {sum(transmitted(m)), "transmitted"}}, negative: []string{"transmitted"}},
		graph{title: "Network errors", about: "Errors each second, in both directions.", unit: perSecond, lines: []query{{once(rate("k8s_pod_network_errors_total", m), podKey, "interface", "direction"), "{{interface}} {{direction}}"}}},
	)
}
