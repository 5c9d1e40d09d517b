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
	want.Name, want.Cluster.Nodes, want.Ports.Prometheus = "small", 3, 19090
	want.Telemetry.Interval = Duration(30 * time.Second)
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
		"field of a section":    {"pods: 3\n", `line 1: unknown field "pods"; did you mean "cluster.pods"?`},
		"wrong case":            {"cluster:\n  podtemplate: x\n", `did you mean "podTemplate"?`},
		"field twice":           {"cluster:\n  nodes: 3\n  nodes: 4\n", `line 3: field "cluster.nodes" stands twice, first`},
		"text for a number":     {"cluster:\n  nodes: many\n", `line 2: cluster.nodes is "many": write a whole number`},
		"mapping for a number":  {"cluster:\n  nodes: {a: 1}\n", "line 2: cluster.nodes is a mapping: write a whole number"},
		"no duration":           {"telemetry:\n  interval: soon\n", `line 2: telemetry.interval is "soon": write a dur`},
		"ports in words":        {"ports: some\n", `line 1: ports is "some": write a mapping of ports, or the word auto`},
		"list":                  {"- a\n", "line 1: this is no mapping"},
		"two documents":         {"name: a\n---\nname: b\n", "line 2: a second YAML document"},
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
		"port twice": {
			func(e *Environment) { e.Ports.Prometheus = e.Ports.Kubelet },
			"ports.prometheus is 10250, and ports.kubelet is too",
		},
		"missing file": {
			func(e *Environment) { e.Cluster.PodTemplate = "none.yaml" },
			"cluster.podTemplate: there is no file none.yaml",
		},
		"missing stage": {
			func(e *Environment) { e.Cluster.Stages = []string{"none.yaml"} },
			"cluster.stages: there is no file none.yaml",
		},
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

// A file that says nothing but its kind is read over the defaults of that
// kind, and each kind's defaults are valid and survive being written.
func TestDefaultsOfEachKind(t *testing.T) {
	for _, kind := range Kinds() {
		env, err := Parse([]byte("kind: " + string(kind) + "\n"))
		if err != nil || !reflect.DeepEqual(env, DefaultOf(kind)) {
			t.Errorf("%s: got %+v, %v", kind, env, err)
		}
		if err := env.Validate(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		data, err := yaml.Marshal(env)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(data); err != nil || !reflect.DeepEqual(again, env) {
			t.Errorf("%s: got %+v, %v from\n%s", kind, again, err, data)
		}
	}
}

func TestValidateK3dRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Environment)
		want   string
	}{
		"no server": {
			func(e *Environment) { e.Cluster.Servers = 0 },
			"cluster.servers is 0: use 1, or an odd number up to 7",
		},
		"two servers":     {func(e *Environment) { e.Cluster.Servers = 2 }, "cluster.servers is 2"},
		"too many agents": {func(e *Environment) { e.Cluster.Agents = 21 }, "cluster.agents is 21"},
		"negative agents": {func(e *Environment) { e.Cluster.Agents = -1 }, "cluster.agents is -1"},
		"negative nodes": {
			func(e *Environment) { e.Cluster.Nodes = -1 },
			"cluster.nodes is -1: a cluster has 0 to 5000 nodes",
		},
		"workloads": {
			func(e *Environment) { e.Cluster.Workloads = "some" },
			`cluster.workloads "some": use default or none`,
		},
		"pods without nodes": {func(e *Environment) { e.Cluster.Pods = 5 }, "simulated pods need simulated nodes"},
		"no k3s":             {func(e *Environment) { e.Images.K3s = "" }, "images.k3s"},
		"no LGTM":            {func(e *Environment) { e.Images.LGTM = "" }, "images.lgtm"},
		"no collector":       {func(e *Environment) { e.Images.Collector = "" }, "images.collector"},
		"no workload":        {func(e *Environment) { e.Images.Workload = "" }, "images.workload"},
		"no name": {
			func(e *Environment) { e.Images.LGTM = "grafana/otel-lgtm:0.31.0@sha256:12" },
			`images.lgtm is "grafana/otel-lgtm:0.31.0@sha256:12": invalid`,
		},
		"no name of a node": {func(e *Environment) { e.Images.K3s = "rancher/K3s" }, `images.k3s is "rancher/K3s"`},
		"stats-proxy":       {func(e *Environment) { e.Images.StatsProxy = "x" }, "images.statsProxy"},
		"publish":           {func(e *Environment) { e.Backend.PublishPrometheus = true }, "backend.publishPrometheus"},
		"context":           {func(e *Environment) { e.Cluster.KubeContext = "x" }, "cluster.kubeContext"},
		"no repository": {
			func(e *Environment) { e.Chart.Repository = "charts" },
			`chart.repository "charts": give the URL`,
		},
		"OCI registry": {
			func(e *Environment) { e.Chart.Repository = "oci://ghcr.io/x" },
			`chart.repository "oci://ghcr.io/x": OCI registries are not read; fetch the chart with ` + "`helm pull`",
		},
		"no chart version": {func(e *Environment) { e.Chart.Version = "" }, "chart.version"},
		"no digest":        {func(e *Environment) { e.Chart.Digest = "sha256:12" }, `chart.digest "sha256:12": give`},
		"missing chart":    {func(e *Environment) { e.Chart.Path = "none.tgz" }, "chart.path: there is no chart none.tgz"},
		"missing values": {
			func(e *Environment) { e.Telemetry.Collectors.Nodes = "none.yaml" },
			"telemetry.collectors.nodes: there is no file none.yaml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := DefaultOf(K3d)
			test.change(&env)
			err := env.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %s", err, test.want)
			}
		})
	}
}

