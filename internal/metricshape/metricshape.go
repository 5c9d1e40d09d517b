// Package metricshape compares, in tests, what is sent with what a receiver of
// the OpenTelemetry Collector sends: not the values, but all that a dashboard
// or a pipeline relies on.
package metricshape

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Shape is what is relied on of one metric.
type Shape struct {
	Scope       string `json:"scope"`
	SchemaURL   string `json:"schemaUrl"`
	Name        string `json:"name"`
	Unit        string `json:"unit"`
	Description string `json:"description"`
	Type        string `json:"type"`
	Monotonic   bool   `json:"monotonic"`
	Temporality int    `json:"temporality"`
	Value       string `json:"value"`
	// Attributes are those of the points with the values that they have; "*"
	// stands for values that are a machine's own.
	Attributes map[string][]string `json:"attributes"`
	// Resources are the sets of attributes that its resources have.
	Resources []string `json:"resources,omitempty"`
}

// Of returns the shapes of all metrics by name. own tells which attributes of
// a metric have values that are a machine's own.
func Of(own func(metric, attribute string) bool, batches ...pmetric.Metrics) map[string]Shape {
	shapes := map[string]Shape{}
	for _, batch := range batches {
		for _, rm := range batch.ResourceMetrics().All() {
			resource := keys(rm.Resource().Attributes())
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					if points(m).Len() == 0 {
						continue
					}
					s, seen := shapes[m.Name()]
					if !seen {
						s = newShape(rm, sm, m)
					}
					s.Resources = with(s.Resources, resource)
					s.addPoints(m, own)
					shapes[m.Name()] = s
				}
			}
		}
	}
	return shapes
}

func newShape(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) Shape {
	s := Shape{
		Scope: sm.Scope().Name(), SchemaURL: rm.SchemaUrl(), Name: m.Name(), Unit: m.Unit(), Description: m.Description(),
		Type: "gauge", Value: "int", Attributes: map[string][]string{},
	}
	if m.Type() == pmetric.MetricTypeSum {
		s.Type, s.Monotonic, s.Temporality = "sum", m.Sum().IsMonotonic(), int(m.Sum().AggregationTemporality())
	}
	return s
}

func (s *Shape) addPoints(m pmetric.Metric, own func(metric, attribute string) bool) {
	for _, p := range points(m).All() {
		if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
			s.Value = "double"
		}
		for name, v := range p.Attributes().All() {
			value := v.AsString()
			if own(s.Name, name) {
				value = "*"
			}
			s.Attributes[name] = with(s.Attributes[name], value)
		}
	}
}

// points are those of a sum or a gauge, which are all that the receivers send.
func points(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeSum {
		return m.Sum().DataPoints()
	}
	return m.Gauge().DataPoints()
}

func keys(attributes pcommon.Map) string {
	var names []string
	for name := range attributes.All() {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// with returns the sorted values with one more, if it is not among them.
func with(values []string, value string) []string {
	i, found := slices.BinarySearch(values, value)
	if found {
		return values
	}
	return slices.Insert(values, i, value)
}

// ReadRecording reads batches of metrics as OTLP JSON, compressed, one on a
// line: {"data": {"resourceMetrics": …}}.
func ReadRecording(t testing.TB, path string) (batches []pmetric.Metrics) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct{ Data json.RawMessage }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		batch, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line.Data)
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, batch)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return batches
}

// Write makes a golden file of shapes.
func Write(t testing.TB, file string, shapes map[string]Shape) {
	t.Helper()
	list := make([]Shape, 0, len(shapes))
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		list = append(list, shapes[name])
	}
	data, err := json.MarshalIndent(list, "", " ")
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Read reads a golden file.
func Read(t testing.TB, file string) map[string]Shape {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []Shape
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	shapes := map[string]Shape{}
	for _, s := range list {
		shapes[s.Name] = s
	}
	return shapes
}

// Compare says how what is sent differs from what the receiver sends: no
// metric may be missing, none extra, none different.
func Compare(t testing.TB, got, want map[string]Shape) {
	t.Helper()
	for name, w := range want {
		if g, found := got[name]; !found {
			t.Errorf("%s is missing", name)
		} else if !reflect.DeepEqual(g, w) {
			t.Errorf("%s\n got %+v\nwant %+v", name, g, w)
		}
	}
	for name := range got {
		if _, found := want[name]; !found {
			t.Errorf("%s is not sent by the receiver", name)
		}
	}
}
