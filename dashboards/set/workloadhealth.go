package set

import "strings"

// object is a metric of k8s_cluster about objects of one kind, once for each.
func object(metric, kind string) string {
	return once(gauge(metric, inNamespaces), namespaceKey, "k8s_"+kind+"_name")
}

func objectColumn(kind string, to ...link) key {
	return key{column: strings.ToUpper(kind[:1]) + kind[1:], label: "k8s_" + kind + "_name", links: to}
}

// A replicated kind of workload, and what its receiver calls what it should
// have and what it has.
type replicated struct{ kind, desired, actual string }

func deployments() replicated {
	return replicated{"deployment", "k8s_deployment_desired", "k8s_deployment_available"}
}

func statefulSets() replicated {
	return replicated{"statefulset", "k8s_statefulset_desired_pods", "k8s_statefulset_ready_pods"}
}

func daemonSets() replicated {
	return replicated{"daemonset", "k8s_daemonset_desired_scheduled_nodes", "k8s_daemonset_ready_nodes"}
}

// lacking is how many replicas are missing, for each object.
func (r replicated) lacking() string {
	return "(" + object(r.desired, r.kind) + " - " + object(r.actual, r.kind) + ")"
}

func workloadHealth() page {
	return page{
		name: "workload-health", title: "Kubernetes / Workload health",
		about: "Whether workloads have what they ask for: deployments, stateful sets, daemon sets, jobs, " +
			"autoscalers and quotas.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("Workloads", "namespace-workloads"), next("Events", "events")},
		sections: []section{
			healthFigures(), healthCharts(),
			heading("Deployments, stateful sets, daemon sets"), replicaTables(),
			heading("Jobs and autoscalers"), jobs(), autoscalers(),
			heading("Quotas"), quotas(),
		},
	}
}

func healthFigures() section {
	short := func(title, about, lacking string) panel {
		expr := sum("(" + lacking + " > bool 0)")
		return numberPanel{title: title, about: about, unit: number, expr: expr, steps: anyIsBad()}
	}
	return figures(
		short("Deployments short", "Deployments with fewer available pods than desired.", deployments().lacking()),
		short("Stateful sets short", "Stateful sets with fewer ready pods than desired.", statefulSets().lacking()),
		short("Daemon sets short", "Daemon sets that are not ready on every node that should have them.",
			daemonSets().lacking()),
		short("Jobs with failures", "Jobs of which a pod has failed.", object("k8s_job_failed_pods", "job")),
		numberPanel{
			title: "Pods pending", about: "Pods that wait for a node or an image.",
			unit: number, expr: sum(inPhase(pending, inNamespaces)), steps: steps{{1, "orange"}},
		},
		numberPanel{
			title: "Fullest quota", about: "The largest part of a quota that is used.",
			unit: percent, expr: "max(" + quotaUse() + ")", steps: filling(),
		},
	)
}

func healthCharts() section {
	unready := "(1 - " + once(gauge("k8s_container_ready", inNamespaces), containerKey) + ")" +
		" and on (" + podKey + ") (" + phase(inNamespaces) + " == 2)"
	return charts(
		graph{
			title: "Replicas missing", about: "Desired replicas that are not available or ready, by kind.", unit: number,
			lines: []query{
				{sum(deployments().lacking()), "deployments"},
				{sum(statefulSets().lacking()), "stateful sets"},
				{sum(daemonSets().lacking()), "daemon sets"},
			},
		},
		graph{
			title: "Pods by phase", about: "How many pods are in each phase.",
			unit: number, lines: phaseLines(inNamespaces), stacked: true,
		},
		graph{
			title: "Containers not ready", about: "Containers of running pods that are not ready.",
			unit: number, lines: []query{{sum(unready, perNamespace), namespaceLegend}}, stacked: true,
		},
	)
}

func replicaTables() section {
	one := func(title string, r replicated, actual string, more ...column) panel {
		name := objectColumn(r.kind)
		name.links = []link{toWorkloadOf(r.kind, name.column)}
		columns := append([]column{
			{name: "Desired", expr: object(r.desired, r.kind), unit: number},
			{name: actual, expr: object(r.actual, r.kind), unit: number},
		}, more...)
		return table{
			title: title, about: "Desired and actual replicas.", keys: []key{namespaceColumn(), name}, sortBy: "Missing",
			columns: append(columns, column{name: "Missing", expr: r.lacking(), unit: number, steps: anyIsBad()}),
		}
	}
	updated := column{name: "Updated", expr: object("k8s_statefulset_updated_pods", "statefulset"), unit: number}
	misplaced := column{name: "Misplaced", expr: object("k8s_daemonset_misscheduled_nodes", "daemonset"), unit: number}
	return section{height: 10, panels: []panel{
		one("Deployments", deployments(), "Available"),
		one("Stateful sets", statefulSets(), "Ready", updated),
		one("Daemon sets", daemonSets(), "Ready", misplaced),
	}}
}