// What only k3d knows is refused elsewhere, not passed over.
func TestOtherKindsRefuseK3dsFields(t *testing.T) {
	all := DefaultOf(K3d)
	all.Cluster.Agents, all.Cluster.Nodes = 1, 3
	for _, kind := range []Kind{Embedded, Kwok} {
		all.Kind = kind
		err := all.Validate()
		for _, field := range []string{
			"cluster.servers", "cluster.agents", "cluster.workloads", "images.k3s", "images.workload", "chart",
		} {
			if err == nil || !strings.Contains(err.Error(), field+": only the kind k3d has it") {
				t.Errorf("%s takes %s: %v", kind, field, err)
			}
		}
	}
}

// So is what only kwok knows; Beyla costs nothing where it is not asked for.
func TestBeyla(t *testing.T) {
	env, err := Parse([]byte("kind: kwok\nkwok: {beyla: true}\n"))
	if err != nil || env.Validate() != nil || !env.Kwok.Beyla || !strings.HasPrefix(env.Images.Beyla, "grafana/beyla:") {
		t.Errorf("got %+v, %v, %v", env, err, env.Validate())
	}
	if env := DefaultOf(Kwok); env.Kwok.Beyla {
		t.Error("Beyla runs without being asked for")
	}
	env.Images.Beyla = ""
	const want = "images.beyla: name an image, or set kwok.beyla to false"
	if err := env.Validate(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without an image: %v", err)
	}
	for _, kind := range []Kind{Embedded, K3d} {
		env := DefaultOf(kind)
		env.Kwok.Beyla = true
		if err := env.Validate(); err == nil || !strings.Contains(err.Error(), "kwok.beyla: only the kind kwok has it") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := Parse([]byte("kind: k3d\nkwok: {beyla: false}\n")); err != nil {
		t.Errorf("what is off is refused: %v", err)
	}
}

// Whatever is wrong in a file is reported with the file and the line, if the file
// has the field, else with the flag that has set it.
func TestProblemsHaveTheirPlace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.yaml")
	for text, want := range map[string]string{
		"kind: k3d\nkwok:\n  beyla: true\n":                ":3: kwok.beyla: only the kind kwok has it",
		"name: a\nimages: {lgtm: x, beyla: y}\n":           ":2: images.beyla: only the kind kwok has it",
		"kind: kwok\nchart:\n  version: 0.170.0\n":         ":2: chart: only the kind k3d has it",
		"cluster:\n  nodes: 3\n  kubeContext: kwok-mine\n": ":3: cluster.kubeContext: only the kind kwok watches",

		"kind: kwok\nkwok: {beila: true}\n":  `:2: unknown field "kwok.beila"; did you mean "beyla"?`,
		"kind: kwok\nkwok: {beyla: maybe}\n": `:2: kwok.beyla is "maybe": write true or false`,
		"kind: kwok\nkwok: true\n":           ":2: kwok is true: write a mapping, with beyla",
		"kind: kwok\ncluster: {servers: 1}\nimages: {k3s: mine}\n": ":2: cluster.servers: only the kind k3d has it\n" +
			path + ":3: images.k3s: only the kind k3d has it",

		"name: A\n": `:1: name "A": use 1 to 40`,
		"cluster:\n  pods: -3\n  nodes: 9000\n": ":3: cluster.nodes is 9000: a cluster has 1 to 5000 nodes\n" +
			path + ":2: cluster.pods is -3",
		"ports:\n  kubelet: 1000\n  prometheus: 1000\n": ":3: ports.prometheus is 1000, and ports.kubelet is too",
		"images:\n  load:\n  - mine.yaml\n  - b.tar\n":  ":4: images.load[1]: there is no file " + dir + "/b.tar",
		"cluster:\n\tnodes: 3\n":                        ":2: a tab indents this line",
		"name: \x01\n":                                  ":1: holds what is no text",
		"cluster: &c {nodes: 0}\n":                      ":1: cluster.nodes is 0",
		"telemetry: {collectors: {cluster: .}}\n":       ":1: telemetry.collectors.cluster: " + dir + " is a folder",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env, origin, err := LoadAs(path, "")
		if err == nil {
			err = origin.Explain(env.Validate())
		}
		if err == nil || !strings.Contains(err.Error(), path+want) {
			t.Errorf("%q gives %v, want %s", text, err, want)
		}
		if err == nil {
			continue
		}
		for line := range strings.Lines(err.Error()) {
			if !strings.HasPrefix(line, path+":") {
				t.Errorf("%q gives a line without a place: %s", text, line)
			}
		}
	}
}

