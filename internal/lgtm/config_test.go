package lgtm

import (
	"path"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/api/v1alpha1"
)

// What is rendered for LGTM, with Prometheus' own eyes.
func TestPrometheusFile(t *testing.T) {
	b := v1alpha1.Default().Backend
	b.PromoteResourceAttributes = []string{"my.own"}
	for _, strategy := range v1alpha1.TranslationStrategies() {
		b.TranslationStrategy = strategy
		text, err := prometheusFile(b)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := config.Load(text, promslog.NewNopLogger())
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		promoted := parsed.OTLPConfig.PromoteResourceAttributes
		window := parsed.StorageConfig.TSDBConfig.OutOfOrderTimeWindow
		if string(parsed.OTLPConfig.TranslationStrategy) != strategy ||
			!slices.Contains(promoted, "my.own") || !slices.Contains(promoted, "k8s.volume.name") ||
			window != (10*time.Minute).Milliseconds() || parsed.RuleFiles[0] != "/etc/diorama/rules/*.yaml" {
			t.Errorf("Prometheus reads %+v, %+v, %q", parsed.OTLPConfig, parsed.StorageConfig.TSDBConfig, parsed.RuleFiles)
		}
	}
}

// Grafana's page reads only the first unit of an interval.
func TestDatasourceFile(t *testing.T) {
	for interval, want := range map[time.Duration]string{
		5 * time.Second: "5s", 90 * time.Second: "90s", 1500 * time.Millisecond: "1500ms", time.Hour: "3600s",
	} {
		var read struct {
			Datasources []struct {
				Name, UID, URL string
				JSONData       struct {
					TimeInterval string `yaml:"timeInterval"`
				} `yaml:"jsonData"`
			}
		}
		if err := yaml.Unmarshal([]byte(datasourceFile(interval)), &read); err != nil {
			t.Fatal(err)
		}
		d := read.Datasources[0]
		if place := d.Name + " " + d.UID + " " + d.URL; place != "Prometheus prometheus http://127.0.0.1:9090" {
			t.Errorf("the data source is %s", place)
		}
		if got := d.JSONData.TimeInterval; got != want {
			t.Errorf("%s: the data source's interval is %s, want %s", interval, got, want)
		}
	}
	if path.Base(datasourcePath) <= "grafana-datasources.yaml" {
		t.Errorf("%s is read before the image's own, which then wins", datasourcePath)
	}
}
