package set

// instanceLegend names one collector: a daemon set has several of one service.
const instanceLegend = "{{service_name}} {{service_instance_id}}"

// What collectors say about themselves, by what the labels tell apart.
func own(metric, matchers string, extra ...string) string {
	return once(gauge(metric, matchers), append([]string{collectorKey}, extra...)...)
}

func ownRate(metric, matchers string, extra ...string) string {
	return once(rate(metric, matchers), append([]string{collectorKey}, extra...)...)
}

func collector() page {
	m := inCluster + `,service_name=~"$collector"`
	accepted := ownRate("otelcol_receiver_accepted_metric_points_total", m, "receiver", "transport")
	sent := ownRate("otelcol_exporter_sent_metric_points_total", m, "exporter")
	// A scrape that fails as a whole counts no errors: its scraper only reads nothing.
	failing := "clamp_max((" + ownRate("otelcol_scraper_errored_metric_points_total", m, "receiver", "scraper") + " > bool 0) + (" +
		ownRate("otelcol_scraper_scraped_metric_points_total", m, "receiver", "scraper") + " == bool 0), 1)"
	// The second is what contrib calls it from 0.160 on.
	pods := once(gauge("otelcol_otelsvc_k8s_pod_table_size_ratio", m)+" or "+gauge("otelcol_k8s_watcher_pod_cache_size_ratio", m), collectorKey)
	// The label pod_identifier is the pod's own identifier in contrib 0.149, what kind of one it is in 0.158, and left
	// out by diorama's own collectors. So all series are added up, none of which comes from two collectors.
	podless := sum(rate("otelcol_k8s_pod_association_total", m+`,status="error"`), "service_name")
	queue := ratio(own("otelcol_exporter_queue_size", m, "exporter", "data_type"), own("otelcol_exporter_queue_capacity", m, "exporter", "data_type"))
	collectors := several(queryVariable("collector", "Collector", "label_values(otelcol_process_uptime_seconds_total{"+inCluster+"}, service_name)"))
	return page{
		name: "collector", title: "OpenTelemetry / Collector",
		about:     "The collectors themselves: what they take in, refuse, drop and send, and what that costs them.",
		variables: []variable{datasourceVariable(), clusterVariable(), collectors},
		links:     []top{next("Environment", "environment"), next("Events", "events")},
		sections: []section{
			figures(
				numberPanel{title: "Collectors", about: "Collectors that report.", unit: number, expr: count(own("otelcol_process_uptime_seconds_total", m))},
				numberPanel{title: "Points in", about: "Metric points that the receivers take in.", unit: perSecond, expr: sum(accepted)},
				numberPanel{title: "Points out", about: "Metric points that the exporters send.", unit: perSecond, expr: sum(sent)},
				numberPanel{title: "Refused", about: "Metric points that the pipeline refused. Receivers lose what is refused.", unit: perSecond, expr: sum(ownRate("otelcol_receiver_refused_metric_points_total", m, "receiver", "transport")), steps: steps{{0.001, "red"}}},
				numberPanel{title: "Failing scrapers", about: "Scrapers that could not read something, or read nothing at all.", unit: number, expr: sum(failing), steps: anyIsBad()},
				numberPanel{title: "Fullest queue", about: "The fullest sending queue. A full one loses data.", unit: percent, expr: "max(" + queue + ")", steps: steps{{0.5, "orange"}, {0.8, "red"}}},
			),
			heading("Receivers"),
			charts(
				graph{title: "Metric points accepted", about: "By collector and receiver.", unit: perSecond, lines: []query{{sum(accepted, "service_name, receiver"), "{{service_name}} {{receiver}}"}}, stacked: true},
				graph{title: "Metric points refused or failed", about: "By collector and receiver: refused by the pipeline, or failed in the receiver.", unit: perSecond, lines: []query{
					{sum(ownRate("otelcol_receiver_refused_metric_points_total", m, "receiver", "transport"), "service_name, receiver"), "{{service_name}} {{receiver}} refused"},
					{sum(ownRate("otelcol_receiver_failed_metric_points_total", m, "receiver", "transport"), "service_name, receiver"), "{{service_name}} {{receiver}} failed"},
				}},
				graph{title: "Metrics scraped", about: "Metrics that receivers scrape, and those that failed. In spite of their names, the counters count no points.", unit: perSecond, lines: []query{
					{sum(ownRate("otelcol_scraper_scraped_metric_points_total", m, "receiver", "scraper"), "service_name, receiver"), "{{service_name}} {{receiver}}"},
					{sum(ownRate("otelcol_scraper_errored_metric_points_total", m, "receiver", "scraper"), "service_name, receiver"), "{{service_name}} {{receiver}} failed"},
				}},
			),
			heading("Processors and exporters"),
			charts(
				graph{title: "Items lost in processors", about: "What goes into a processor and does not come out. Batches make it swing around zero.", unit: perSecond, signed: true, lines: []query{{
					sum(ownRate("otelcol_processor_incoming_items_total", m, "processor", "otel_signal"), "service_name, processor") + " - " + sum(ownRate("otelcol_processor_outgoing_items_total", m, "processor", "otel_signal"), "service_name, processor"), "{{service_name}} {{processor}}",
				}}},
				graph{title: "Batch size", about: "Items in a batch, on average.", unit: number, lines: []query{{
					ratio(sum(ownRate("otelcol_processor_batch_batch_send_size_sum", m), "service_name"), sum(ownRate("otelcol_processor_batch_batch_send_size_count", m), "service_name")), "{{service_name}}",
				}}},
				graph{title: "Metric points sent", about: "By exporter.", unit: perSecond, lines: []query{{sum(sent, "service_name, exporter"), "{{service_name}} {{exporter}}"}}, stacked: true},
			),
			charts(
				graph{title: "Queues", about: "How full each exporter's queue is.", unit: percent, lines: []query{{queue, "{{service_name}} {{service_instance_id}} {{exporter}} {{data_type}}"}}, steps: steps{{0.8, "red"}}, max: 1},
				graph{title: "Pods known", about: "Pods, by all their addresses and names, that k8s_attributes can look up.", unit: number, lines: []query{{pods, instanceLegend}}},
				graph{title: "Resources without a pod", about: "Resources for which k8s_attributes found no pod. Nodes and workloads are among them.", unit: perSecond, lines: []query{{podless, "{{service_name}}"}}},
			),
			heading("Processes"), collectorProcesses(m),
		},
	}
}

func collectorProcesses(m string) section {
	return charts(
		graph{title: "CPU used", about: "Cores that each collector uses.", unit: cores, lines: []query{{ownRate("otelcol_process_cpu_seconds_total", m), instanceLegend}}},
		graph{title: "Memory", about: "Resident memory of each collector, and its heap.", unit: bytes, lines: []query{
			{own("otelcol_process_memory_rss_bytes", m), instanceLegend + " rss"}, {own("otelcol_process_runtime_heap_alloc_bytes", m), instanceLegend + " heap"},
		}},
		graph{title: "Uptime", about: "Time since each collector started.", unit: seconds, lines: []query{{own("otelcol_process_uptime_seconds_total", m), instanceLegend}}},
	)
}
