package dashboards_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	promrules "github.com/prometheus/prometheus/rules"

	"github.com/diorama-lab/diorama/dashboards"
)

// An alertCase is a course of things, a sample each minute, after which an
// alert fires for some objects and for no others.
type alertCase struct {
	alert, series string
	// fires are the values of label.
	label string
	fires []string
}

// Each object is there twice, from two collectors, where that could matter.
func alertCases() []alertCase {
	return []alertCase{
		{"NodeNotReady", `
			k8s_node_condition_ready{k8s_cluster_name="a",k8s_node_name="down",host_name="x"} 1x5 0x60
			k8s_node_condition_ready{k8s_cluster_name="a",k8s_node_name="down",host_name="y"} 1x5 0x60
			k8s_node_condition_ready{k8s_cluster_name="a",k8s_node_name="unknown"} 1x5 -1x60
			k8s_node_condition_ready{k8s_cluster_name="a",k8s_node_name="well"} 1x70
			k8s_node_condition_ready{k8s_cluster_name="b",k8s_node_name="down"} 1x70`, "k8s_node_name", []string{"down", "unknown"}},
		{"NodeUnderPressure", `
			k8s_node_condition_memory_pressure{k8s_cluster_name="a",k8s_node_name="short"} 1x70
			k8s_node_condition_disk_pressure{k8s_cluster_name="a",k8s_node_name="well"} 0x70`, "k8s_node_name", []string{"short"}},
		{"ContainerCrashLooping", `
			k8s_container_restarts{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="loop",k8s_container_name="c"} 0 0 0 0 0 1 1 1 1 1 2 2 2 2 2 3 3 3 3 3 4 4 4 4 4 5 5 5 5 5 6 6 6 6 6 7 7 7 7 7 8 8 8 8 8 9 9 9 9 9 10 10 10 10 10 11 11 11 11 11 12
			k8s_container_restarts{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="once",k8s_container_name="c"} 0x50 1x20`, "k8s_pod_name", []string{"loop"}},
		{"ContainerOutOfMemory", `
			k8s_container_status_reason{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="told",k8s_container_name="c",k8s_container_status_reason="OOMKilled"} 0x55 1x2 0x10
			k8s_container_restarts{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="guessed",k8s_container_name="c"} 0x55 1x20
			container_memory_working_set_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="guessed",k8s_container_name="c"} 50x40 95x15 10x20
			k8s_container_memory_limit_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="guessed",k8s_container_name="c"} 100x70
			k8s_container_restarts{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="other",k8s_container_name="c"} 0x55 1x20
			container_memory_working_set_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="other",k8s_container_name="c"} 50x70
			k8s_container_memory_limit_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="other",k8s_container_name="c"} 100x70`, "k8s_pod_name", []string{"guessed", "told"}},
		{"PodPending", `
			k8s_pod_phase{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="waits"} 1x70
			k8s_pod_phase{k8s_cluster_name="a",k8s_namespace_name="m",k8s_pod_name="waits"} 2x70
			k8s_pod_phase{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="new"} _x55 1x15`, "k8s_namespace_name", []string{"n"}},
		{"DeploymentReplicasMismatch", `
			k8s_deployment_desired{k8s_cluster_name="a",k8s_namespace_name="n",k8s_deployment_name="short"} 3x70
			k8s_deployment_available{k8s_cluster_name="a",k8s_namespace_name="n",k8s_deployment_name="short"} 2x70
			k8s_deployment_desired{k8s_cluster_name="b",k8s_namespace_name="n",k8s_deployment_name="well"} 3x70
			k8s_deployment_available{k8s_cluster_name="b",k8s_namespace_name="n",k8s_deployment_name="well"} 3x70`, "k8s_deployment_name", []string{"short"}},
		{"StatefulSetReplicasMismatch", `
			k8s_statefulset_desired_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_statefulset_name="short"} 3x70
			k8s_statefulset_ready_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_statefulset_name="short"} 2x70`, "k8s_statefulset_name", []string{"short"}},
		{"DaemonSetNotEverywhere", `
			k8s_daemonset_desired_scheduled_nodes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_daemonset_name="short"} 3x70
			k8s_daemonset_ready_nodes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_daemonset_name="short"} 2x70`, "k8s_daemonset_name", []string{"short"}},
		{"JobFailed", `
			k8s_job_failed_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="bad"} 5x70
			k8s_job_active_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="bad"} 0x70
			k8s_job_successful_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="bad"} 0x70
			k8s_job_desired_successful_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="bad"} 1x70
			k8s_job_failed_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="in-the-end"} 1x70
			k8s_job_active_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="in-the-end"} 0x70
			k8s_job_successful_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="in-the-end"} 1x70
			k8s_job_desired_successful_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="in-the-end"} 1x70
			k8s_job_failed_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="tries"} 1x70
			k8s_job_active_pods{k8s_cluster_name="a",k8s_namespace_name="n",k8s_job_name="tries"} 1x70`, "k8s_job_name", []string{"bad"}},
		{"QuotaNearlyUsed", `
			k8s_resource_quota_used{k8s_cluster_name="a",k8s_namespace_name="n",k8s_resourcequota_name="q",resource="pods"} 95x70
			k8s_resource_quota_hard_limit{k8s_cluster_name="a",k8s_namespace_name="n",k8s_resourcequota_name="q",resource="pods"} 100x70
			k8s_resource_quota_used{k8s_cluster_name="a",k8s_namespace_name="n",k8s_resourcequota_name="q",resource="none"} 0x70
			k8s_resource_quota_hard_limit{k8s_cluster_name="a",k8s_namespace_name="n",k8s_resourcequota_name="q",resource="none"} 0x70`, "resource", []string{"pods"}},
		{"VolumeNearlyFull", `
			k8s_volume_available_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_persistentvolumeclaim_name="full"} 3x70
			k8s_volume_capacity_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_persistentvolumeclaim_name="full"} 100x70
			k8s_volume_available_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_volume_name="scratch"} 3x70
			k8s_volume_capacity_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_volume_name="scratch"} 100x70`, "k8s_persistentvolumeclaim_name", []string{"full"}},
		{"VolumeFillsUp", `
			k8s_volume_available_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_persistentvolumeclaim_name="fills"} 1000-1x70
			k8s_volume_capacity_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_persistentvolumeclaim_name="fills"} 10000x70
			k8s_volume_available_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_persistentvolumeclaim_name="rests"} 1000x70
			k8s_volume_capacity_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_persistentvolumeclaim_name="rests"} 10000x70`, "k8s_persistentvolumeclaim_name", []string{"fills"}},
		{"CPUOvercommitted", `
			k8s_node_allocatable_cpu{k8s_cluster_name="a",k8s_node_name="n1"} 4x70
			k8s_node_allocatable_cpu{k8s_cluster_name="a",k8s_node_name="n2"} 4x70
			k8s_container_cpu_request{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="p",k8s_container_name="c"} 5x70
			k8s_pod_phase{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="p"} 2x70
			k8s_node_allocatable_cpu{k8s_cluster_name="single",k8s_node_name="n1"} 4x70
			k8s_container_cpu_request{k8s_cluster_name="single",k8s_namespace_name="n",k8s_pod_name="p",k8s_container_name="c"} 1x70
			k8s_pod_phase{k8s_cluster_name="single",k8s_namespace_name="n",k8s_pod_name="p"} 2x70
			k8s_node_allocatable_cpu{k8s_cluster_name="done",k8s_node_name="n1"} 4x70
			k8s_node_allocatable_cpu{k8s_cluster_name="done",k8s_node_name="n2"} 4x70
			k8s_container_cpu_request{k8s_cluster_name="done",k8s_namespace_name="n",k8s_pod_name="p",k8s_container_name="c"} 5x70
			k8s_pod_phase{k8s_cluster_name="done",k8s_namespace_name="n",k8s_pod_name="p"} 3x70`, "k8s_cluster_name", []string{"a"}},
		{"MemoryOvercommitted", `
			k8s_node_allocatable_memory_bytes{k8s_cluster_name="a",k8s_node_name="n1"} 4x70
			k8s_node_allocatable_memory_bytes{k8s_cluster_name="a",k8s_node_name="n2"} 4x70
			k8s_container_memory_request_bytes{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="p",k8s_container_name="c"} 5x70
			k8s_pod_phase{k8s_cluster_name="a",k8s_namespace_name="n",k8s_pod_name="p"} 2x70`, "k8s_cluster_name", []string{"a"}},
		{"CollectorScrapesFail", `
			otelcol_scraper_errored_metric_points_total{k8s_cluster_name="a",service_name="c",receiver="bad",scraper="s"} 0+10x70
			otelcol_scraper_errored_metric_points_total{k8s_cluster_name="a",service_name="c",receiver="good",scraper="s"} 5x70`, "receiver", []string{"bad"}},
		{"CollectorScrapesNothing", `
			otelcol_scraper_scraped_metric_points_total{k8s_cluster_name="a",service_name="c",receiver="bad",scraper="s"} 7x70
			otelcol_scraper_errored_metric_points_total{k8s_cluster_name="a",service_name="c",receiver="bad",scraper="s"} 0x70
			otelcol_scraper_scraped_metric_points_total{k8s_cluster_name="a",service_name="c",receiver="never",scraper="s"} 0x70
			otelcol_scraper_scraped_metric_points_total{k8s_cluster_name="a",service_name="c",receiver="good",scraper="s"} 0+10x70`, "receiver", []string{"bad", "never"}},
		{"SimulatedNodeScrapesFail", `
			otelcol_node_scrapes_total{k8s_cluster_name="a",service_name="c",receiver="bad",outcome="failure"} 0+10x70
			otelcol_node_scrapes_total{k8s_cluster_name="a",service_name="c",receiver="good",outcome="success"} 0+10x70`, "receiver", []string{"bad"}},
		{"CollectorRefusesData", `
			otelcol_receiver_refused_metric_points_total{k8s_cluster_name="a",service_name="c",receiver="bad"} 0+10x70`, "receiver", []string{"bad"}},
		{"CollectorSendFails", `
			otelcol_exporter_send_failed_metric_points_total{k8s_cluster_name="a",service_name="c",exporter="bad"} 0+10x70`, "exporter", []string{"bad"}},
		{"CollectorQueueNearlyFull", `
			otelcol_exporter_queue_size{k8s_cluster_name="a",service_name="c",exporter="bad",data_type="metrics"} 900x70
			otelcol_exporter_queue_capacity{k8s_cluster_name="a",service_name="c",exporter="bad",data_type="metrics"} 1000x70`, "exporter", []string{"bad"}},
	}
}

