package v1alpha1

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func TestParseOverDefaults(t *testing.T) {
	env, err := Parse([]byte(`
apiVersion: diorama/v1alpha1
kind: embedded
name: small
cluster: {nodes: 3}
telemetry: {interval: 30s}
ports: {prometheus: 19090}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Name, want.Cluster.Nodes, want.Telemetry.Interval, want.Ports.Prometheus = "small", 3, Duration(30*time.Second), 19090
	if !reflect.DeepEqual(env, want) {
		t.Errorf("got %+v, want %+v", env, want)
	}
	if err := env.Validate(); err != nil {
		t.Error(err)
	}
}

func TestParseAutoPorts(t *testing.T) {
	env, err := Parse([]byte("ports: auto\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(env.Ports.Open()) != len(env.Ports.List()) {
		t.Errorf("some ports are fixed: %+v", env.Ports)
	}
}

func TestDefaultsSurviveYAML(t *testing.T) {
	data, err := yaml.Marshal(Default())
	if err != nil {
		t.Fatal(err)
	}
	env, err := Parse(data)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	if !reflect.DeepEqual(env, Default()) {
		t.Errorf("got %+v, want %+v", env, Default())
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown field":         {"kind: embedded\nnodez: 3\n", `line 2: unknown field "nodez"; known here: apiVersion`},
		"misspelt field":        {"cluster:\n  node: 3\n", `line 2: unknown field "cluster.node"; did you mean "nodes"?`},
		"wrong case":            {"cluster:\n  podtemplate: x\n", `did you mean "podTemplate"?`},
		"field twice":           {"cluster:\n  nodes: 3\n  nodes: 4\n", `line 3: field "cluster.nodes" stands twice`},
		"text for a number":     {"cluster:\n  nodes: many\n", "line 2: cannot read the text `many` as a whole number"},
		"mapping for a number":  {"cluster:\n  nodes: {a: 1}\n", "line 2: cannot read a mapping as a whole number"},
		"no duration":           {"telemetry:\n  interval: soon\n", `line 2: "soon" is no duration`},
		"ports in words":        {"ports: some\n", `line 1: ports: "some" is neither`},
		"list":                  {"- a\n", "is no mapping"},
		"two documents":         {"name: a\n---\nname: b\n", "more than one YAML document"},
		"broken YAML":           {"name: [a\n", "line "},
		"unknown field in list": {"backend:\n  rule: []\n", `did you mean "rules"?`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %s", err, test.want)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Environment)
		want   string
	}{
		"version":        {func(e *Environment) { e.APIVersion = "v1" }, `apiVersion "v1"`},
		"kind":           {func(e *Environment) { e.Kind = "minikube" }, `kind "minikube"`},
		"empty name":     {func(e *Environment) { e.Name = "" }, `name ""`},
		"path in name":   {func(e *Environment) { e.Name = "../x" }, `name "../x"`},
		"no nodes":       {func(e *Environment) { e.Cluster.Nodes = 0 }, "cluster.nodes is 0"},
		"negative nodes": {func(e *Environment) { e.Cluster.Nodes = -1 }, "cluster.nodes is -1"},
		"absurd nodes":   {func(e *Environment) { e.Cluster.Nodes = 1e6 }, "1 to 5000 nodes"},
		"negative pods":  {func(e *Environment) { e.Cluster.Pods = -1 }, "cluster.pods is -1"},
		"interval":       {func(e *Environment) { e.Telemetry.Interval = 0 }, "telemetry.interval is 0s"},
		"retention":      {func(e *Environment) { e.Backend.Retention = 0 }, "backend.retention"},
		"window":         {func(e *Environment) { e.Backend.OutOfOrderWindow = -1 }, "backend.outOfOrderWindow"},
		"strategy":       {func(e *Environment) { e.Backend.TranslationStrategy = "Any" }, `translationStrategy "Any"`},
		"events":         {func(e *Environment) { e.Backend.MaxEvents = 0 }, "backend.maxEvents"},
		"port":           {func(e *Environment) { e.Ports.Prometheus = 70000 }, "ports.prometheus is 70000"},
		"port twice":     {func(e *Environment) { e.Ports.Prometheus = e.Ports.Kubelet }, "ports.kubelet and ports.prometheus are both 10250"},
		"missing file":   {func(e *Environment) { e.Cluster.PodTemplate = "none.yaml" }, "cluster.podTemplate: open none.yaml"},
		"missing stage":  {func(e *Environment) { e.Cluster.Stages = []string{"none.yaml"} }, "cluster.stages: open none.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			env := Default()
			test.change(&env)
			err := env.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %s", err, test.want)
			}
		})
	}
}

func TestLoadResolvesPathsFromTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "environment.yaml")
	if err := os.WriteFile(path, []byte("cluster: {podTemplate: pod.yaml, stages: [a.yaml]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if env.Cluster.PodTemplate != filepath.Join(dir, "pod.yaml") || env.Cluster.Stages[0] != filepath.Join(dir, "a.yaml") {
		t.Errorf("paths are not resolved: %+v", env.Cluster)
	}
	if _, err := Load(filepath.Join(dir, "none.yaml")); err == nil {
		t.Error("a missing file was loaded")
	}
}