func jobs() section {
	pods := func(what string) string { return object("k8s_job_"+what+"_pods", "job") }
	return section{height: 9, panels: []panel{
		graph{
			title: "Pods of jobs",
			about: "Pods of all jobs that run, have succeeded and have failed. " +
				"Finished jobs leave when they are cleaned up.",
			unit: number,
			lines: []query{
				{sum(pods("active")), "active"}, {sum(pods("successful")), "succeeded"}, {sum(pods("failed")), "failed"},
			},
		},
		table{
			title: "Jobs", about: "Each job and the state of its pods.", sortBy: "Failed",
			keys: []key{namespaceColumn(), objectColumn("job", toWorkloadOf("job", "Job"))},
			columns: []column{
				{name: "Wanted", expr: pods("desired_successful"), unit: number},
				{name: "Active", expr: pods("active"), unit: number},
				{name: "Succeeded", expr: pods("successful"), unit: number},
				{name: "Failed", expr: pods("failed"), unit: number, steps: anyIsBad()},
			},
		},
		table{
			title: "Cron jobs", about: "Each cron job and its jobs that run.",
			keys:    []key{namespaceColumn(), objectColumn("cronjob", toWorkloadOf("cronjob", "Cronjob"))},
			columns: []column{{name: "Active", expr: object("k8s_cronjob_active_jobs", "cronjob"), unit: number}},
		},
	}}
}

func autoscalers() section {
	const legend = namespaceLegend + "/{{k8s_hpa_name}}"
	value := func(what string) string { return object("k8s_hpa_"+what+"_replicas", "hpa") }
	return section{height: 9, panels: []panel{
		graph{
			title: "Replicas under autoscalers", about: "Replicas that each autoscaler sees, and the most that it may set.",
			unit: number, lines: []query{{value("current"), legend}, {value("max"), legend + " max"}},
		},
		table{
			title: "Autoscalers",
			about: "Each autoscaler and its bounds. Desired is 0 where there are no resource metrics to scale by.",
			keys:  []key{namespaceColumn(), objectColumn("hpa")}, sortBy: "Of max",
			columns: []column{
				{name: "Min", expr: value("min"), unit: number},
				{name: "Current", expr: value("current"), unit: number},
				{name: "Desired", expr: value("desired"), unit: number},
				{name: "Max", expr: value("max"), unit: number},
				{name: "Of max", expr: ratio(value("current"), value("max")), unit: percent},
			},
		},
	}}
}

// quotaPart is one number of each resource of each quota, as the receiver has it.
func quotaPart(part string, matchers ...string) string {
	matched := strings.Join(append([]string{inNamespaces}, matchers...), ",")
	return once(gauge("k8s_resource_quota_"+part, matched), namespaceKey, "k8s_resourcequota_name", "resource")
}

// quotaValue is the same with all CPU in cores: the receiver has requests.cpu
// and limits.cpu in millicores, and plain cpu in cores.
func quotaValue(part string) string {
	return quotaPart(part, `resource=~".+[.]cpu"`) + " / 1000 or " + quotaPart(part, `resource!~".+[.]cpu"`)
}

// quotaUse is the used part of each resource of each quota.
func quotaUse() string { return ratio(quotaPart("used"), "("+quotaPart("hard_limit")+" > 0)") }

func quotas() section {
	const legend = namespaceLegend + "/{{k8s_resourcequota_name}} {{resource}}"
	return section{height: 9, panels: []panel{
		graph{
			title: "Quotas used", about: "The used part of each resource of each quota.",
			unit: percent, lines: []query{{quotaUse(), legend}}, steps: filling(), list: true,
		},
		table{
			title: "Quotas", about: "Each resource of each quota; CPU in cores, memory and storage in bytes.",
			keys: []key{
				namespaceColumn(), {column: "Quota", label: "k8s_resourcequota_name"}, {column: "Resource", label: "resource"},
			},
			sortBy: "Used part",
			columns: []column{
				{name: "Used", expr: quotaValue("used"), unit: number},
				{name: "Hard limit", expr: quotaValue("hard_limit"), unit: number},
				{name: "Used part", expr: quotaUse(), unit: percent, steps: filling()},
			},
		},
	}}
}
