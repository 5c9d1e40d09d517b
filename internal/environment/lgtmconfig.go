package environment

import (
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// lgtmDatasource is read after the image's own grafana-datasources.yaml, as the
// files of the folder are read in the order of their names. Of two data sources
// with one name the later one takes the place of the other, whole; the image's
// others stay as they are.
const lgtmDatasource = "/otel-lgtm/grafana/conf/provisioning/datasources/zz-diorama.yaml"

type envVar struct{ Name, Value string }

// lgtmEnv is the environment of LGTM's container. Its programs are silent
// unless they are asked to say why they fail; Grafana says so much of itself
// that the reasons of others would not be found.
func lgtmEnv(env v1alpha1.Environment) []envVar {
	return []envVar{
		{"ENABLE_LOGS_ALL", "true"}, {"GF_LOG_LEVEL", "warn"},
		{"PROMETHEUS_EXTRA_ARGS", "--storage.tsdb.retention.time=" + env.Backend.Retention.String()},
		{"OTELCOL_EXTRA_ARGS", lgtmCollectorArgs},
	}
}

// lgtmCollectorArgs let the collector in LGTM show its own metrics to other
// containers too, so that what it loses is counted; but for the host it is what
// the collector does anyway. The image splits it at spaces.
const lgtmCollectorArgs = `--config=yaml:{"service":{"telemetry":{"metrics":{"readers":[{"pull":{"exporter":{"prometheus":{` +
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
`, document.DatasourceName, document.DatasourceUID, prometheusPort, grafanaInterval(interval))
}

// grafanaInterval writes an interval with one unit: of several, Grafana's page
// reads the first.
func grafanaInterval(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}
