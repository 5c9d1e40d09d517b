package dashboards_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
	// series have labels without the k8s_ and _name around them.
	alert, series string
	// fires are the values of label.
	label string
	fires []string
}

// Each object is there twice, from two collectors, where that could matter.
func alertCases() []alertCase {
	return slices.Concat(
		nodeAlerts(), podAlerts(), workloadAlerts(), storageAlerts(), capacityAlerts(), collectorAlerts(),
	)
}

func nodeAlerts() []alertCase {
	return []alertCase{
		{"NodeNotReady", `
			k8s_node_condition_ready{cluster="a",node="down",host_name="x"} 1x5 0x60
			k8s_node_condition_ready{cluster="a",node="down",host_name="y"} 1x5 0x60
			k8s_node_condition_ready{cluster="a",node="unknown"} 1x5 -1x60
			k8s_node_condition_ready{cluster="a",node="well"} 1x70
			k8s_node_condition_ready{cluster="b",node="down"} 1x70`,
			"k8s_node_name", []string{"down", "unknown"}},
		{"NodeUnderPressure", `
			k8s_node_condition_memory_pressure{cluster="a",node="short"} 1x70
			k8s_node_condition_disk_pressure{cluster="a",node="well"} 0x70`,
			"k8s_node_name", []string{"short"}},
	}
}

// restarting counts one more every five minutes.
const restarting = "0x4 1x4 2x4 3x4 4x4 5x4 6x4 7x4 8x4 9x4 10x4 11x4 12"

func podAlerts() []alertCase {
	return []alertCase{
		{"ContainerCrashLooping", `
			k8s_container_restarts{cluster="a",namespace="n",pod="loop",container="c"} ` + restarting + `
			k8s_container_restarts{cluster="a",namespace="n",pod="once",container="c"} 0x50 1x20`,
			"k8s_pod_name", []string{"loop"}},
		{"ContainerOutOfMemory", `
			k8s_container_status_reason{cluster="a",namespace="n",pod="reported",container="c",reason="OOMKilled"} 0x55 1x2 0x10
			k8s_container_restarts{cluster="a",namespace="n",pod="guessed",container="c"} 0x55 1x20
			container_memory_working_set_bytes{cluster="a",namespace="n",pod="guessed",container="c"} 50x40 95x15 10x20
			k8s_container_memory_limit_bytes{cluster="a",namespace="n",pod="guessed",container="c"} 100x70
			k8s_container_restarts{cluster="a",namespace="n",pod="other",container="c"} 0x55 1x20
			container_memory_working_set_bytes{cluster="a",namespace="n",pod="other",container="c"} 50x70
			k8s_container_memory_limit_bytes{cluster="a",namespace="n",pod="other",container="c"} 100x70`,
			"k8s_pod_name", []string{"guessed", "reported"}},
		{"PodPending", `
			k8s_pod_phase{cluster="a",namespace="n",pod="waits"} 1x70
			k8s_pod_phase{cluster="a",namespace="m",pod="waits"} 2x70
			k8s_pod_phase{cluster="a",namespace="n",pod="new"} _x55 1x15`,
			"k8s_namespace_name", []string{"n"}},
	}
}

func workloadAlerts() []alertCase {
	return []alertCase{
		{"DeploymentReplicasMismatch", `
			k8s_deployment_desired{cluster="a",namespace="n",deployment="short"} 3x70
			k8s_deployment_available{cluster="a",namespace="n",deployment="short"} 2x70
			k8s_deployment_desired{cluster="b",namespace="n",deployment="well"} 3x70
			k8s_deployment_available{cluster="b",namespace="n",deployment="well"} 3x70`,
			"k8s_deployment_name", []string{"short"}},
		{"StatefulSetReplicasMismatch", `
			k8s_statefulset_desired_pods{cluster="a",namespace="n",statefulset="short"} 3x70
			k8s_statefulset_ready_pods{cluster="a",namespace="n",statefulset="short"} 2x70`,
			"k8s_statefulset_name", []string{"short"}},
		{"DaemonSetNotEverywhere", `
			k8s_daemonset_desired_scheduled_nodes{cluster="a",namespace="n",daemonset="short"} 3x70
			k8s_daemonset_ready_nodes{cluster="a",namespace="n",daemonset="short"} 2x70`,
			"k8s_daemonset_name", []string{"short"}},
		{"JobFailed", `
			k8s_job_failed_pods{cluster="a",namespace="n",job="bad"} 5x70
			k8s_job_active_pods{cluster="a",namespace="n",job="bad"} 0x70
			k8s_job_successful_pods{cluster="a",namespace="n",job="bad"} 0x70
			k8s_job_desired_successful_pods{cluster="a",namespace="n",job="bad"} 1x70
			k8s_job_failed_pods{cluster="a",namespace="n",job="in-the-end"} 1x70
			k8s_job_active_pods{cluster="a",namespace="n",job="in-the-end"} 0x70
			k8s_job_successful_pods{cluster="a",namespace="n",job="in-the-end"} 1x70
			k8s_job_desired_successful_pods{cluster="a",namespace="n",job="in-the-end"} 1x70
			k8s_job_failed_pods{cluster="a",namespace="n",job="tries"} 1x70
			k8s_job_active_pods{cluster="a",namespace="n",job="tries"} 1x70`,
			"k8s_job_name", []string{"bad"}},
	}
}

