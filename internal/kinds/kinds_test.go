package kinds

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

var update = flag.Bool("update", false, "write the golden files")

// allPorts are the internal ports of all kinds, in the order of their numbers.
func allPorts() []string {
	return append(controlPlanePorts(), "clusterCollectorHealth", "clusterCollectorSelf",
		"nodeCollectorHealth", "nodeCollectorSelf", lgtmSelf, "beylaMetrics")
}

func planOf(t *testing.T, env v1alpha1.Environment) *plan.Plan {
	t.Helper()
	kind, err := Of(env.Kind)
	if err != nil {
		t.Fatal(err)
	}
	internal := map[string]int{}
	for i, name := range allPorts() {
		if slices.Contains(kind.Ports, name) {
			internal[name] = 20001 + i
		}
	}
	if len(internal) != len(kind.Ports) {
		t.Fatalf("the kind %s has ports that are not here: %q", kind.Name, kind.Ports)
	}
	plan, err := NewPlan(env, state.Folder{Name: "default", Path: "/env"}, internal)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// examples are environments of every kind, by the name of their golden file.
func examples() map[string]v1alpha1.Environment {
	kwok := v1alpha1.DefaultOf(v1alpha1.Kwok)
	traced := kwok
	traced.Kwok.Beyla = true
	existing := kwok
	existing.Cluster.KubeContext = "kwok-mine"
	existing.Images.StatsProxy = "diorama:v1"
	existing.Backend.PublishPrometheus = true
	own := v1alpha1.DefaultOf(v1alpha1.K3d)
	own.Cluster.Servers, own.Cluster.Agents, own.Cluster.Workloads = 3, 2, v1alpha1.WorkloadsNone
	own.Chart.Path, own.Telemetry.Collectors.Nodes = "/mine/chart.tgz", "/mine/values.yaml"
	own.Images.Load = []string{"/mine/images.tar"}
	alongside := v1alpha1.DefaultOf(v1alpha1.K3d)
	alongside.Cluster.Nodes, alongside.Cluster.Pods = 50, 200
	return map[string]v1alpha1.Environment{
		"embedded": v1alpha1.Default(), "kwok": kwok, "kwok-context": existing, "kwok-beyla": traced,
		"k3d": v1alpha1.DefaultOf(v1alpha1.K3d), "k3d-own": own, "k3d-alongside": alongside,
	}
}

func TestPlanGolden(t *testing.T) {
	for name, env := range examples() {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			encoder := json.NewEncoder(&got)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			plan := planOf(t, env)
			// The collectors' configurations have golden files next to their templates.
			for path := range plan.Files {
				plan.Files[path] = ""
			}
			if err := encoder.Encode(plan); err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name+".json", got.Bytes())
		})
	}
}

// planned is one component of a plan's.
func planned(t *testing.T, p *plan.Plan, name string) plan.Component {
	t.Helper()
	i := slices.IndexFunc(p.Components, func(c plan.Component) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("there is no component %s", name)
	}
	return p.Components[i]
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s (go test -update writes it):\n%s", golden, got)
	}
}

// Components, files and ports of two plans of the same environment do not
// depend on the order in which anything was looked at.
func TestPlanIsAValue(t *testing.T) {
	for name, env := range examples() {
		first, err := json.Marshal(planOf(t, env))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			again, err := json.Marshal(planOf(t, env))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, again) {
				t.Fatalf("%s: the same environment gives another plan", name)
			}
		}
	}
}

// What a component needs comes before it, so that the list reads as a story.
func TestPlanIsInOrder(t *testing.T) {
	for name, env := range examples() {
		var seen []string
		for _, planned := range planOf(t, env).Components {
			for _, need := range planned.Needs {
				if !slices.Contains(seen, need) {
					t.Errorf("%s: %s stands before %s, which it needs", name, planned.Name, need)
				}
			}
			if planned.Runs == nil {
				t.Errorf("%s: %s has nothing that runs", name, planned.Name)
			}
			seen = append(seen, planned.Name)
		}
	}
}

// An own configuration replaces the rendered one and nothing else.
func TestPlanWithOwnCollectorConfig(t *testing.T) {
	env := v1alpha1.Default()
	env.Telemetry.Collectors.Nodes = "/mine/nodes.yaml"
	folder := state.Folder{Name: "default", Path: "/env"}
	p, err := DryPlan(env, folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, rendered := p.Files[collectorFile(folder, "nodes")]; rendered {
		t.Error("a configuration is rendered that nobody reads")
	}
	if _, rendered := p.Files[collectorFile(folder, "cluster")]; !rendered {
		t.Error("the other collector has lost its configuration")
	}
	process, ok := planned(t, p, nodeCollector).Runs.(plan.Process)
	if !ok || !slices.Contains(process.Args, "--config=/mine/nodes.yaml") {
		t.Errorf("the collector is started with %q", process.Args)
	}
}

func TestPickPorts(t *testing.T) {
	env := v1alpha1.Default()
	env.Ports = v1alpha1.Auto()
	env.Ports.Prometheus = 9090
	internal, err := PickPorts(&env, reserved(t))
	if err != nil {
		t.Fatal(err)
	}
	taken := map[int]bool{}
	for _, port := range env.Ports.List() {
		if port.Number == 0 || taken[port.Number] {
			t.Errorf("%s is %d, taken are %v", port.Name, port.Number, taken)
		}
		taken[port.Number] = true
	}
	for name, port := range internal {
		if port == 0 || taken[port] {
			t.Errorf("%s is %d, taken are %v", name, port, taken)
		}
		taken[port] = true
	}
	if env.Ports.Prometheus != 9090 || len(internal) != len(embedded().Ports) {
		t.Errorf("Prometheus is at %d, internal are %v", env.Ports.Prometheus, internal)
	}
}