func TestAlerts(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range alertCases() {
		tested[c.alert] = true
		t.Run(c.alert, func(t *testing.T) {
			if got := firing(t, c); !slices.Equal(got, c.fires) {
				t.Errorf("fires for %q, want %q", got, c.fires)
			}
		})
	}
	for _, rule := range rules(t) {
		if rule.Alert != "" && !tested[rule.Alert] {
			t.Errorf("%s is not tested", rule.Alert)
		}
	}
}

// firing evaluates all rules each minute for an hour and returns for what the
// case's alert fires in the end. No other alert may fire.
func firing(t *testing.T, c alertCase) []string {
	store := promqltest.LoadedStorage(t, "load 1m"+c.series)
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	manager := promrules.NewManager(&promrules.ManagerOptions{
		QueryFunc: promrules.EngineQueryFunc(engine, store), Appendable: store, Queryable: store,
		Context: t.Context(), Logger: slog.New(slog.DiscardHandler), Parser: parser.NewParser(parser.Options{}),
		NotifyFunc: func(context.Context, string, ...*promrules.Alert) {},
	})
	file := filepath.Join(t.TempDir(), "rules.yaml")
	text, err := dashboards.AllRules()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, file)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var groups []*promrules.Group
	for _, group := range loaded {
		groups = append(groups, group)
	}
	// What is recorded is there before alerts compare it.
	slices.SortFunc(groups, func(a, b *promrules.Group) int { return len(a.AlertingRules()) - len(b.AlertingRules()) })
	for minute := range 61 {
		for _, group := range groups {
			group.Eval(t.Context(), time.Unix(0, 0).UTC().Add(time.Duration(minute)*time.Minute))
		}
	}
	return collect(t, groups, c)
}

func collect(t *testing.T, groups []*promrules.Group, c alertCase) []string {
	var found []string
	for _, group := range groups {
		for _, rule := range group.AlertingRules() {
			if rule.LastError() != nil {
				t.Errorf("%s: %v", rule.Name(), rule.LastError())
			}
			for _, alert := range rule.ActiveAlerts() {
				if alert.State != promrules.StateFiring {
					continue
				}
				if rule.Name() != c.alert {
					t.Errorf("%s fires, too", rule.Name())
				} else {
					found = append(found, alert.Labels.Get(c.label))
				}
			}
		}
	}
	slices.Sort(found)
	return found
}
