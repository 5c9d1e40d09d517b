package set

// podErrors are errors of the pods' interfaces, in one direction.
func podErrors(direction, m string, extra ...string) string {
	return podTraffic("k8s_pod_network_errors_total", direction, m, extra...)
}

// anyErrors colours errors each second.
func anyErrors() steps { return steps{{0.001, "red"}} }

// networkFigures are the four numbers on top of traffic.
func networkFigures(m string) section {
	return figures(
		numberPanel{
			title: "Received", about: "Bytes that pods receive each second.", unit: byteRate, expr: sum(received(m)),
		},
		numberPanel{
			title: "Transmitted", about: "Bytes that pods send each second.", unit: byteRate, expr: sum(transmitted(m)),
		},
		numberPanel{
			title: "Receive errors", about: "Errors each second while pods receive.",
			unit: perSecond, expr: sum(podErrors("receive", m)), steps: anyErrors(),
		},
		numberPanel{
			title: "Transmit errors", about: "Errors each second while pods send.",
			unit: perSecond, expr: sum(podErrors("transmit", m)), steps: anyErrors(),
		},
	)
}

// errorCharts show errors of both directions, a line for each label.
func errorCharts(m, by, legend string) section {
	return charts(
		graph{
			title: "Receive errors", about: "Errors each second while pods receive.",
			unit: perSecond, lines: []query{{sum(podErrors("receive", m), by), legend}},
		},
		graph{
			title: "Transmit errors", about: "Errors each second while pods send.",
			unit: perSecond, lines: []query{{sum(podErrors("transmit", m), by), legend}},
		},
	)
}
