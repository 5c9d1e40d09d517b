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

// Labels that a panel of one cluster has a line for.
const (
	perNamespace = "k8s_namespace_name"
	perWorkload  = perNamespace + ", kind, workload"
	perPod       = perNamespace + ", k8s_pod_name"
	perContainer = "k8s_container_name"
	perNode      = "k8s_node_name"
)

// The legends of these lines.
const (
	clusterLegend   = "{{k8s_cluster_name}}"
	namespaceLegend = "{{k8s_namespace_name}}"
	workloadLegend  = namespaceLegend + "/{{workload}}"
	podLegend       = namespaceLegend + "/{{k8s_pod_name}}"
	containerLegend = "{{k8s_container_name}}"
	nodeLegend      = "{{k8s_node_name}}"
)

// What containers request and may use, and what a node can give.
const (
	cpuRequest        = "k8s_container_cpu_request"
	cpuLimit          = "k8s_container_cpu_limit"
	memoryRequest     = "k8s_container_memory_request_bytes"
	memoryLimit       = "k8s_container_memory_limit_bytes"
	allocatableCPU    = "k8s_node_allocatable_cpu"
	allocatableMemory = "k8s_node_allocatable_memory_bytes"
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

// over is a function of what a metric has been over a span of time.
func over(function, metric, matchers, span string) string {
	return function + "(" + gauge(metric, matchers) + "[" + span + "])"
}

// The span of a point of a graph, and that of the whole of it.
const (
	aPoint   = "$__rate_interval"
	theRange = "$__range"
)

// rate is what a counter grows by in a second; a restart does not show in it.
func rate(counter, matchers string) string { return over("rate", counter, matchers, aPoint) }

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

func containerCPU(matchers string) string {
	return once(rate("container_cpu_time_seconds_total", matchers), containerKey)
}

func containerMemory(matchers string) string {
	return once(gauge("container_memory_working_set_bytes", matchers), containerKey)
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
	reservation := once(gauge(metric, matchers), append([]string{containerKey}, extra...)...)
	return fmt.Sprintf("(%s and on (%s) min by (%s) (%s) < %d)",
		reservation, podKey, podKey, gauge("k8s_pod_phase", matchers), succeeded)
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
	for _, kind := range []string{"pod", "deployment", "statefulset", "daemonset", "job", "cronjob"} {
		name := "k8s_" + kind + "_name"
		expr = fmt.Sprintf(`label_replace(%s, "kind", "%s", "%s", ".+")`, expr, kind, name)
		expr = fmt.Sprintf(`label_replace(%s, "workload", "$1", "%s", "(.+)")`, expr, name)
	}
	return expr
}

// Nodes.

func nodeGauge(metric, matchers string) string { return once(gauge(metric, matchers), nodeKey) }

// nodeReady is 1 for a node that is ready, 0 for one that is not, -1 for one that is unknown.
func nodeReady(matchers string) string { return nodeGauge("k8s_node_condition_ready", matchers) }

// nodeNotReady is 1 for a node that is not ready, or unknown, and 0 for the others.
func nodeNotReady(matchers string) string { return "(" + nodeReady(matchers) + " != bool 1)" }

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
