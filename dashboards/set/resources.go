package set

// cpuColumns and memoryColumns are the columns of computing resources: usage, and
// requests and limits with how much of them is used. keys group the rows.
func cpuColumns(m string, keys ...key) []column {
	reservedBy := func(metric string) string { return sum(reserved(metric, m), by(keys...)) }
	return usageColumns(cores, sum(podCPU(m), by(keys...)), reservedBy(cpuRequest), reservedBy(cpuLimit))
}

func memoryColumns(m string, keys ...key) []column {
	reservedBy := func(metric string) string { return sum(reserved(metric, m), by(keys...)) }
	columns := usageColumns(bytes, sum(podMemory(m), by(keys...)), reservedBy(memoryRequest), reservedBy(memoryLimit))
	rss := sum(podGauge("k8s_pod_memory_rss_bytes", m), by(keys...))
	return append(columns, column{name: "RSS", expr: rss, unit: bytes})
}

// cpuTable and memoryTable have a row for each of the keys.
func cpuTable(m string, keys ...key) section {
	return listing(table{
		title: "CPU",
		about: "CPU used, and requested and allowed by the containers' specs. " +
			"A reservation of finished pods does not count.",
		keys: keys, columns: cpuColumns(m, keys...),
	})
}

func memoryTable(m string, keys ...key) section {
	return listing(table{
		title: "Memory", about: "Working set and RSS, and memory requested and allowed by the containers' specs.",
		keys: keys, columns: memoryColumns(m, keys...),
	})
}

func trafficTable(m string, keys ...key) section {
	return listing(table{
		title: "Network", about: "Traffic and errors. Pods on the host's network report the node's whole traffic.",
		keys: keys, columns: trafficColumns(m, keys...),
	})
}

func trafficColumns(m string, keys ...key) []column {
	group := by(keys...)
	return []column{
		{name: "Received", expr: sum(received(m), group), unit: byteRate},
		{name: "Transmitted", expr: sum(transmitted(m), group), unit: byteRate},
		{name: "Receive errors", expr: sum(podErrors("receive", m), group), unit: perSecond, steps: anyErrors()},
		{name: "Transmit errors", expr: sum(podErrors("transmit", m), group), unit: perSecond, steps: anyErrors()},
	}
}

// trafficCharts show both directions, a line for each label.
func trafficCharts(m, by, legend string, to *link) section {
	const hostNetwork = "Pods on the host's network report the node's whole traffic."
	return charts(
		graph{
			title: "Received", about: "Bytes that pods receive each second. " + hostNetwork,
			unit: byteRate, lines: []query{{sum(received(m), by), legend}}, stacked: true, link: to,
		},
		graph{
			title: "Transmitted", about: "Bytes that pods send each second. " + hostNetwork,
			unit: byteRate, lines: []query{{sum(transmitted(m), by), legend}}, stacked: true, link: to,
		},
	)
}

// usageFigures are the numbers on top of what runs pods.
func usageFigures(m string) section {
	cpu, memory := sum(podCPU(m)), sum(podMemory(m))
	return figures(
		numberPanel{title: "Pods running", about: "Pods in phase Running.", unit: number, expr: sum(inPhase(running, m))},
		numberPanel{title: "CPU used", about: "Cores in use.", unit: cores, expr: cpu},
		numberPanel{
			title: "CPU of requests", about: "CPU used, of what the containers request.",
			unit: percent, expr: ratio(cpu, sum(reserved(cpuRequest, m))), steps: filling(),
		},
		numberPanel{title: "Memory used", about: "Working set.", unit: bytes, expr: memory},
		numberPanel{
			title: "Memory of requests", about: "Working set, of what the containers request.",
			unit: percent, expr: ratio(memory, sum(reserved(memoryRequest, m))), steps: filling(),
		},
		numberPanel{
			title: "Restarts", about: "How often the containers of these pods have restarted in their lives.",
			unit: number, expr: sum(restarts(m)), steps: steps{{1, "orange"}},
		},
	)
}

// restarts of each container of a living pod. The API server's count may go
// down when the kubelet forgets old containers: it is a gauge.
func restarts(m string) string { return once(gauge("k8s_container_restarts", m), containerKey) }

// usageCharts show CPU and memory, a line for each label, and what is reserved for all.
func usageCharts(m, by, legend string, to *link) []section {
	chart := func(title, about, unit, usage, request, limit string) section {
		return section{height: 9, panels: []panel{graph{
			title: title, about: about, unit: unit, stacked: true, list: true, link: to,
			lines: []query{
				{sum(usage, by), legend},
				{sum(reserved(request, m)), requested},
				{sum(reserved(limit, m)), limited},
			},
			limits: []string{requested, limited},
		}}}
	}
	return []section{
		chart("CPU usage", "Cores in use, and what all containers together request and may use.",
			cores, podCPU(m), cpuRequest, cpuLimit),
		chart("Memory usage", "Working set, and what all containers together request and may use.",
			bytes, podMemory(m), memoryRequest, memoryLimit),
	}
}

// The legends of what is reserved.
const (
	requested = "requests"
	limited   = "limits"
)
