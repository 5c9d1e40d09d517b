package set

func node() page {
	m := onNode
	return page{
		name: "node", title: "Kubernetes / Node",
		about:     "One node: its conditions, how full it is, and what its processors, memory, disks and interfaces do.",
		variables: []variable{datasourceVariable(), clusterVariable(), nodeVariable()},
		links:     []top{next("Pods of this node", "node-pods"), next("Cluster", "cluster")},
		sections: []section{
			nodeFigures(m),
			heading("Processors and memory"), nodeLoad(m), nodeMemoryCharts(m),
			heading("Disks"), nodeDisks(m), nodeFilesystems(m),
			heading("Network"), nodeTraffic(m), nodeFaults(m),
			listing(table{
				title: "Pods", about: "The pods of this node and what they use.", keys: []key{{column: "Namespace", links: namespaceColumn().links}, podColumn()},
				columns: []column{
					{name: "CPU used", expr: sum(podCPU(m), "k8s_namespace_name, k8s_pod_name"), unit: cores},
					{name: "Memory used", expr: sum(podMemory(m), "k8s_namespace_name, k8s_pod_name"), unit: bytes},
					{name: "Received", expr: sum(received(m), "k8s_namespace_name, k8s_pod_name"), unit: byteRate},
					{name: "Transmitted", expr: sum(transmitted(m), "k8s_namespace_name, k8s_pod_name"), unit: byteRate},
					{name: "Restarts", expr: sum(restarts(m), "k8s_namespace_name, k8s_pod_name"), unit: number, steps: steps{{1, "orange"}}},
				},
			}),
		},
	}
}

func nodeFigures(m string) section {
	pressure := func(condition string) string { return nodeGauge("k8s_node_condition_"+condition, m) + " == bool 1" }
	return figures(
		numberPanel{title: "Ready", about: "The node's condition Ready.", unit: number, expr: nodeGauge("k8s_node_condition_ready", m), names: conditionNames()},
		numberPanel{title: "Pressure", about: "How many of the conditions MemoryPressure, DiskPressure and PIDPressure hold.", unit: number, expr: "(" + pressure("memory_pressure") + ") + (" + pressure("disk_pressure") + ") + (" + pressure("pid_pressure") + ")", steps: anyIsBad()},
		numberPanel{title: "CPU in use", about: "CPU used, of what pods may use.", unit: percent, expr: ratio(nodeCPU(m), nodeGauge("k8s_node_allocatable_cpu", m)), steps: filling()},
		numberPanel{title: "Memory in use", about: "Working set, of what pods may use.", unit: percent, expr: ratio(nodeMemory(m), nodeGauge("k8s_node_allocatable_memory_bytes", m)), steps: filling()},
		numberPanel{title: "Disk in use", about: "The node's file system, where images, containers and volumes are.", unit: percent, expr: ratio(nodeGauge("k8s_node_filesystem_usage_bytes", m), nodeGauge("k8s_node_filesystem_capacity_bytes", m)), steps: filling()},
		numberPanel{title: "Pods in use", about: "Running pods, of how many the node may have.", unit: percent, expr: ratio(sum(inPhase(running, m, "k8s_node_name"), nodeKey), nodeGauge("k8s_node_allocatable_pods", m)), steps: filling()},
	)
}

func nodeLoad(m string) section {
	var load []query
	for _, span := range []string{"1m", "5m", "15m"} {
		load = append(load, query{host("system_cpu_load_average_"+span, m), span})
	}
	return charts(
		graph{title: "CPU usage", about: "Cores in use, and what pods may use.", unit: cores, lines: []query{{nodeCPU(m), "usage"}, {nodeGauge("k8s_node_allocatable_cpu", m), "allocatable"}}, limits: []string{"allocatable"}},
		graph{title: "CPU by state", about: "What all processors do together, without what they idle.", unit: cores, lines: []query{{sum(hostRate("system_cpu_time_seconds_total", m+`,state!="idle"`, "cpu", "state"), "state"), "{{state}}"}}, stacked: true},
		graph{title: "Load", about: "Threads that run or want to run, over three spans of time.", unit: number, lines: load},
	)
}

func nodeMemoryCharts(m string) section {
	return charts(
		graph{title: "Memory usage", about: "Working set and RSS, and what pods may use.", unit: bytes, lines: []query{
			{nodeMemory(m), "working set"}, {nodeGauge("k8s_node_memory_rss_bytes", m), "rss"}, {nodeGauge("k8s_node_allocatable_memory_bytes", m), "allocatable"},
		}, limits: []string{"allocatable"}},
		graph{title: "Memory by state", about: "What the node's memory is used for.", unit: bytes, lines: []query{{host("system_memory_usage_bytes", m, "state"), "{{state}}"}}, stacked: true},
		graph{title: "Connections", about: "TCP connections by state.", unit: number, lines: []query{{host("system_network_connections", m+`,state!="LISTEN"`, "protocol", "state"), "{{protocol}} {{state}}"}}},
	)
}

func nodeDisks(m string) section {
	return charts(
		graph{title: "Disk traffic", about: "Bytes read from and written to each device.", unit: byteRate, lines: []query{{hostRate("system_disk_io_bytes_total", m, "device", "direction"), "{{device}} {{direction}}"}}},
		graph{title: "Disk operations", about: "Reads and writes of each device.", unit: perSecond, lines: []query{{hostRate("system_disk_operations_total", m, "device", "direction"), "{{device}} {{direction}}"}}},
		graph{title: "Disk busy", about: "The part of the time in which a device had something to do.", unit: percent, lines: []query{{hostRate("system_disk_io_time_seconds_total", m, "device"), "{{device}}"}}},
	)
}

func nodeFilesystems(m string) section {
	space, inodes := "system_filesystem_usage_bytes", "system_filesystem_inodes_usage"
	part := func(metric string) string {
		used := host(metric, m+`,state="used"`, "device", "mountpoint")
		return ratio(used, "sum by ("+nodeKey+", device, mountpoint) ("+host(metric, m, "device", "mountpoint", "state")+")")
	}
	return charts(
		graph{title: "File system space", about: "The used part of each file system. What is reserved for root counts as free.", unit: percent, lines: []query{{part(space), "{{mountpoint}}"}}, steps: filling(), max: 1},
		graph{title: "Inodes", about: "The used part of each file system's inodes.", unit: percent, lines: []query{{part(inodes), "{{mountpoint}}"}}, steps: filling(), max: 1},
	)
}

func nodeTraffic(m string) section {
	io := func(direction string) string {
		return hostRate("system_network_io_bytes_total", m+`,direction="`+direction+`"`, "device")
	}
	return charts(
		graph{title: "Received", about: "Bytes that each interface receives each second.", unit: byteRate, lines: []query{{io("receive"), "{{device}}"}}},
		graph{title: "Transmitted", about: "Bytes that each interface sends each second.", unit: byteRate, lines: []query{{io("transmit"), "{{device}}"}}},
	)
}

func nodeFaults(m string) section {
	return charts(
		graph{title: "Packets", about: "Packets of each interface.", unit: perSecond, lines: []query{{hostRate("system_network_packets_total", m, "device", "direction"), "{{device}} {{direction}}"}}},
		graph{title: "Dropped packets", about: "Packets that each interface dropped.", unit: perSecond, lines: []query{{hostRate("system_network_dropped_total", m, "device", "direction"), "{{device}} {{direction}}"}}},
		graph{title: "Errors", about: "Packets with errors, of each interface.", unit: perSecond, lines: []query{{hostRate("system_network_errors_total", m, "device", "direction"), "{{device}} {{direction}}"}}},
	)
}
