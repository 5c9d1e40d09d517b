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
	return ChartOptions{ClusterName: "lab", Image: "otel/opentelemetry-collector-contrib:0.149.0", BackendURL: "http://lgtm:4318", Interval: 5 * time.Second}
}

func valuesRenderers() map[string]func(ChartOptions) (string, error) {
	return map[string]func(ChartOptions) (string, error){"values-cluster": ClusterValues, "values-nodes": NodesValues}
}

func TestValuesGolden(t *testing.T) {
	for name, render := range valuesRenderers() {
		got, err := render(exampleChart())
		if err != nil {
			t.Fatal(err)
		}
		checkGolden(t, name, got)
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
			here := strings.NewReplacer("serviceAccount", "kubeConfig", "root_path: /hostfs", "root_path: /").Replace(string(config))
			if err := Validate(t.Context(), RunOptions{ConfigURIs: []string{"yaml:" + here}}); err != nil {
				t.Errorf("%s: %v\n%s", name, err, here)
			}
		}
	}
}

func TestSplitImage(t *testing.T) {
	for image, want := range map[string][]string{
		"otel/x:1.2":            {"otel/x", "1.2"},
		"otel/x":                {"otel/x", "latest"},
		"registry:5000/otel/x":  {"registry:5000/otel/x", "latest"},
		"registry:5000/x:1.2-a": {"registry:5000/x", "1.2-a"},
	} {
		repository, tag := splitImage(image)
		if got := []string{repository, tag}; !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", image, got, want)
		}
	}
}

func TestValuesNeedOptions(t *testing.T) {
	for _, change := range []func(*ChartOptions){
		func(o *ChartOptions) { o.ClusterName = "" }, func(o *ChartOptions) { o.Image = "" }, func(o *ChartOptions) { o.BackendURL = "" },
	} {
		o := exampleChart()
		change(&o)
		if _, err := NodesValues(o); err == nil {
			t.Errorf("%+v is enough", o)
		}
	}
}
