package set

import (
	"fmt"
	"strings"
)

// Matchers of the variables that a dashboard can have. A variable that takes
// several values is matched as an expression.
const (
	inClusters   = `k8s_cluster_name=~"$cluster"`
	inCluster    = `k8s_cluster_name="$cluster"`
	inNamespaces = inCluster + `,k8s_namespace_name=~"$namespace"`
	inNamespace  = inCluster + `,k8s_namespace_name="$namespace"`
	ofWorkload   = inNamespace + `,k8s_${kind}_name="$workload"`
	ofPod        = inNamespace + `,k8s_pod_name="$pod"`
	onNode       = inCluster + `,k8s_node_name="$node"`
	onNodes      = inCluster + `,k8s_node_name=~"$node"`
)

// The labels that tell one object from all others. Names are unique only
// within a namespace, and namespaces only within a cluster.
const (
	clusterKey   = "k8s_cluster_name"
	namespaceKey = clusterKey + ", k8s_namespace_name"
	podKey       = namespaceKey + ", k8s_pod_name"
	containerKey = podKey + ", k8s_container_name"
	nodeKey      = clusterKey + ", k8s_node_name"
	ownerLabels  = "k8s_deployment_name, k8s_statefulset_name, k8s_daemonset_name, k8s_job_name, k8s_cronjob_name"
)

// Values of k8s_pod_phase.
const (
	pending   = 1
	running   = 2
	succeeded = 3
	failed    = 4
	unknown   = 5
)

func gauge(metric, matchers string) string { return metric + "{" + matchers + "}" }

// rate is what a counter grows by in a second; a restart does not show in it.
func rate(counter, matchers string) string {
	return "rate(" + counter + "{" + matchers + "}[$__rate_interval])"
}

// once leaves one value for each object, however many collectors report it.
func once(expr string, key ...string) string {
	return "max by (" + strings.Join(key, ", ") + ") (" + expr + ")"
}

// sum adds up, by labels if any are given. Its argument has one series for each object.
func sum(expr string, by ...string) string {
	if len(by) == 0 {
		return "sum(" + expr + ")"
	}
	return "sum by (" + strings.Join(by, ", ") + ") (" + expr + ")"
}

func count(expr string, by ...string) string {
	return "count" + strings.TrimPrefix(sum(expr, by...), "sum")
}

func ratio(part, whole string) string { return part + " / " + whole }

func podCPU(matchers string, extra ...string) string {
	return once(rate("k8s_pod_cpu_time_seconds_total", matchers), append([]string{podKey}, extra...)...)
}

func podMemory(matchers string, extra ...string) string {
	return once(gauge("k8s_pod_memory_working_set_bytes", matchers), append([]string{podKey}, extra...)...)
}

func podGauge(metric, matchers string, extra ...string) string {
	return once(gauge(metric, matchers), append([]string{podKey}, extra...)...)
}

// podTraffic is the traffic of pods, in bytes, or their errors, in one direction.
func podTraffic(metric, direction, matchers string, extra ...string) string {
	return once(rate(metric, matchers+`,direction="`+direction+`"`), append([]string{podKey, "interface"}, extra...)...)
}

func received(matchers string, extra ...string) string {
	return podTraffic("k8s_pod_network_io_bytes_total", "receive", matchers, extra...)
}

func transmitted(matchers string, extra ...string) string {
	return podTraffic("k8s_pod_network_io_bytes_total", "transmit", matchers, extra...)
}

// reserved is a request or limit of the containers of pods that still need it:
// k8s_cluster goes on reporting those of finished pods, whose room is free.
func reserved(metric, matchers string, extra ...string) string {
	return fmt.Sprintf("(%s and on (%s) min by (%s) (%s) < %d)",
		once(gauge(metric, matchers), append([]string{containerKey}, extra...)...), podKey, podKey, gauge("k8s_pod_phase", matchers), succeeded)
}

// phase is each pod's phase. A pod that was replaced by one of the same name
// is there twice for a while: the living one counts.
func phase(matchers string, extra ...string) string {
	key := strings.Join(append([]string{podKey}, extra...), ", ")
	return "min by (" + key + ") (" + gauge("k8s_pod_phase", matchers) + ")"
}

// inPhase is 1 for each pod that is in a phase and 0 for the others.
func inPhase(n int, matchers string, extra ...string) string {
	return fmt.Sprintf("(%s == bool %d)", phase(matchers, extra...), n)
}

// owned turns the labels of a pod's owners into two: kind and workload. A pod
// of a cron job counts for the cron job; one without owner for itself.
func owned(expr string) string {
	expr = `label_replace(label_replace(` + expr + `, "kind", "pod", "k8s_pod_name", ".+"), "workload", "$1", "k8s_pod_name", "(.+)")`
	for _, kind := range []string{"deployment", "statefulset", "daemonset", "job", "cronjob"} {
		expr = fmt.Sprintf(`label_replace(label_replace(%s, "kind", "%s", "k8s_%s_name", ".+"), "workload", "$1", "k8s_%s_name", "(.+)")`, expr, kind, kind, kind)
	}
	return expr
}

// Nodes.

func nodeGauge(metric, matchers string) string { return once(gauge(metric, matchers), nodeKey) }

func nodeCPU(matchers string) string {
	return once(rate("k8s_node_cpu_time_seconds_total", matchers), nodeKey)
}

func nodeMemory(matchers string) string {
	return nodeGauge("k8s_node_memory_working_set_bytes", matchers)
}

// host is a metric of hostmetrics, for each node and what else tells its series apart.
func host(metric, matchers string, extra ...string) string {
	return once(gauge(metric, matchers), append([]string{nodeKey}, extra...)...)
}

func hostRate(metric, matchers string, extra ...string) string {
	return once(rate(metric, matchers), append([]string{nodeKey}, extra...)...)
}
