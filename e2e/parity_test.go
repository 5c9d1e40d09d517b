//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/k8sclusterreceiver"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/diorama-lab/diorama/internal/metricshape"
)

var recordings = flag.String("recordings", "",
	"folder with what k8s_cluster sent of a real cluster, to write the golden file from")

// replicationController is what nothing makes any more, but can still be made.
const replicationController = `
apiVersion: v1
kind: ReplicationController
metadata: {name: oldstyle, namespace: default}
spec:
  replicas: 1
  selector: {app: oldstyle}
  template:
    metadata: {labels: {app: oldstyle}}
    spec: {containers: [{name: main, image: "busybox:1.37"}]}
`

// checkClusterReceiver runs the k8s_cluster receiver with every metric enabled
// and compares what it sends of the simulated cluster with what it sent of a
// real one.
func checkClusterReceiver(t *testing.T, l *lab) {
	l.t = t
	const file = "testdata/k8s_cluster.json"
	if *recordings != "" {
		recorded := metricshape.ReadRecording(t, filepath.Join(*recordings, "k8s_cluster-all.jsonl.gz"))
		metricshape.Write(t, file, clusterShapes(recorded))
	}
	want := metricshape.Read(t, file)
	manifest := l.write("rc.yaml", replicationController)
	l.kubectl("apply", "-f", manifest)
	defer l.kubectl("delete", "-f", manifest)
	sink := newOTLPSink(t)
	config := l.write("k8s_cluster.yaml", clusterReceiverConfig(t, sink.server.URL))
	stop := l.background(binary(t, "DIORAMA_BINARY"), "collector", "--config", config)
	var got map[string]metricshape.Shape
	eventually(t, "k8s_cluster has sent everything", func() error {
		got = clusterShapes(sink.received())
		var missing []string
		for name := range want {
			if _, found := got[name]; !found {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("%s are missing", strings.Join(missing, ", "))
		}
		return nil
	})
	stop()
	metricshape.Compare(t, got, want)
}

// clusterShapes leaves out what is a cluster's own: which resources have a
// quota, which conditions nodes have, whether any container was terminated.
func clusterShapes(batches []pmetric.Metrics) map[string]metricshape.Shape {
	own := func(metric, attribute string) bool {
		return slices.Contains([]string{"resource", "condition", "k8s.service.endpoint.zone"}, attribute)
	}
	shapes := metricshape.Of(own, batches...)
	for name, s := range shapes {
		all := strings.Fields(strings.Join(s.Resources, " "))
		slices.Sort(all)
		all = slices.DeleteFunc(slices.Compact(all), func(a string) bool {
			return a == "k8s.container.status.last_terminated_reason"
		})
		s.Resources = []string{strings.Join(all, " ")}
		shapes[name] = s
	}
	return shapes
}

// clusterReceiverConfig enables every metric that the receiver knows.
func clusterReceiverConfig(t *testing.T, backend string) string {
	t.Helper()
	defaults := confmap.New()
	if err := defaults.Marshal(k8sclusterreceiver.NewFactory().CreateDefaultConfig()); err != nil {
		t.Fatal(err)
	}
	receiver := map[string]any{
		"auth_type": "kubeConfig", "collection_interval": "1s",
		"node_conditions_to_report": []string{
			"Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable",
		},
		"allocatable_types_to_report": []string{"cpu", "memory", "ephemeral-storage", "storage", "pods"},
	}
	for _, section := range []string{"metrics", "resource_attributes"} {
		all := map[string]any{}
		for name := range defaults.ToStringMap()[section].(map[string]any) {
			all[name] = map[string]any{"enabled": true}
		}
		receiver[section] = all
	}
	config, err := json.Marshal(map[string]any{
		"receivers": map[string]any{"k8s_cluster": receiver},
		"exporters": map[string]any{"otlp_http": map[string]any{"metrics_endpoint": backend, "compression": "none"}},
		"service": map[string]any{
			"pipelines": map[string]any{
				"metrics": map[string]any{"receivers": []string{"k8s_cluster"}, "exporters": []string{"otlp_http"}},
			},
			"telemetry": map[string]any{"metrics": map[string]any{"level": "none"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}

// otlpSink keeps the metrics that are sent to it.
type otlpSink struct {
	server *httptest.Server

	mu  sync.Mutex
	all []pmetric.Metrics
}

func newOTLPSink(t *testing.T) *otlpSink {
	s := &otlpSink{}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := pmetricotlp.NewExportRequest()
		body, err := io.ReadAll(r.Body)
		if err := errors.Join(err, request.UnmarshalProto(body)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, request.Metrics())
	}))
	t.Cleanup(s.server.Close)
	return s
}

func (s *otlpSink) received() []pmetric.Metrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// background starts a command that ends with the test, or with stop.
func (l *lab) background(name string, args ...string) (stop func()) {
	l.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = l.env
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	t := l.t
	var once sync.Once
	stop = func() {
		once.Do(func() {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s %q: %v\n%s", name, args, err, output.String())
			}
		})
	}
	t.Cleanup(stop)
	return stop
}
