// Package lgtm is Grafana's LGTM image: what configures it, what it reads, and
// whether its programs answer.
package lgtm

import (
	_ "embed" // the manifest
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/rollout"
)

// Name is LGTM's in the network of its environment, and that of its Service.
const Name = "lgtm"

// The ports that LGTM's programs listen on.
const (
	GrafanaPort     = 3000
	PrometheusPort  = 9090
	OTLPGRPCPort    = 4317
	OTLPHTTPPort    = 4318
	SelfMetricsPort = 8888
)

// Paths in the image, and of what it is given.
const (
	given          = "/etc/diorama"
	rulesPath      = given + "/rules"
	dashboardsPath = given + "/dashboards"
	dataPath       = "/data"
	providerPath   = "/otel-lgtm/grafana/conf/provisioning/dashboards/diorama.yaml"
	prometheusPath = "/otel-lgtm/prometheus.yaml"
)

// file is something in LGTM's folder, and where the image has it. Type is that of
// a hostPath volume.
type file struct{ Name, Source, Target, Type string }

func files() []file {
	return []file{
		{"dashboards", "dashboards", dashboardsPath, "Directory"}, {"rules", "rules", rulesPath, "Directory"},
		{"provider", "provider.yaml", providerPath, "File"}, {"datasource", "datasource.yaml", datasourcePath, "File"},
		{"prometheus", "prometheus.yaml", prometheusPath, "File"},
	}
}

// OTLP is where telemetry is sent within the network.
func OTLP() string { return fmt.Sprintf("http://%s:%d", Name, OTLPHTTPPort) }

// Files renders what configures LGTM, by its path in LGTM's folder dir.
func Files(dir string, env v1alpha1.Environment) (map[string]string, error) {
	prometheus, err := prometheusFile(env.Backend)
	return map[string]string{
		filepath.Join(dir, "provider.yaml"):   providerFile(),
		filepath.Join(dir, "datasource.yaml"): datasourceFile(time.Duration(env.Telemetry.Interval)),
		filepath.Join(dir, "prometheus.yaml"): prometheus,
	}, err
}

// Container is LGTM's, with its folder dir and a volume for its data; selfMetrics
// is the port of this machine for its collector's own metrics. Its Prometheus is
// configured by our file in the place of its own: the labels and rules are those
// of the embedded kind.
func Container(env v1alpha1.Environment, dir, volume string, selfMetrics int) docker.Spec {
	spec := docker.Spec{Image: env.Images.LGTM}
	for _, f := range files() {
		source := filepath.Join(dir, f.Source)
		spec.Mounts = append(spec.Mounts, docker.Mount{Source: source, Target: f.Target, ReadOnly: true})
	}
	spec.Mounts = append(spec.Mounts, docker.Mount{Source: volume, Target: dataPath})
	spec.Ports = []docker.Port{
		{Host: env.Ports.Dashboards, Container: GrafanaPort}, {Host: env.Ports.OTLPGRPC, Container: OTLPGRPCPort},
		{Host: env.Ports.OTLPHTTP, Container: OTLPHTTPPort}, {Host: selfMetrics, Container: SelfMetricsPort},
	}
	for _, v := range variables(env) {
		spec.Env = append(spec.Env, v.Name+"="+v.Value)
	}
	if env.Backend.PublishPrometheus {
		spec.Ports = append(spec.Ports, docker.Port{Host: env.Ports.Prometheus, Container: PrometheusPort})
	}
	return spec
}

//go:embed lgtm.yaml.tmpl
var manifest string

