package environment

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/state"
)

var update = flag.Bool("update", false, "write the golden files")

func examplePlan(t *testing.T) Plan {
	t.Helper()
	internal := map[string]int{}
	for i, name := range internalPorts {
		internal[name] = 20001 + i
	}
	plan, err := NewPlan(v1alpha1.Default(), state.Folder{Name: "default", Path: "/env"}, internal)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestPlanGolden(t *testing.T) {
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	plan := examplePlan(t)
	// The collectors' configurations have golden files beside their templates.
	for path := range plan.Files {
		plan.Files[path] = ""
	}
	if err := encoder.Encode(plan); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "embedded.json")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("differs from %s (go test -update writes it):\n%s", golden, got.String())
	}
}

// Components, files and ports of two plans of the same environment do not
// depend on the order in which anything was looked at.
func TestPlanIsAValue(t *testing.T) {
	first, err := json.Marshal(examplePlan(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		again, err := json.Marshal(examplePlan(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("the same environment gives another plan")
		}
	}
}

// What a component needs comes before it, so that the list reads as a story.
func TestPlanIsInOrder(t *testing.T) {
	var seen []string
	for _, planned := range examplePlan(t).Components {
		for _, need := range planned.Needs {
			if !slices.Contains(seen, need) {
				t.Errorf("%s stands before %s, which it needs", planned.Name, need)
			}
		}
		if (planned.Args == nil) == (planned.Does == "") {
			t.Errorf("%s is neither a process nor a step: %+v", planned.Name, planned)
		}
		seen = append(seen, planned.Name)
	}
}

// An own configuration replaces the rendered one and nothing else.
func TestPlanWithOwnCollectorConfig(t *testing.T) {
	env := v1alpha1.Default()
	env.Telemetry.Collectors.Nodes = "/mine/nodes.yaml"
	folder := state.Folder{Name: "default", Path: "/env"}
	plan, err := DryPlan(env, folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, rendered := plan.Files[CollectorFile(folder, "nodes")]; rendered {
		t.Error("a configuration is rendered that nobody reads")
	}
	if _, rendered := plan.Files[CollectorFile(folder, "cluster")]; !rendered {
		t.Error("the other collector has lost its configuration")
	}
	i := slices.IndexFunc(plan.Components, func(p Planned) bool { return p.Name == nodeCollector })
	if !slices.Contains(plan.Components[i].Args, "--config=/mine/nodes.yaml") {
		t.Errorf("the collector is started with %q", plan.Components[i].Args)
	}
}

func TestPickPorts(t *testing.T) {
	env := v1alpha1.Default()
	env.Ports = v1alpha1.Auto()
	env.Ports.Prometheus = 9090
	internal, err := pickPorts(&env)
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
	if env.Ports.Prometheus != 9090 || len(internal) != len(internalPorts) {
		t.Errorf("Prometheus is at %d, internal are %v", env.Ports.Prometheus, internal)
	}
}
