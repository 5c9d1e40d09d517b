package set

import "strings"

// object is a metric of k8s_cluster about objects of one kind, once for each.
func object(metric, kind string) string {
	return once(gauge(metric, inNamespaces), namespaceKey, "k8s_"+kind+"_name")
}

func objectColumn(kind string, to ...link) key {
	return key{column: strings.ToUpper(kind[:1]) + kind[1:], label: "k8s_" + kind + "_name", links: to}
}

// workloadLink opens the workload of a kind that a column names.
func workloadLink(kind, column string) link {
	return link{title: "This workload", to: "workload", fixed: [][2]string{{"kind", kind}}, set: [][2]string{{"namespace", "Namespace"}, {"workload", column}}, keep: []string{"cluster"}}
}

// lacking is how many replicas are missing, for each object.
func lacking(desired, actual, kind string) string {
	return "(" + object(desired, kind) + " - " + object(actual, kind) + ")"
}

func workloadHealth() page {
	deployments := lacking("k8s_deployment_desired", "k8s_deployment_available", "deployment")
	statefulsets := lacking("k8s_statefulset_desired_pods", "k8s_statefulset_ready_pods", "statefulset")
	daemonsets := lacking("k8s_daemonset_desired_scheduled_nodes", "k8s_daemonset_ready_nodes", "daemonset")
	quota := ratio(quotaPart("used"), "("+quotaPart("hard_limit")+" > 0)")
	short := func(expr string) string { return sum("(" + expr + " > bool 0)") }
	return page{
		name: "workload-health", title: "Kubernetes / Workload health",
		about:     "Whether workloads have what they ask for: deployments, stateful sets, daemon sets, jobs, autoscalers and quotas.",
		variables: []variable{datasourceVariable(), clusterVariable(), namespacesVariable()},
		links:     []top{next("Workloads", "namespace-workloads"), next("Events", "events")},
		sections: []section{
			figures(
				numberPanel{title: "Deployments short", about: "Deployments with fewer available pods than desired.", unit: number, expr: short(deployments), steps: anyIsBad()},
				numberPanel{title: "Stateful sets short", about: "Stateful sets with fewer ready pods than desired.", unit: number, expr: short(statefulsets), steps: anyIsBad()},
				numberPanel{title: "Daemon sets short", about: "Daemon sets that are not ready on every node that should have them.", unit: number, expr: short(daemonsets), steps: anyIsBad()},
				numberPanel{title: "Jobs with failures", about: "Jobs of which a pod has failed.", unit: number, expr: short(object("k8s_job_failed_pods", "job")), steps: anyIsBad()},
				numberPanel{title: "Pods pending", about: "Pods that wait for a node or an image.", unit: number, expr: sum(inPhase(pending, inNamespaces)), steps: steps{{1, "orange"}}},
				numberPanel{title: "Fullest quota", about: "The largest part of a quota that is used.", unit: percent, expr: "max(" + quota + ")", steps: filling()},
			),
			charts(
				graph{title: "Replicas missing", about: "Desired replicas that are not available or ready, by kind.", unit: number, lines: []query{{sum(deployments), "deployments"}, {sum(statefulsets), "stateful sets"}, {sum(daemonsets), "daemon sets"}}},
				graph{title: "Pods by phase", about: "How many pods are in each phase.", unit: number, lines: phaseLines(inNamespaces), stacked: true},
				graph{title: "Containers not ready", about: "Containers of running pods that are not ready.", unit: number, lines: []query{{sum("(1 - "+once(gauge("k8s_container_ready", inNamespaces), containerKey)+") and on ("+podKey+") ("+phase(inNamespaces)+" == 2)", "k8s_namespace_name"), "{{k8s_namespace_name}}"}}, stacked: true},
			),
			heading("Deployments, stateful sets, daemon sets"),
			replicaTables(deployments, statefulsets, daemonsets),
			heading("Jobs and autoscalers"),
			jobs(), autoscalers(),
			heading("Quotas"),
			quotas(quota),
		},
	}
}

