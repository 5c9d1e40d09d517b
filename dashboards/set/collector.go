package set

// The legends of one collector, of which a daemon set has several for one
// service, and of what collectors do by service.
const (
	instanceLegend = "{{service_name}} {{service_instance_id}}"
	receiverLegend = "{{service_name}} {{receiver}}"
	exporterLegend = "{{service_name}} {{exporter}}"
	perReceiver    = "service_name, receiver"
	perExporter    = "service_name, exporter"
)

// What collectors say about themselves, by what the labels tell apart.
func own(metric, matchers string, extra ...string) string {
	return once(gauge(metric, matchers), append([]string{collectorKey}, extra...)...)
}

func ownRate(metric, matchers string, extra ...string) string {
	return once(rate(metric, matchers), append([]string{collectorKey}, extra...)...)
}

// receiverRate and scraperRate are counters of points, by receiver and by what they come in through.
func receiverRate(outcome, m string) string {
	return ownRate("otelcol_receiver_"+outcome+"_metric_points_total", m, "receiver", "transport")
}

func scraperRate(outcome, m string) string {
	return ownRate("otelcol_scraper_"+outcome+"_metric_points_total", m, "receiver", "scraper")
}

func pointsSent(m string) string {
	return ownRate("otelcol_exporter_sent_metric_points_total", m, "exporter")
}

// queueUse is how full each exporter's queue is.
func queueUse(m string) string {
	queue := func(what string) string { return own("otelcol_exporter_queue_"+what, m, "exporter", "data_type") }
	return ratio(queue("size"), queue("capacity"))
}

func collector() page {
	m := inCluster + `,service_name=~"$collector"`
	names := labelValues("otelcol_process_uptime_seconds_total", inCluster, "service_name")
	collectors := several(queryVariable("collector", "Collector", names))
	return page{
		name: "collector", title: "OpenTelemetry / Collector",
		about:     "The collectors themselves: what they take in, refuse, drop and send, and what that costs them.",
		variables: []variable{datasourceVariable(), clusterVariable(), collectors},
		links:     []top{next("Environment", "environment"), next("Events", "events")},
		sections: []section{
			collectorFigures(m),
			heading("Receivers"), collectorReceivers(m),
			heading("Processors and exporters"), collectorPipelines(m), collectorQueues(m),
			heading("Processes"), collectorProcesses(m),
		},
	}
}

func collectorFigures(m string) section {
	// A scrape that fails as a whole counts no errors: its scraper only reads nothing.
	errs, nothing := scraperRate("errored", m)+" > bool 0", scraperRate("scraped", m)+" == bool 0"
	failing := "clamp_max((" + errs + ") + (" + nothing + "), 1)"
	return figures(
		numberPanel{
			title: "Collectors", about: "Collectors that report.",
			unit: number, expr: count(own("otelcol_process_uptime_seconds_total", m)),
		},
		numberPanel{
			title: "Points in", about: "Metric points that the receivers take in.",
			unit: perSecond, expr: sum(receiverRate("accepted", m)),
		},
		numberPanel{
			title: "Points out", about: "Metric points that the exporters send.",
			unit: perSecond, expr: sum(pointsSent(m)),
		},
		numberPanel{
			title: "Refused", about: "Metric points that the pipeline refused. Receivers lose what is refused.",
			unit: perSecond, expr: sum(receiverRate("refused", m)), steps: steps{{0.001, "red"}},
		},
		numberPanel{
			title: "Failing scrapers", about: "Scrapers that could not read something, or read nothing at all.",
			unit: number, expr: sum(failing), steps: anyIsBad(),
		},
		numberPanel{
			title: "Fullest queue", about: "The fullest sending queue. A full one loses data.",
			unit: percent, expr: "max(" + queueUse(m) + ")", steps: steps{{0.5, "orange"}, {0.8, "red"}},
		},
	)
}