// Manifest renders LGTM as a Deployment and a Service. nodeDir is LGTM's folder as
// every node has it.
func Manifest(env v1alpha1.Environment, namespace, nodeDir string) (string, error) {
	type port struct {
		Name   string
		Number int
	}
	return rollout.Render(Name, manifest, map[string]any{
		"Name": env.Name, "Namespace": namespace, "Image": env.Images.LGTM, "Env": variables(env),
		"NodeDir": nodeDir, "Data": dataPath, "Probe": probePath, "Mounts": files(),
		"Ports": []port{
			{"grafana", GrafanaPort}, {"otlp-grpc", OTLPGRPCPort}, {"otlp-http", OTLPHTTPPort},
			{"prometheus", PrometheusPort}, {"otel-metrics", SelfMetricsPort},
		},
	})
}

// datasourcePath is read after the image's own grafana-datasources.yaml, as the
// files of the folder are read in the order of their names. Of two data sources
// with one name the later one takes the place of the other, whole; the image's
// others stay as they are.
const datasourcePath = "/otel-lgtm/grafana/conf/provisioning/datasources/zz-diorama.yaml"

type variable struct{ Name, Value string }

// variables are the environment of LGTM's container. Its programs are silent
// unless they are asked to say why they fail; Grafana says so much of itself
// that the reasons of others would not be found.
func variables(env v1alpha1.Environment) []variable {
	return []variable{
		{"ENABLE_LOGS_ALL", "true"}, {"GF_LOG_LEVEL", "warn"},
		{"PROMETHEUS_EXTRA_ARGS", "--storage.tsdb.retention.time=" + env.Backend.Retention.String()},
		{"OTELCOL_EXTRA_ARGS", collectorArgs},
	}
}

// collectorArgs let the collector in LGTM show its own metrics to other
// containers too, so that what it loses is counted; but for the host it is what
// the collector does anyway. The image splits it at spaces.
const collectorArgs = `--config=yaml:{"service":{"telemetry":{"metrics":{` +
	`"readers":[{"pull":{"exporter":{"prometheus":{` +
	`"host":"0.0.0.0","port":8888,"without_scope_info":true,"without_type_suffix":true,"without_units":true}}}}]}}}}`

// datasourceFile is the image's Prometheus, with the interval that metrics are
// sent with: steps and $__rate_interval follow from it.
// https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
func datasourceFile(interval time.Duration) string {
	return fmt.Sprintf(`# The image's own data source, but for its interval: there it is a minute.
apiVersion: 1
datasources:
  - name: %s
    type: prometheus
    uid: %s
    url: http://127.0.0.1:%d
    editable: true
    jsonData:
      timeInterval: %s
      exemplarTraceIdDestinations:
        - name: trace_id
          datasourceUid: tempo
          urlDisplayLabel: "Trace: $${__value.raw}"
`, document.DatasourceName, document.DatasourceUID, PrometheusPort, grafanaInterval(interval))
}

// grafanaInterval writes an interval with one unit: of several, Grafana's page
// reads the first.
func grafanaInterval(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}

// providerFile makes Grafana read a folder of dashboards, and again when one
// changes. https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
func providerFile() string {
	return `# Dashboards of diorama, and yours.
apiVersion: 1
providers:
  - name: diorama
    type: file
    updateIntervalSeconds: 3
    allowUiUpdates: true
    options:
      path: ` + dashboardsPath + `
      foldersFromFilesStructure: true
`
}

// prometheusFile configures Prometheus as the embedded backend is.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/
func prometheusFile(b v1alpha1.Backend) (string, error) {
	attributes, err := json.Marshal(slices.Concat(backend.DefaultPromotedAttributes(), b.PromoteResourceAttributes))
	if err != nil {
		return "", fmt.Errorf("encoding the promoted attributes: %w", err)
	}
	return fmt.Sprintf(`# Takes the place of the image's own file: the same labels, names and rules as
# in diorama's embedded kind.
global:
  evaluation_interval: 15s
otlp:
  translation_strategy: %s
  promote_resource_attributes: %s
storage:
  tsdb:
    out_of_order_time_window: %s
rule_files: [%s/*.yaml]
`, b.TranslationStrategy, attributes, b.OutOfOrderWindow, rulesPath), nil
}