func replicaTables(deployments, statefulsets, daemonsets string) section {
	one := func(title, kind, missing string, columns ...column) panel {
		name := objectColumn(kind)
		name.links = []link{workloadLink(kind, name.column)}
		return table{
			title: title, about: "Desired and actual replicas.", keys: []key{namespaceColumn(), name}, sortBy: "Missing",
			columns: append(columns, column{name: "Missing", expr: missing, unit: number, steps: anyIsBad()}),
		}
	}
	value := func(name, metric, kind string) column {
		return column{name: name, expr: object(metric, kind), unit: number}
	}
	return section{height: 10, panels: []panel{
		one("Deployments", "deployment", deployments, value("Desired", "k8s_deployment_desired", "deployment"), value("Available", "k8s_deployment_available", "deployment")),
		one("Stateful sets", "statefulset", statefulsets, value("Desired", "k8s_statefulset_desired_pods", "statefulset"), value("Ready", "k8s_statefulset_ready_pods", "statefulset"), value("Updated", "k8s_statefulset_updated_pods", "statefulset")),
		one("Daemon sets", "daemonset", daemonsets, value("Desired", "k8s_daemonset_desired_scheduled_nodes", "daemonset"), value("Ready", "k8s_daemonset_ready_nodes", "daemonset"), value("Misplaced", "k8s_daemonset_misscheduled_nodes", "daemonset")),
	}}
}

func jobs() section {
	active, done, failures := object("k8s_job_active_pods", "job"), object("k8s_job_successful_pods", "job"), object("k8s_job_failed_pods", "job")
	return section{height: 9, panels: []panel{
		graph{title: "Pods of jobs", about: "Pods of all jobs that run, have succeeded and have failed. Finished jobs leave when they are cleaned up.", unit: number, lines: []query{{sum(active), "active"}, {sum(done), "succeeded"}, {sum(failures), "failed"}}},
		table{
			title: "Jobs", about: "Each job and the state of its pods.", keys: []key{namespaceColumn(), objectColumn("job", workloadLink("job", "Job"))}, sortBy: "Failed",
			columns: []column{
				{name: "Wanted", expr: object("k8s_job_desired_successful_pods", "job"), unit: number},
				{name: "Active", expr: active, unit: number},
				{name: "Succeeded", expr: done, unit: number},
				{name: "Failed", expr: failures, unit: number, steps: anyIsBad()},
			},
		},
		table{
			title: "Cron jobs", about: "Each cron job and its jobs that run.", keys: []key{namespaceColumn(), objectColumn("cronjob", workloadLink("cronjob", "Cronjob"))},
			columns: []column{{name: "Active", expr: object("k8s_cronjob_active_jobs", "cronjob"), unit: number}},
		},
	}}
}

func autoscalers() section {
	value := func(what string) string { return object("k8s_hpa_"+what+"_replicas", "hpa") }
	return section{height: 9, panels: []panel{
		graph{title: "Replicas under autoscalers", about: "Replicas that each autoscaler sees, and the most that it may set.", unit: number, lines: []query{
			{value("current"), "{{k8s_namespace_name}}/{{k8s_hpa_name}}"}, {value("max"), "{{k8s_namespace_name}}/{{k8s_hpa_name}} max"},
		}},
		table{
			title: "Autoscalers", about: "Each autoscaler and its bounds. Desired is 0 where there are no resource metrics to scale by.",
			keys: []key{namespaceColumn(), objectColumn("hpa")}, sortBy: "Of max",
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

func quotas(used string) section {
	return section{height: 9, panels: []panel{
		graph{title: "Quotas used", about: "The used part of each resource of each quota.", unit: percent, lines: []query{{used, "{{k8s_namespace_name}}/{{k8s_resourcequota_name}} {{resource}}"}}, steps: filling(), list: true},
		table{
			title: "Quotas", about: "Each resource of each quota; CPU in cores, memory and storage in bytes.", sortBy: "Used part",
			keys: []key{namespaceColumn(), {column: "Quota", label: "k8s_resourcequota_name"}, {column: "Resource", label: "resource"}},
			columns: []column{
				{name: "Used", expr: quotaValue("used"), unit: number},
				{name: "Hard limit", expr: quotaValue("hard_limit"), unit: number},
				{name: "Used part", expr: used, unit: percent, steps: filling()},
			},
		},
	}}
}
