package v1alpha1

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The example shows the defaults, and some files that a user may have.
func TestReadmeExample(t *testing.T) {
	_, after, _ := strings.Cut(readme(t), "\n```yaml\napiVersion: ")
	text, _, found := strings.Cut(after, "\n```")
	if !found {
		t.Fatal("README.md has no example of an environment file")
	}
	env, err := Parse([]byte("apiVersion: " + text))
	if err != nil {
		t.Fatalf("the example in README.md: %v", err)
	}
	env.Cluster.PodTemplate, env.Cluster.Stages = "", nil
	env.Telemetry.Collectors.Cluster, env.Backend.Rules, env.Dashboards.Folder = "", nil, ""
	if !reflect.DeepEqual(env, Default()) {
		t.Errorf("the example in README.md is not of the defaults:\ngot  %+v\nwant %+v", env, Default())
	}
}

func TestReadmePorts(t *testing.T) {
	_, after, _ := strings.Cut(readme(t), "| port | what |\n")
	table, _, found := strings.Cut(after, "\n\n")
	if !found {
		t.Fatal("README.md has no table of ports")
	}
	var got, want []int
	for _, row := range strings.Split(table, "\n") {
		for _, number := range regexp.MustCompile(`\d+`).FindAllString(strings.Split(row, "|")[1], -1) {
			port, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, port)
		}
	}
	ports := DefaultPorts()
	for _, port := range ports.List() {
		want = append(want, port.Number)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("README.md has the ports %d, the defaults are %d", got, want)
	}
}

// What the schema and the document say of limits is what is validated.
func TestLimitsAreDescribed(t *testing.T) {
	schema, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("simulated nodes, 1 to %d;", MaxNodes), fmt.Sprintf("simulated pods, 0 to %d;", MaxPods),
		fmt.Sprintf("1 or an odd number up to %d", maxServers), fmt.Sprintf("agent nodes, 0 to %d", maxAgents),
	} {
		if !strings.Contains(string(schema), want) {
			t.Errorf("the schema does not say %q", want)
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	wants := []string{
		fmt.Sprintf("simulated nodes, 1 to %d,%03d;", MaxNodes/1000, MaxNodes%1000),
		fmt.Sprintf("1 or an odd number up to %d", maxServers),
	}
	for _, kind := range Kinds() {
		wants = append(wants, "`"+string(kind)+"`")
	}
	for _, want := range wants {
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/environment.md does not say %q", want)
		}
	}
}
