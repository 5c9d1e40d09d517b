package collector

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func exampleChart() ChartOptions {
	return ChartOptions{
		ClusterName: "lab", Image: "otel/opentelemetry-collector-contrib:0.149.0",
		BackendURL: "http://lgtm:4318", Interval: 5 * time.Second,
	}
}

func valuesRenderers() map[string]func(ChartOptions) (string, error) {
	return map[string]func(ChartOptions) (string, error){"values-cluster": ClusterValues, "values-nodes": NodesValues}
}

func TestValuesGolden(t *testing.T) {
	newer := exampleChart()
	newer.Image = "otel/opentelemetry-collector-contrib:0.153.0" +
		"@sha256:2e9646ff882e043b5e046dbad14cf76b59f6cc108053e1e3a863b14d532b43ec"
	for name, render := range valuesRenderers() {
		for file, options := range map[string]ChartOptions{name: exampleChart(), name + "-0.153": newer} {
			got, err := render(options)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, file, got)
		}
	}
}

// The configuration in the values is one that the collector itself takes.
func TestValuesHoldAConfiguration(t *testing.T) {
	// What the pods' environment would say.
	t.Setenv("KUBECONFIG", filepath.Join("testdata", "kubeconfig.yaml"))
	t.Setenv("K8S_NODE_IP", "10.0.0.1")
	t.Setenv("K8S_NODE_NAME", "node-1")
	for name, render := range valuesRenderers() {
		odd := exampleChart()
		odd.ClusterName = `a-${b} "x": #1`
		for _, options := range []ChartOptions{exampleChart(), odd} {
			text, err := render(options)
			if err != nil {
				t.Fatal(err)
			}
			var v struct {
				AlternateConfig map[string]any `yaml:"alternateConfig"`
			}
			if err := yaml.Unmarshal([]byte(text), &v); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
			config, err := yaml.Marshal(v.AlternateConfig)
			if err != nil {
				t.Fatal(err)
			}
			// There is no service account here, and no /hostfs.
			here := strings.NewReplacer("serviceAccount", "kubeConfig", "root_path: /hostfs", "root_path: /").
				Replace(string(config))
			if err := Validate(t.Context(), RunOptions{ConfigURIs: []string{"yaml:" + here}}); err != nil {
				t.Errorf("%s: %v\n%s", name, err, here)
			}
		}
	}
}

func TestSplitImage(t *testing.T) {
	const digest = "sha256:2e9646ff882e043b5e046dbad14cf76b59f6cc108053e1e3a863b14d532b43ec"
	for image, want := range map[string][]string{
		"otel/x:1.2":                     {"otel/x", "1.2", ""},
		"otel/x":                         {"otel/x", "latest", ""},
		"registry:5000/otel/x":           {"registry:5000/otel/x", "latest", ""},
		"registry:5000/x:1.2-a":          {"registry:5000/x", "1.2-a", ""},
		"otel/x:1.2@" + digest:           {"otel/x", "1.2", digest},
		"registry:5000/otel/x@" + digest: {"registry:5000/otel/x", "", digest},
	} {
		repository, tag, digest := splitImage(image)
		if got := []string{repository, tag, digest}; !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", image, got, want)
		}
	}
}

// A name that an image does not know ends its collector; one that is old makes
// it warn.
func TestNamesFor(t *testing.T) {
	old := names{HostMetrics: "hostmetrics", KubeletStats: "kubeletstats", VolumeAttributes: true}
	between := names{HostMetrics: "host_metrics", KubeletStats: "kubeletstats"}
	today := names{HostMetrics: "host_metrics", KubeletStats: "kubelet_stats"}
	const contrib = "otel/opentelemetry-collector-contrib"
	for image, want := range map[string]names{
		contrib + ":0.149.0": old, contrib + ":0.150.1": old, contrib + ":0.151.0": between, contrib + ":0.152.0": today,
		contrib + ":0.153.0": today, contrib + ":v0.158.0-amd64": today, contrib + ":0.153.0@sha256:2e96": today,
		"registry:5000/mirror/opentelemetry-collector-contrib:0.153.0": today,
		// Of these the version is not known.
		contrib: old, contrib + ":latest": old, contrib + "@sha256:2e96": old,
		contrib + ":0.x.1": old, contrib + ":153": old,
		"":                           old,
		"diorama-collector:v0.200.0": old, "mine/collector:0.153.0": old,
	} {
		if got := namesFor(image); got != want {
			t.Errorf("%s has %+v, want %+v", image, got, want)
		}
	}
}

func TestValuesNeedOptions(t *testing.T) {
	for _, change := range []func(*ChartOptions){
		func(o *ChartOptions) { o.ClusterName = "" },
		func(o *ChartOptions) { o.Image = "" },
		func(o *ChartOptions) { o.BackendURL = "" },
	} {
		o := exampleChart()
		change(&o)
		if _, err := NodesValues(o); err == nil {
			t.Errorf("%+v is enough", o)
		}
	}
}
