package set

// cpuColumns and memoryColumns are the columns of computing resources: usage, and
// requests and limits with how much of them is used. keys group the rows.
func cpuColumns(m string, keys ...key) []column {
	usage := sum(podCPU(m), by(keys...))
	columns := []column{{name: "Usage", expr: usage, unit: cores}}
	columns = append(columns, against("Requests", cores, usage, sum(reserved("k8s_container_cpu_request", m), by(keys...)))...)
	return append(columns, against("Limits", cores, usage, sum(reserved("k8s_container_cpu_limit", m), by(keys...)))...)
}

func memoryColumns(m string, keys ...key) []column {
	usage := sum(podMemory(m), by(keys...))
	columns := []column{{name: "Usage", expr: usage, unit: bytes}}
	columns = append(columns, against("Requests", bytes, usage, sum(reserved("k8s_container_memory_request_bytes", m), by(keys...)))...)
	columns = append(columns, against("Limits", bytes, usage, sum(reserved("k8s_container_memory_limit_bytes", m), by(keys...)))...)
	return append(columns, column{name: "RSS", expr: sum(podGauge("k8s_pod_memory_rss_bytes", m), by(keys...)), unit: bytes})
}

// cpuTable and memoryTable have a row for each of the keys.
func cpuTable(m string, keys ...key) section {
	return listing(table{title: "CPU", about: "CPU used, and requested and allowed by the containers' specs. A reservation of finished pods does not count.", keys: keys, columns: cpuColumns(m, keys...)})
}

func memoryTable(m string, keys ...key) section {
	return listing(table{title: "Memory", about: "Working set and RSS, and memory requested and allowed by the containers' specs.", keys: keys, columns: memoryColumns(m, keys...)})
}

func trafficTable(m string, keys ...key) section {
	return listing(table{title: "Network", about: "Traffic and errors. Pods on the host's network report the node's whole traffic.", keys: keys, columns: trafficColumns(m, keys...)})
}

func trafficColumns(m string, keys ...key) []column {
	const failures = "k8s_pod_network_errors_total"
	return []column{
		{name: "Received", expr: sum(received(m), by(keys...)), unit: byteRate},
		{name: "Transmitted", expr: sum(transmitted(m), by(keys...)), unit: byteRate},
		{name: "Receive errors", expr: sum(podTraffic(failures, "receive", m), by(keys...)), unit: perSecond, steps: steps{{0.001, "red"}}},
		{name: "Transmit errors", expr: sum(podTraffic(failures, "transmit", m), by(keys...)), unit: perSecond, steps: steps{{0.001, "red"}}},
	}
}

// trafficCharts show both directions, a line for each label.
func trafficCharts(m, by, legend string, to *link) section {
	return charts(
		graph{title: "Received", about: "Bytes that pods receive each second. Pods on the host's network report the node's whole traffic.", unit: byteRate, lines: []query{{sum(received(m), by), legend}}, stacked: true, link: to},
		graph{title: "Transmitted", about: "Bytes that pods send each second. Pods on the host's network report the node's whole traffic.", unit: byteRate, lines: []query{{sum(transmitted(m), by), legend}}, stacked: true, link: to},
	)
}

// usageFigures are the four numbers on top of what runs pods.
func usageFigures(m string) section {
	cpu, memory := sum(podCPU(m)), sum(podMemory(m))
	return figures(
		numberPanel{title: "Pods running", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
		numberPanel{title: "CPU used", about: "Cores in use.", unit: cores, expr: cpu},
		numberPanel{title: "CPU of requests", about: "CPU used, of what the containers request.", unit: percent, expr: ratio(cpu, sum(reserved("k8s_container_cpu_request", m))), steps: filling()},
		numberPanel{title: "Memory used", about: "Working set.", unit: bytes, expr: memory},
		numberPanel{title: "Memory of requests", about: "Working set, of what the containers request.", unit: percent, expr: ratio(memory, sum(reserved("k8s_container_memory_request_bytes", m))), steps: filling()},
		numberPanel{title: "Restarts", about: "How often the containers of these pods have restarted in their lives.", unit: number, expr: sum(restarts(m)), steps: steps{{1, "orange"}}},
	)
}

// restarts of each container of a living pod. The API server's count may go
// down when the kubelet forgets old containers: it is a gauge.
func restarts(m string, extra ...string) string {
	return once(gauge("k8s_container_restarts", m), append([]string{containerKey}, extra...)...)
}

// usageCharts show CPU and memory, a line for each label, and what is reserved for all.
func usageCharts(m, by, legend string, to *link) []section {
	return []section{
		{height: 9, panels: []panel{graph{
			title: "CPU usage", about: "Cores in use, and what all containers together request and may use.", unit: cores, stacked: true, list: true, link: to,
			lines: []query{
				{sum(podCPU(m), by), legend},
				{sum(reserved("k8s_container_cpu_request", m)), requested},
				{sum(reserved("k8s_container_cpu_limit", m)), limited},
			},
			limits: []string{requested, limited},
		}}},
		{height: 9, panels: []panel{graph{
			title: "Memory usage", about: "Working set, and what all containers together request and may use.", unit: bytes, stacked: true, list: true, link: to,
			lines: []query{
				{sum(podMemory(m), by), legend},
				{sum(reserved("k8s_container_memory_request_bytes", m)), requested},
				{sum(reserved("k8s_container_memory_limit_bytes", m)), limited},
			},
			limits: []string{requested, limited},
		}}},
	}
}

// The legends of what is reserved.
const (
	requested = "requests"
	limited   = "limits"
)
