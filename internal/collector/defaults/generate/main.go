// Command generate writes ../metrics.json from the metadata.yaml files of the
// receivers, as go.mod has them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/collector/defaults"
)

const contrib = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/"

// described is the part of a metadata.yaml that matters here.
type described struct {
	Metrics map[string]struct {
		Enabled    bool      `yaml:"enabled"`
		Unit       string    `yaml:"unit"`
		Entity     string    `yaml:"entity"`
		Attributes []string  `yaml:"attributes"`
		Gauge      *struct{} `yaml:"gauge"`
		Sum        *struct {
			Monotonic bool `yaml:"monotonic"`
		} `yaml:"sum"`
	} `yaml:"metrics"`
}

func main() {
	metrics, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	out, err := json.MarshalIndent(metrics, "", " ")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("metrics.json", append(out, '\n'), 0o644); err != nil {
		log.Fatal(err)
	}
}

func generate() (map[string][]defaults.Metric, error) {
	files := map[string]string{}
	for receiver, key := range map[string]string{
		"kubeletstatsreceiver": defaults.Kubeletstats,
		"k8sclusterreceiver":   defaults.Cluster,
		"hostmetricsreceiver":  defaults.Hostmetrics,
	} {
		folder, err := moduleFolder(contrib + receiver)
		if err != nil {
			return nil, err
		}
		files[key] = filepath.Join(folder, "metadata.yaml")
		if key != defaults.Hostmetrics {
			continue
		}
		delete(files, key)
		scrapers, err := filepath.Glob(filepath.Join(folder, "internal", "scraper", "*scraper", "metadata.yaml"))
		if err != nil {
			return nil, err
		}
		for _, file := range scrapers {
			files[key+"/"+strings.TrimSuffix(filepath.Base(filepath.Dir(file)), "scraper")] = file
		}
	}
	metrics := map[string][]defaults.Metric{}
	for key, file := range files {
		read, err := enabled(key, file)
		if err != nil {
			return nil, err
		}
		if len(read) > 0 {
			metrics[key] = read
		}
	}
	return metrics, nil
}

func moduleFolder(module string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", module, err)
	}
	return string(bytes.TrimSpace(out)), nil
}

func enabled(key, file string) ([]defaults.Metric, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var from described
	if err := yaml.Unmarshal(content, &from); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	var metrics []defaults.Metric
	for name, m := range from.Metrics {
		// Only with distribution: openshift.
		if !m.Enabled || strings.HasPrefix(name, "openshift.") {
			continue
		}
		metric := defaults.Metric{
			Name: name, Unit: m.Unit, Type: defaults.Gauge,
			Resource: resource(key, name, m.Entity), Attributes: m.Attributes,
		}
		if m.Sum != nil {
			metric.Type, metric.Monotonic = defaults.Sum, m.Sum.Monotonic
		}
		metrics = append(metrics, metric)
	}
	slices.SortFunc(metrics, func(a, b defaults.Metric) int { return strings.Compare(a.Name, b.Name) })
	return metrics, nil
}

// resource is the kind of thing that a metric is about.
func resource(key, name, entity string) string {
	switch {
	case strings.HasPrefix(key, defaults.Hostmetrics):
		return "host"
	case entity != "":
		return strings.TrimPrefix(entity, "k8s.")
	case strings.HasPrefix(name, "container."):
		return "container"
	}
	return strings.Split(name, ".")[1]
}
