package set

// networkFigures are the four numbers on top of traffic.
func networkFigures(m string) section {
	const failures = "k8s_pod_network_errors_total"
	return figures(
		numberPanel{title: "Received", about: "Bytes that pods receive each second.", unit: byteRate, expr: sum(received(m))},
		numberPanel{title: "Transmitted", about: "Bytes that pods send each second.", unit: byteRate, expr: sum(transmitted(m))},
		numberPanel{title: "Receive errors", about: "Errors each second while pods receive.", unit: perSecond, expr: sum(podTraffic(failures, "receive", m)), steps: steps{{0.001, "red"}}},
		numberPanel{title: "Transmit errors", about: "Errors each second while pods send.", unit: perSecond, expr: sum(podTraffic(failures, "transmit", m)), steps: steps{{0.001, "red"}}},
	)
}

// errorCharts show errors of both directions, a line for each label.
func errorCharts(m, by, legend string) section {
	const failures = "k8s_pod_network_errors_total"
	return charts(
		graph{title: "Receive errors", about: "Errors each second while pods receive.", unit: perSecond, lines: []query{{sum(podTraffic(failures, "receive", m), by), legend}}},
		graph{title: "Transmit errors", about: "Errors each second while pods send.", unit: perSecond, lines: []query{{sum(podTraffic(failures, "transmit", m), by), legend}}},
	)
}
