package v1alpha1

import "maps"

// descriptions say what each field means, for the JSON Schema: by the path that
// an environment file has for it.
func descriptions() map[string]string {
	all := map[string]string{}
	for _, fields := range []map[string]string{
		environmentFields(), clusterFields(), telemetryFields(), backendFields(), containerFields(), portFields(),
	} {
		maps.Copy(all, fields)
	}
	return all
}

func environmentFields() map[string]string {
	return map[string]string{
		"apiVersion": "always diorama/v1alpha1",
		"kind":       "what the environment is made of",
		"name":       "names the environment, its folder and its kubectl context diorama-NAME",
		"cluster":    "what is simulated",
		"telemetry":  "how it is watched",
		"backend":    "where the telemetry goes",
		"dashboards": "dashboards on top of those that come with diorama",
		"kwok":       "kind kwok: what it runs alongside the collector and LGTM",
		"images":     "the container images of the kinds that need Docker",
		"chart":      "kind k3d: the Helm chart that both collectors are installed from",
		"ports":      "the loopback ports; 0 picks a free one, the word auto picks them all",

		"dashboards.folder":       "a folder with dashboards (.json, .jsonnet); it is watched",
		"dashboards.jsonnetPaths": "further folders that jsonnet imports are looked for in",
	}
}

func clusterFields() map[string]string {
	return map[string]string{
		"cluster.nodes":       "simulated nodes, 1 to 5000; kind k3d: alongside the real ones, 0 for none",
		"cluster.pods":        "long-running simulated pods, 0 to 20000; pods of daemon sets and jobs come on top",
		"cluster.podTemplate": "a file with one Pod that replaces the default workloads",
		"cluster.stages":      "files with KWOK Stages, applied after the default ones",
		"cluster.kubeContext": "kind kwok: a context of your kubeconfig, " +
			"to watch the KWOK cluster behind it in place of one of diorama's own",
		"cluster.servers":   "kind k3d: server nodes, 1 or an odd number up to 7",
		"cluster.agents":    "kind k3d: agent nodes, 0 to 20",
		"cluster.workloads": "kind k3d: default for a few small real workloads, or none",
	}
}

func telemetryFields() map[string]string {
	return map[string]string{
		"telemetry.interval":   "collection interval of every receiver, such as 5s",
		"telemetry.seed":       "the same seed gives the same usage",
		"telemetry.collectors": "collector configurations that replace the rendered ones",

		"telemetry.collectors.cluster": "configuration file of the cluster collector; kind k3d: its Helm values",
		"telemetry.collectors.nodes":   "configuration file of the node collector; kind k3d: its Helm values",

		"chart.repository": "URL of the Helm repository that has the chart opentelemetry-collector",
		"chart.version":    "version of the chart in the repository",
		"chart.digest": "SHA-256 of the chart in the repository, 64 hexadecimal digits; " +
			"one that was fetched before is then taken without the repository",
		"chart.path": "a chart of this machine, a folder or a .tgz, in place of the repository's",
	}
}

func backendFields() map[string]string {
	return map[string]string{
		"backend.retention":        "how long samples are kept, such as 24h",
		"backend.outOfOrderWindow": "how old a sample may be to be taken out of order",
		"backend.translationStrategy": "how OpenTelemetry names become Prometheus names, " +
			"as Prometheus calls the strategies",
		"backend.promoteResourceAttributes": "resource attributes that become labels, " +
			"on top of the built-in ones",
		"backend.rules":             "Prometheus rule files or globs",
		"backend.maxEvents":         "how many Kubernetes events are kept",
		"backend.publishPrometheus": "kind kwok: publish Prometheus at ports.prometheus too",
	}
}

func containerFields() map[string]string {
	return map[string]string{
		"images.lgtm":      "Grafana, Prometheus and OTLP in one image",
		"images.collector": "the OpenTelemetry Collector, contrib distribution",
		"images.statsProxy": "an image of diorama (make image) that serves the kubelet API to the collector; " +
			"without it diorama does so itself",
		"images.beyla":    "kind kwok: Grafana Beyla, run if kwok.beyla is true",
		"images.k3s":      "kind k3d: the image of every node",
		"images.workload": "kind k3d: the image of the default workloads; it has to have a shell",
		"images.load":     "tarballs of images (docker save), loaded if one of the images is missing",

		"kwok.beyla": "kind kwok: trace Grafana and Prometheus in LGTM with Beyla, " +
			"in a privileged container that sees LGTM's processes",
	}
}

func portFields() map[string]string {
	return map[string]string{
		"ports.kubernetes":       "Kubernetes API (TLS)",
		"ports.kubelet":          "kubelet API of the simulated nodes (TLS)",
		"ports.dashboards":       "dashboards: the page and the API",
		"ports.prometheus":       "Prometheus API",
		"ports.otlpGRPC":         "OTLP over gRPC",
		"ports.otlpHTTP":         "OTLP over HTTP",
		"ports.collectorMetrics": "Prometheus exporter of the cluster collector",
		"ports.nodeMetrics":      "Prometheus exporter of the node collector",
	}
}
