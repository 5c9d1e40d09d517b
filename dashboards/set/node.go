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
			podsOfNode(m),
		},
	}
}

func podsOfNode(m string) section {
	return listing(table{
		title: "Pods", about: "The pods of this node and what they use.", keys: []key{namespaceColumn(), podColumn()},
		columns: []column{
			{name: "CPU used", expr: sum(podCPU(m), perPod), unit: cores},
			{name: "Memory used", expr: sum(podMemory(m), perPod), unit: bytes},
			{name: "Received", expr: sum(received(m), perPod), unit: byteRate},
			{name: "Transmitted", expr: sum(transmitted(m), perPod), unit: byteRate},
			{name: "Restarts", expr: sum(restarts(m), perPod), unit: number, steps: steps{{1, "orange"}}},
		},
	})
}

func nodeFigures(m string) section {
	pressure := func(condition string) string {
		return "(" + nodeGauge("k8s_node_condition_"+condition+"_pressure", m) + " == bool 1)"
	}
	disk := ratio(nodeGauge("k8s_node_filesystem_usage_bytes", m), nodeGauge("k8s_node_filesystem_capacity_bytes", m))
	pods := ratio(sum(inPhase(running, m, perNode), nodeKey), nodeGauge("k8s_node_allocatable_pods", m))
	return figures(
		numberPanel{
			title: "Ready", about: "The node's condition Ready.",
			unit: number, expr: nodeReady(m), names: conditionNames(),
		},
		numberPanel{
			title: "Pressure", about: "How many of the conditions MemoryPressure, DiskPressure and PIDPressure hold.",
			unit: number, expr: pressure("memory") + " + " + pressure("disk") + " + " + pressure("pid"), steps: anyIsBad(),
		},
		numberPanel{
			title: "CPU in use", about: "CPU used, of what pods may use.",
			unit: percent, expr: ratio(nodeCPU(m), nodeGauge(allocatableCPU, m)), steps: filling(),
		},
		numberPanel{
			title: "Memory in use", about: "Working set, of what pods may use.",
			unit: percent, expr: ratio(nodeMemory(m), nodeGauge(allocatableMemory, m)), steps: filling(),
		},
		numberPanel{
			title: "Disk in use", about: "The node's file system, where images, containers and volumes are.",
			unit: percent, expr: disk, steps: filling(),
		},
		numberPanel{
			title: "Pods in use", about: "Running pods, of how many the node may have.",
			unit: percent, expr: pods, steps: filling(),
		},
	)
}

// allocatable is the legend of what pods may use of a node.
const allocatable = "allocatable"

func nodeLoad(m string) section {
	var load []query
	for _, span := range []string{"1m", "5m", "15m"} {
		load = append(load, query{host("system_cpu_load_average_"+span, m), span})
	}
	busy := hostRate("system_cpu_time_seconds_total", m+`,state!="idle"`, "cpu", "state")
	return charts(
		graph{
			title: "CPU usage", about: "Cores in use, and what pods may use.", unit: cores,
			lines:  []query{{nodeCPU(m), "usage"}, {nodeGauge(allocatableCPU, m), allocatable}},
			limits: []string{allocatable},
		},
		graph{
			title: "CPU by state", about: "What all processors do together, without what they idle.",
			unit: cores, lines: []query{{sum(busy, "state"), "{{state}}"}}, stacked: true,
		},
		graph{
			title: "Load", about: "Threads that run or want to run, over three spans of time.", unit: number, lines: load,
		},
	)
}

func nodeMemoryCharts(m string) section {
	connections := host("system_network_connections", m+`,state!="LISTEN"`, "protocol", "state")
	return charts(
		graph{
			title: "Memory usage", about: "Working set and RSS, and what pods may use.", unit: bytes,
			lines: []query{
				{nodeMemory(m), "working set"},
				{nodeGauge("k8s_node_memory_rss_bytes", m), "rss"},
				{nodeGauge(allocatableMemory, m), allocatable},
			},
			limits: []string{allocatable},
		},
		graph{
			title: "Memory by state", about: "What the node's memory is used for.", unit: bytes,
			lines: []query{{host("system_memory_usage_bytes", m, "state"), "{{state}}"}}, stacked: true,
		},
		graph{
			title: "Connections", about: "TCP connections by state.",
			unit: number, lines: []query{{connections, "{{protocol}} {{state}}"}},
		},
	)
}

// byDirection are the lines of a counter that each device has for both directions.
func byDirection(metric, m string) []query {
	return []query{{hostRate(metric, m, "device", "direction"), "{{device}} {{direction}}"}}
}

func nodeDisks(m string) section {
	return charts(
		graph{
			title: "Disk traffic", about: "Bytes read from and written to each device.",
			unit: byteRate, lines: byDirection("system_disk_io_bytes_total", m),
		},
		graph{
			title: "Disk operations", about: "Reads and writes of each device.",
			unit: perSecond, lines: byDirection("system_disk_operations_total", m),
		},
		graph{
			title: "Disk busy", about: "The part of the time in which a device had something to do.", unit: percent,
			lines: []query{{hostRate("system_disk_io_time_seconds_total", m, "device"), "{{device}}"}},
		},
	)
}

func nodeFilesystems(m string) section {
	part := func(metric string) []query {
		used := host(metric, m+`,state="used"`, "device", "mountpoint")
		all := sum(host(metric, m, "device", "mountpoint", "state"), nodeKey, "device", "mountpoint")
		return []query{{ratio(used, all), "{{mountpoint}}"}}
	}
	return charts(
		graph{
			title: "File system space",
			about: "The used part of each file system. What is reserved for root counts as free.",
			unit:  percent, lines: part("system_filesystem_usage_bytes"), steps: filling(), max: 1,
		},
		graph{
			title: "Inodes", about: "The used part of each file system's inodes.",
			unit: percent, lines: part("system_filesystem_inodes_usage"), steps: filling(), max: 1,
		},
	)
}

func nodeTraffic(m string) section {
	io := func(direction string) []query {
		bytes := hostRate("system_network_io_bytes_total", m+`,direction="`+direction+`"`, "device")
		return []query{{bytes, "{{device}}"}}
	}
	return charts(
		graph{
			title: "Received", about: "Bytes that each interface receives each second.",
			unit: byteRate, lines: io("receive"),
		},
		graph{
			title: "Transmitted", about: "Bytes that each interface sends each second.",
			unit: byteRate, lines: io("transmit"),
		},
	)
}

func nodeFaults(m string) section {
	return charts(
		graph{
			title: "Packets", about: "Packets of each interface.",
			unit: perSecond, lines: byDirection("system_network_packets_total", m),
		},
		graph{
			title: "Dropped packets", about: "Packets that each interface dropped.",
			unit: perSecond, lines: byDirection("system_network_dropped_total", m),
		},
		graph{
			title: "Errors", about: "Packets with errors, of each interface.",
			unit: perSecond, lines: byDirection("system_network_errors_total", m),
		},
	)
}