// A flag that has set a field is named in its place.
func TestProblemsOfFlags(t *testing.T) {
	env, origin := Default(), Origin{}
	env.Cluster.Nodes, env.Dashboards.JsonnetPaths, env.Backend.MaxEvents = -1, []string{".", "none"}, -1
	origin.SetBy("cluster.nodes", "--nodes")
	origin.SetBy("dashboards.jsonnetPaths", "--jsonnet-path")
	const want = "--nodes is -1: a cluster has 1 to 5000 nodes\nbackend.maxEvents is -1: keep at least 1\n" +
		"--jsonnet-path: there is no folder none"
	if err := origin.Explain(env.Validate()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := origin.Explain(nil); err != nil {
		t.Error(err)
	}
}

// The ports that are not used are not looked for.
func TestUsedPortsOfK3d(t *testing.T) {
	names := func(e Environment) (all []string) {
		for _, p := range e.UsedPorts() {
			all = append(all, p.Name)
		}
		return all
	}
	env := DefaultOf(K3d)
	if got := strings.Join(names(env), " "); got != "kubernetes dashboards prometheus otlpGRPC otlpHTTP" {
		t.Errorf("without simulated nodes: %s", got)
	}
	env.Cluster.Nodes = 3
	if got := strings.Join(names(env), " "); got != "kubernetes kubelet dashboards prometheus otlpGRPC otlpHTTP" {
		t.Errorf("with simulated nodes: %s", got)
	}
}

func TestLoadResolvesPathsFromTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "environment.yaml")
	if err := os.WriteFile(path, []byte("cluster: {podTemplate: pod.yaml, stages: [a.yaml]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env, _, err := LoadAs(path, "")
	if err != nil {
		t.Fatal(err)
	}
	template, stage := filepath.Join(dir, "pod.yaml"), filepath.Join(dir, "a.yaml")
	if env.Cluster.PodTemplate != template || env.Cluster.Stages[0] != stage {
		t.Errorf("paths are not resolved: %+v", env.Cluster)
	}
	env, _, err = LoadAs(path, K3d)
	if err != nil || env.Kind != K3d || env.Cluster.Servers != 1 || env.Cluster.PodTemplate == "" {
		t.Errorf("read as k3d it is %+v, %v", env, err)
	}
	if _, _, err := LoadAs(filepath.Join(dir, "none.yaml"), ""); err == nil {
		t.Error("a missing file was loaded")
	}
}
