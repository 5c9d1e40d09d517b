package helm

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/collector"
)

// The project's own chart is not here: these name folders with it, or with its
// schemas. Without them the chart in testdata, which is as strict, stands for it.
var (
	schemas = flag.String("chart-schemas", "",
		"a folder with the schemas of the project's chart, as values-VERSION.schema.json")
	charts = flag.String("charts", "",
		"a folder with the project's chart, in versions: folders or .tgz files, each below its own name")
)

// images are the collector's, each with a way of its own to be rendered.
func images() []string {
	const contrib = "otel/opentelemetry-collector-contrib"
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	return []string{contrib + ":0.149.0", contrib + ":0.158.0" + digest, contrib + digest, contrib, "registry:5000/mine"}
}

func renderers() map[string]func(collector.ChartOptions) (string, error) {
	return map[string]func(collector.ChartOptions) (string, error){
		collector.ClusterRelease: collector.ClusterValues, collector.NodesRelease: collector.NodesValues,
	}
}

func ownSchema(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(chartFolder, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// trueSchemas are the project's, by the version of the chart.
func trueSchemas(t *testing.T) map[string][]byte {
	t.Helper()
	if *schemas == "" {
		t.Skip("the schemas of the project's chart are not here; -chart-schemas DIR names a folder with them")
	}
	paths, err := filepath.Glob(filepath.Join(*schemas, "values-*.schema.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no values-VERSION.schema.json (%v)", *schemas, err)
	}
	found := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "values-"), ".schema.json")
		found[version] = data
	}
	return found
}

// What is rendered for both collectors is what the project's chart takes.
func TestValuesFitTrueSchemas(t *testing.T) {
	for version, schema := range trueSchemas(t) {
		for name, render := range renderers() {
			for _, image := range images() {
				text, err := render(exampleOptions(image))
				if err != nil {
					t.Fatal(err)
				}
				values, err := chartutil.ReadValues([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				values["apiVersion"] = "apps/v1" // the chart's own values have it
				if err := chartutil.ValidateAgainstSingleSchema(values, schema); err != nil {
					t.Errorf("%s of %s, chart %s: %v", name, image, version, err)
				}
			}
		}
	}
}

// The schema in testdata refuses whatever the project's refuse, and nothing
// more than that of the version which is pinned.
func TestSchemaIsAsStrict(t *testing.T) {
	pinned := v1alpha1.DefaultOf(v1alpha1.K3d).Chart.Version
	own := compiled(t, ownSchema(t))
	for version, schema := range trueSchemas(t) {
		project, tried := compiled(t, schema), 0
		for _, values := range attempts(t, schema) {
			truth, ours := project.Validate(values), own.Validate(values)
			if (truth == nil) != (ours == nil) && (ours == nil || version == pinned) {
				t.Errorf("of %v the chart %s says: %v; the one in testdata: %v", values, version, truth, ours)
			}
			tried++
		}
		t.Logf("chart %s: %d values compared", version, tried)
	}
}

// compiled is a schema as Helm compiles it, but once for many values.
func compiled(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("file:///values.schema.json", document); err != nil {
		t.Fatal(err)
	}
	ready, err := compiler.Compile("file:///values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return ready
}

// attempts are values with one thing in them that a schema may refuse: for each
// property all types, and for each mapping a key that it does not know.
func attempts(t *testing.T, schema []byte) (all []map[string]any) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatal(err)
	}
	kinds := []any{
		nil, "", "None", 1, 0.5, true, []any{}, []any{nil}, []any{"x"}, []any{map[string]any{}},
		map[string]any{}, map[string]any{"unknown": 1},
	}
	visit(root, nil, func(path []string) {
		for _, kind := range kinds {
			values := map[string]any{"apiVersion": "apps/v1", "mode": "deployment"}
			set(values, path, kind)
			all = append(all, values)
		}
	})
	return all
}

// set puts a value at a path; [] in it is the only item of a list.
func set(at map[string]any, path []string, value any) {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == "[]" {
			value = []any{value}
		} else {
			value = map[string]any{path[i]: value}
		}
	}
	at[path[0]] = value
}

// visit calls f with the path of every property of a schema.
func visit(schema map[string]any, path []string, f func([]string)) {
	if len(path) > 0 {
		f(path)
	}
	below := func(name string, raw any) {
		if next, ok := raw.(map[string]any); ok {
			visit(next, append(slices.Clone(path), name), f)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		below(name, properties[name])
	}
	patterns, _ := schema["patternProperties"].(map[string]any)
	for _, raw := range patterns {
		below("anything", raw)
	}
	if len(path) > 0 {
		below("[]", schema["items"])
	}
}

// What is rendered for both collectors, the project's chart itself renders.
func TestRenderTrueCharts(t *testing.T) {
	if *charts == "" {
		t.Skip("the project's chart is not here; -charts DIR names a folder with versions of it")
	}
	paths, err := filepath.Glob(filepath.Join(*charts, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no charts (%v)", *charts, err)
	}
	for _, path := range paths {
		for name, render := range renderers() {
			t.Run(filepath.Base(path)+" "+name, func(t *testing.T) {
				r := exampleRelease(t, name, render)
				r.Chart = path
				truth, err := Render(r)
				if err != nil {
					t.Fatal(err)
				}
				decoded(t, truth)
				r.Chart = chartFolder
				ours, err := Render(r)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := kinds(ours), kinds(truth); got != want {
					t.Errorf("the chart in testdata makes %s, the project's %s", got, want)
				}
				compareObjects(t, ours, truth)
			})
		}
	}
}

// compareObjects compares what matters of two charts' objects: their names, what
// pods are found by, and what they run.
func compareObjects(t *testing.T, ours, truth []Manifest) {
	t.Helper()
	describe := func(manifests []Manifest) (said []string) {
		for _, object := range decoded(t, manifests) {
			said = append(said, describeObject(object)...)
		}
		return said
	}
	got, want := describe(ours), describe(truth)
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("the project's chart has what the one in testdata lacks: %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("the chart in testdata has what the project's lacks: %s", line)
		}
	}
}
