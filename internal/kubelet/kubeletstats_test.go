package kubelet

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kubeletstatsreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/diorama-lab/diorama/internal/metricshape"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// The kubeletstats receiver, with every metric enabled, sends of a simulated
// node what it sends of a real one: no metric is missing, extra or different.
func TestKubeletstatsSendsTheSame(t *testing.T) {
	const file = "testdata/kubeletstats.json"
	own := func(string, string) bool { return false }
	if *recordings != "" {
		metricshape.Write(t, file,
			metricshape.Of(own, metricshape.ReadRecording(t, filepath.Join(*recordings, "kubeletstats-all.jsonl.gz"))...))
	}
	s := shapeCluster()
	s.clock.now = time.Now // the receiver refuses the future
	v, _ := s.view("node-0")
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data-db-0"}}
	claim.Spec.VolumeName = "volume"
	t.Setenv("KUBECONFIG", apiServer(t, map[string]any{
		"nodes": list("NodeList", testNode(0)), "pods": podList(v), "data-db-0": claim,
		"volume": &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "volume"}},
	}))
	srv := serveStore(t, s)
	sink := new(consumertest.MetricsSink)
	factory := kubeletstatsreceiver.NewFactory()
	config := kubeletstatsConfig(t, factory, map[string]any{
		"endpoint": "https://" + srv.plain.String() + "/nodes/node-0", "node": "node-0", "auth_type": "tls",
		"ca_file": filepath.Join(srv.dir, "ca.crt"), "cert_file": filepath.Join(srv.dir, "client.crt"),
		"key_file":            filepath.Join(srv.dir, "client.key"),
		"collection_interval": "100ms", "initial_delay": "0s",
		"metric_groups":                  []any{"container", "pod", "node", "volume"},
		"extra_metadata_labels":          []any{"container.id", "k8s.volume.type"},
		"k8s_api_config":                 map[string]any{"auth_type": "kubeConfig"},
		"collect_all_network_interfaces": map[string]any{"pod": true, "node": true},
	})
	set := receiver.Settings{
		ID: component.NewID(factory.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	r, err := factory.CreateMetrics(t.Context(), set, config, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	// Until the receiver has heard of the node, what is relative to it is missing.
	waittest.True(t, "the receiver has sent all it can", func() bool {
		batches := sink.AllMetrics()
		return slices.ContainsFunc(batches, func(m pmetric.Metrics) bool {
			_, found := metricshape.Of(own, m)["k8s.pod.cpu.node.utilization"]
			return found
		})
	})
	if err := r.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	got := metricshape.Of(own, sink.AllMetrics()...)
	metricshape.Compare(t, got, metricshape.Read(t, file))
}

// kubeletstatsConfig adds every metric that the receiver knows.
func kubeletstatsConfig(t *testing.T, factory receiver.Factory, settings map[string]any) component.Config {
	t.Helper()
	defaults := confmap.New()
	if err := defaults.Marshal(factory.CreateDefaultConfig()); err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{"metrics", "resource_attributes"} {
		all := map[string]any{}
		for name := range defaults.ToStringMap()[section].(map[string]any) {
			all[name] = map[string]any{"enabled": true}
		}
		settings[section] = all
	}
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(settings).Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	if err := xconfmap.Validate(config); err != nil {
		t.Fatal(err)
	}
	return config
}
