package engine

import (
	"slices"
	"testing"
)

// Labels and metrics that authors ask for, and those that they mean here.
func TestNear(t *testing.T) {
	labels := []string{"__name__", "container_id", "job", "instance", "k8s_cluster_name", "k8s_container_name",
		"k8s_deployment_name", "k8s_job_name", "k8s_namespace_name", "k8s_node_name", "k8s_node_uid", "k8s_pod_name",
		"k8s_pod_uid", "service_name"}
	for label, want := range map[string]string{
		"pod": "k8s_pod_name", "node": "k8s_node_name", "container": "k8s_container_name", "namespace": "k8s_namespace_name",
		"deployment": "k8s_deployment_name", "cluster": "k8s_cluster_name", "job_name": "k8s_job_name",
		"k8s_pod_nam": "k8s_pod_name", "pod_name": "k8s_pod_name", "name": "", "id": "", "device": "",
	} {
		got := nearLabels(label, labels)
		if want == "" && len(got) > 0 || want != "" && (len(got) == 0 || got[0] != want) {
			t.Errorf("near %s are %q, want %q first", label, got, want)
		}
	}
	metrics := []string{"k8s_pod_cpu_time_seconds_total", "k8s_pod_memory_working_set_bytes", "k8s_container_restarts",
		"k8s_node_network_io_bytes_total", "container_memory_usage_bytes", "container_cpu_usage_seconds_total"}
	for metric, want := range map[string]string{
		"pod_cpu_time": "k8s_pod_cpu_time_seconds_total", "k8s_pod_memory_working_set": "k8s_pod_memory_working_set_bytes",
		"k8s.pod.cpu.time": "k8s_pod_cpu_time_seconds_total", "container_memory_usage_byte": "container_memory_usage_bytes",
		"container_network_receive_bytes_total": "", "kube_pod_info": "",
	} {
		got := near(metric, metrics)
		if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("near %s are %q, want %q", metric, got, want)
		}
	}
}
