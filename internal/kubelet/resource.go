package kubelet

import (
	"cmp"
	"slices"
	"strings"
)

// appendResource appends /metrics/resource: the families that a kubelet 1.35
// has, in its order, with its samples' labels and timestamps.
func appendResource(b []byte, n *nodeUsage) []byte {
	w := resourceWriter{newExposition(b, n.at)}
	containers := sortedContainers(n)

	w.family("container_cpu_usage_seconds_total", "counter",
		"[STABLE] Cumulative cpu time consumed by the container in core-seconds")
	for _, c := range containers {
		w.sample(seconds(c.totals.CPU), true, c.labels)
	}
	w.family("container_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the container in bytes")
	for _, c := range containers {
		w.sample(float64(c.memory.WorkingSet), true, c.labels)
	}
	w.family("container_start_time_seconds", "gauge", "[STABLE] Start time of the container since unix epoch in seconds")
	for _, c := range containers {
		w.sample(float64(c.start)/1e9, false, c.labels)
	}
	w.family("container_swap_limit_bytes", "gauge",
		"[ALPHA] Current amount of the container swap limit in bytes. Reported only on non-windows systems")
	for _, c := range containers {
		w.sample(0, true, c.labels)
	}
	w.family("container_swap_usage_bytes", "gauge",
		"[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems")
	for _, c := range containers {
		w.sample(0, true, c.labels)
	}
	w.family("node_cpu_usage_seconds_total", "counter",
		"[STABLE] Cumulative cpu time consumed by the node in core-seconds")
	w.sample(seconds(n.totals.CPU), true)
	w.family("node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes")
	w.sample(float64(n.memory.WorkingSet), true)
	w.family("node_swap_usage_bytes", "gauge",
		"[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems")
	w.sample(0, true)
	w.pods(n)
	w.family("resource_scrape_error", "gauge",
		"[STABLE] 1 if there was an error while getting container metrics, 0 otherwise")
	w.sample(0, false)
	return w.b
}

func (w resourceWriter) pods(n *nodeUsage) {
	w.family("pod_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the pod in core-seconds")
	for i := range n.listed {
		w.sample(seconds(n.listed[i].totals.CPU), true, podLabels(n.listed[i].pod))
	}
	w.family("pod_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the pod in bytes")
	for i := range n.listed {
		w.sample(float64(n.listed[i].memory.WorkingSet), true, podLabels(n.listed[i].pod))
	}
	w.family("pod_swap_usage_bytes", "gauge",
		"[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems")
	for i := range n.listed {
		w.sample(0, true, podLabels(n.listed[i].pod))
	}
}

// labelled is a container with its label set.
type labelled struct {
	*containerUsage
	labels string
}

// sortedContainers orders containers by their labels, as the exposition is.
func sortedContainers(n *nodeUsage) []labelled {
	var out []labelled
	for i := range n.listed {
		u := &n.listed[i]
		rest := podLabels(u.pod)
		for j := range u.containers {
			c := &u.containers[j]
			out = append(out, labelled{c, `container="` + c.name + `",` + rest})
		}
	}
	slices.SortFunc(out, func(a, b labelled) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.labels, b.labels))
	})
	return out
}

// podLabels needs no escaping: names of objects are DNS names.
func podLabels(p *pod) string {
	return `namespace="` + p.object.Namespace + `",pod="` + p.object.Name + `"`
}

func seconds(nanos uint64) float64 { return float64(nanos) / 1e9 }

type resourceWriter struct{ *exposition }
