package hostmetrics

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

var recordings = flag.String("recordings", "", "folder with what the receiver sent on a Linux machine, to write the golden files from")

// shape is what a dashboard or a pipeline relies on of one metric; "*" stands
// for values of attributes that are the machine's own.
type shape struct {
	Scope       string              `json:"scope"`
	SchemaURL   string              `json:"schemaUrl"`
	Name        string              `json:"name"`
	Unit        string              `json:"unit"`
	Description string              `json:"description"`
	Type        string              `json:"type"`
	Monotonic   bool                `json:"monotonic"`
	Temporality int                 `json:"temporality"`
	Value       string              `json:"value"`
	Attributes  map[string][]string `json:"attributes"`
}

// ownValues are the attributes whose values depend on the machine.
var ownValues = []string{"device", "cpu", "mountpoint", "type", "mode"}

func shapeOf(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) shape {
	s := shape{
		Scope: sm.Scope().Name(), SchemaURL: rm.SchemaUrl(),
		Name: m.Name(), Unit: m.Unit(), Description: m.Description(), Attributes: map[string][]string{},
		Type: "gauge", Value: "int",
	}
	if m.Type() == pmetric.MetricTypeSum {
		s.Type, s.Monotonic, s.Temporality = "sum", m.Sum().IsMonotonic(), int(m.Sum().AggregationTemporality())
	}
	for _, p := range pointsOf(m).All() {
		if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
			s.Value = "double"
		}
		for k, v := range p.Attributes().All() {
			value := v.Str()
			if slices.Contains(ownValues, k) && !strings.HasPrefix(m.Name(), "system.paging.") {
				value = "*"
			}
			if !slices.Contains(s.Attributes[k], value) {
				s.Attributes[k] = append(s.Attributes[k], value)
			}
		}
	}
	for _, values := range s.Attributes {
		sort.Strings(values)
	}
	return s
}

// shapes are those of the metrics that simulated hosts may have, by name.
func shapes(all ...pmetric.Metrics) map[string]shape {
	known := map[string]bool{}
	for _, metrics := range Scrapers() {
		for name := range metrics {
			known[name] = true
		}
	}
	out := map[string]shape{}
	for _, m := range all {
		each(m, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
			if known[m.Name()] && pointsOf(m).Len() > 0 {
				out[m.Name()] = shapeOf(rm, sm, m)
			}
		})
	}
	return out
}

// everything selects all metrics.
func everything() Selection {
	s := Selection{}
	for _, metrics := range Scrapers() {
		for name := range metrics {
			s[name] = true
		}
	}
	return s
}

// readRecording reads metrics as OTLP JSON, one batch on a line.
func readRecording(t *testing.T, path string) (batches []pmetric.Metrics) {
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

// golden reads the shapes in a golden file, after writing it from the
// recording if there is one.
func golden(t *testing.T, file, recording string, keep func(shape) bool) map[string]shape {
	t.Helper()
	if *recordings != "" {
		recorded := shapes(readRecording(t, filepath.Join(*recordings, recording))...)
		var list []shape
		for _, name := range slices.Sorted(maps.Keys(recorded)) {
			if keep(recorded[name]) {
				list = append(list, recorded[name])
			}
		}
		data, err := json.MarshalIndent(list, "", " ")
		if err == nil {
			err = os.WriteFile(file, append(data, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []shape
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	want := map[string]shape{}
	for _, s := range list {
		want[s.Name] = s
	}
	return want
}

// compare prints how what is sent here differs from what the receiver sends.
func compare(t *testing.T, got, want map[string]shape) {
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

// No metric is missing, none is extra and none is different: by default, and
// with every metric enabled.
func TestShapeIsTheReceivers(t *testing.T) {
	t.Run("default", func(t *testing.T) {
		compare(t, shapes(Metrics(host(), nil)), golden(t, "testdata/default-metrics.json", "hostmetrics-vm-default.jsonl.gz", func(s shape) bool {
			scraper := strings.TrimSuffix(s.Scope[strings.LastIndex(s.Scope, "/")+1:], "scraper")
			return slices.Contains(DefaultScrapers(), scraper)
		}))
	})
	t.Run("all", func(t *testing.T) {
		compare(t, shapes(Metrics(host(), everything())), golden(t, "testdata/all-metrics.json", "hostmetrics-vm-all.jsonl.gz", func(shape) bool { return true }))
	})
}

func TestSelection(t *testing.T) {
	s, err := Select("system.cpu.logical.count,system.processes.count")
	if err != nil || s.String() != "system.cpu.logical.count,system.processes.count" {
		t.Fatalf("%v, %v", s, err)
	}
	m := Metrics(host(), s)
	if got := slices.Sorted(maps.Keys(shapes(m))); !slices.Equal(got, []string{"system.cpu.logical.count", "system.processes.count"}) || m.ResourceMetrics().Len() != 2 {
		t.Errorf("sent %v of %d scrapers", got, m.ResourceMetrics().Len())
	}
	if _, err := Select("system.cpu.time,process.cpu.time"); err == nil || !strings.Contains(err.Error(), "process.cpu.time") {
		t.Errorf("an unknown metric: %v", err)
	}
	if s, err := Select(""); s != nil || err != nil {
		t.Errorf("nothing selects %v, %v", s, err)
	}
}