func storageAlerts() []alertCase {
	return []alertCase{
		{"QuotaNearlyUsed", `
			k8s_resource_quota_used{cluster="a",namespace="n",quota="q",resource="pods"} 95x70
			k8s_resource_quota_hard_limit{cluster="a",namespace="n",quota="q",resource="pods"} 100x70
			k8s_resource_quota_used{cluster="a",namespace="n",quota="q",resource="none"} 0x70
			k8s_resource_quota_hard_limit{cluster="a",namespace="n",quota="q",resource="none"} 0x70`,
			"resource", []string{"pods"}},
		{"VolumeNearlyFull", `
			k8s_volume_available_bytes{cluster="a",namespace="n",claim="full"} 3x70
			k8s_volume_capacity_bytes{cluster="a",namespace="n",claim="full"} 100x70
			k8s_volume_available_bytes{cluster="a",namespace="n",volume="scratch"} 3x70
			k8s_volume_capacity_bytes{cluster="a",namespace="n",volume="scratch"} 100x70`,
			"k8s_persistentvolumeclaim_name", []string{"full"}},
		{"VolumeFillsUp", `
			k8s_volume_available_bytes{cluster="a",namespace="n",claim="fills"} 1000-1x70
			k8s_volume_capacity_bytes{cluster="a",namespace="n",claim="fills"} 10000x70
			k8s_volume_available_bytes{cluster="a",namespace="n",claim="rests"} 1000x70
			k8s_volume_capacity_bytes{cluster="a",namespace="n",claim="rests"} 10000x70`,
			"k8s_persistentvolumeclaim_name", []string{"fills"}},
	}
}

func capacityAlerts() []alertCase {
	return []alertCase{
		{"CPUOvercommitted", `
			k8s_node_allocatable_cpu{cluster="a",node="n1"} 4x70
			k8s_node_allocatable_cpu{cluster="a",node="n2"} 4x70
			k8s_container_cpu_request{cluster="a",namespace="n",pod="p",container="c"} 5x70
			k8s_pod_phase{cluster="a",namespace="n",pod="p"} 2x70
			k8s_node_allocatable_cpu{cluster="single",node="n1"} 4x70
			k8s_container_cpu_request{cluster="single",namespace="n",pod="p",container="c"} 1x70
			k8s_pod_phase{cluster="single",namespace="n",pod="p"} 2x70
			k8s_node_allocatable_cpu{cluster="done",node="n1"} 4x70
			k8s_node_allocatable_cpu{cluster="done",node="n2"} 4x70
			k8s_container_cpu_request{cluster="done",namespace="n",pod="p",container="c"} 5x70
			k8s_pod_phase{cluster="done",namespace="n",pod="p"} 3x70`,
			"k8s_cluster_name", []string{"a"}},
		{"MemoryOvercommitted", `
			k8s_node_allocatable_memory_bytes{cluster="a",node="n1"} 4x70
			k8s_node_allocatable_memory_bytes{cluster="a",node="n2"} 4x70
			k8s_container_memory_request_bytes{cluster="a",namespace="n",pod="p",container="c"} 5x70
			k8s_pod_phase{cluster="a",namespace="n",pod="p"} 2x70`,
			"k8s_cluster_name", []string{"a"}},
	}
}

func collectorAlerts() []alertCase {
	return []alertCase{
		{"CollectorScrapesFail", `
			otelcol_scraper_errored_metric_points_total{cluster="a",service_name="c",receiver="bad",scraper="s"} 0+10x70
			otelcol_scraper_errored_metric_points_total{cluster="a",service_name="c",receiver="good",scraper="s"} 5x70`,
			"receiver", []string{"bad"}},
		{"CollectorScrapesNothing", `
			otelcol_scraper_scraped_metric_points_total{cluster="a",service_name="c",receiver="bad",scraper="s"} 7x70
			otelcol_scraper_errored_metric_points_total{cluster="a",service_name="c",receiver="bad",scraper="s"} 0x70
			otelcol_scraper_scraped_metric_points_total{cluster="a",service_name="c",receiver="never",scraper="s"} 0x70
			otelcol_scraper_scraped_metric_points_total{cluster="a",service_name="c",receiver="good",scraper="s"} 0+10x70`,
			"receiver", []string{"bad", "never"}},
		{"SimulatedNodeScrapesFail", `
			otelcol_node_scrapes_total{cluster="a",service_name="c",receiver="bad",outcome="failure"} 0+10x70
			otelcol_node_scrapes_total{cluster="a",service_name="c",receiver="good",outcome="success"} 0+10x70`,
			"receiver", []string{"bad"}},
		{"CollectorRefusesData", `
			otelcol_receiver_refused_metric_points_total{cluster="a",service_name="c",receiver="bad"} 0+10x70`,
			"receiver", []string{"bad"}},
		{"CollectorSendFails", `
			otelcol_exporter_send_failed_metric_points_total{cluster="a",service_name="c",exporter="bad"} 0+10x70`,
			"exporter", []string{"bad"}},
		{"CollectorQueueNearlyFull", `
			otelcol_exporter_queue_size{cluster="a",service_name="c",exporter="bad",data_type="metrics"} 900x70
			otelcol_exporter_queue_capacity{cluster="a",service_name="c",exporter="bad",data_type="metrics"} 1000x70`,
			"exporter", []string{"bad"}},
	}
}

// expanded gives labels that are written as cluster="a" the names that they have.
func expanded(series string) string {
	series = strings.NewReplacer(`claim="`, `persistentvolumeclaim="`, `quota="`, `resourcequota="`,
		`reason="`, `k8s_container_status_reason="`).Replace(series)
	const kinds = `cluster|node|namespace|pod|container|deployment|statefulset|daemonset|job|resourcequota|` +
		`persistentvolumeclaim|volume`
	return regexp.MustCompile(`\b(`+kinds+`)="`).ReplaceAllString(series, `k8s_${1}_name="`)
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
	store := promqltest.LoadedStorage(t, "load 1m"+expanded(c.series))
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