func collectorReceivers(m string) section {
	return charts(
		graph{
			title: "Metric points accepted", about: "By collector and receiver.", unit: perSecond, stacked: true,
			lines: []query{{sum(receiverRate("accepted", m), perReceiver), receiverLegend}},
		},
		graph{
			title: "Metric points refused or failed",
			about: "By collector and receiver: refused by the pipeline, or failed in the receiver.", unit: perSecond,
			lines: []query{
				{sum(receiverRate("refused", m), perReceiver), receiverLegend + " refused"},
				{sum(receiverRate("failed", m), perReceiver), receiverLegend + " failed"},
			},
		},
		graph{
			title: "Metrics scraped",
			about: "Metrics that receivers scrape, and those that failed. " +
				"In spite of their names, the counters count no points.",
			unit: perSecond,
			lines: []query{
				{sum(scraperRate("scraped", m), perReceiver), receiverLegend},
				{sum(scraperRate("errored", m), perReceiver), receiverLegend + " failed"},
			},
		},
	)
}

func collectorPipelines(m string) section {
	items := func(direction string) string {
		return sum(ownRate("otelcol_processor_"+direction+"_items_total", m, "processor", "otel_signal"),
			"service_name, processor")
	}
	batches := func(what string) string {
		return sum(ownRate("otelcol_processor_batch_batch_send_size_"+what, m), "service_name")
	}
	return charts(
		graph{
			title: "Items lost in processors",
			about: "What goes into a processor and does not come out. Batches make it swing around zero.",
			unit:  perSecond, signed: true,
			lines: []query{{items("incoming") + " - " + items("outgoing"), "{{service_name}} {{processor}}"}},
		},
		graph{
			title: "Batch size", about: "Items in a batch, on average.",
			unit: number, lines: []query{{ratio(batches("sum"), batches("count")), "{{service_name}}"}},
		},
		graph{
			title: "Metric points sent", about: "By exporter.",
			unit: perSecond, lines: []query{{sum(pointsSent(m), perExporter), exporterLegend}}, stacked: true,
		},
	)
}

func collectorQueues(m string) section {
	// The second is what contrib calls it from 0.160 on.
	pods := gauge("otelcol_otelsvc_k8s_pod_table_size_ratio", m) + " or " +
		gauge("otelcol_k8s_watcher_pod_cache_size_ratio", m)
	// The label pod_identifier is the pod's own identifier in contrib 0.149, what kind of one it is in 0.158, and
	// left out by diorama's own collectors. So all series are added up, none of which comes from two collectors.
	podless := sum(rate("otelcol_k8s_pod_association_total", m+`,status="error"`), "service_name")
	return charts(
		graph{
			title: "Queues", about: "How full each exporter's queue is.", unit: percent,
			lines: []query{{queueUse(m), instanceLegend + " {{exporter}} {{data_type}}"}}, steps: steps{{0.8, "red"}}, max: 1,
		},
		graph{
			title: "Pods known", about: "Pods, by all their addresses and names, that k8s_attributes can look up.",
			unit: number, lines: []query{{once(pods, collectorKey), instanceLegend}},
		},
		graph{
			title: "Resources without a pod",
			about: "Resources for which k8s_attributes found no pod. Nodes and workloads are among them.",
			unit:  perSecond, lines: []query{{podless, "{{service_name}}"}},
		},
	)
}

func collectorProcesses(m string) section {
	return charts(
		graph{
			title: "CPU used", about: "Cores that each collector uses.", unit: cores,
			lines: []query{{ownRate("otelcol_process_cpu_seconds_total", m), instanceLegend}},
		},
		graph{
			title: "Memory", about: "Resident memory of each collector, and its heap.", unit: bytes,
			lines: []query{
				{own("otelcol_process_memory_rss_bytes", m), instanceLegend + " rss"},
				{own("otelcol_process_runtime_heap_alloc_bytes", m), instanceLegend + " heap"},
			},
		},
		graph{
			title: "Uptime", about: "Time since each collector started.", unit: seconds,
			lines: []query{{own("otelcol_process_uptime_seconds_total", m), instanceLegend}},
		},
	)
}
