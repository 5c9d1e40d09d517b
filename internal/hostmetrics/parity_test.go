package hostmetrics

import (
	"flag"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/diorama-lab/diorama/internal/metricshape"
)

var recordings = flag.String("recordings", "",
	"folder with what the receiver sent on a Linux machine, to write the golden files from")

// own are the attributes whose values depend on the machine. Of paging the
// type is not: it tells minor from major.
func own(metric, attribute string) bool {
	return slices.Contains([]string{"device", "cpu", "mountpoint", "type", "mode"}, attribute) &&
		!strings.HasPrefix(metric, "system.paging.")
}

// shapes are those of the metrics that simulated hosts may have, by name. What
// the resource has is left out: the receiver leaves it to others.
func shapes(all ...pmetric.Metrics) map[string]metricshape.Shape {
	found, known := metricshape.Of(own, all...), everything()
	for name, s := range found {
		if s.Resources = nil; known[name] {
			found[name] = s
		} else {
			delete(found, name)
		}
	}
	return found
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

// golden reads the shapes in a golden file, after writing it from the
// recording if there is one.
func golden(t *testing.T, file, recording string, keep func(metricshape.Shape) bool) map[string]metricshape.Shape {
	t.Helper()
	if *recordings != "" {
		recorded := shapes(metricshape.ReadRecording(t, filepath.Join(*recordings, recording))...)
		maps.DeleteFunc(recorded, func(_ string, s metricshape.Shape) bool { return !keep(s) })
		metricshape.Write(t, file, recorded)
	}
	return metricshape.Read(t, file)
}

// No metric is missing, none is extra and none is different: by default, and
// with every metric enabled.
func TestShapeIsTheReceivers(t *testing.T) {
	t.Run("default", func(t *testing.T) {
		sent := func(s metricshape.Shape) bool {
			scraper := strings.TrimSuffix(s.Scope[strings.LastIndex(s.Scope, "/")+1:], "scraper")
			return slices.Contains(DefaultScrapers(), scraper)
		}
		want := golden(t, "testdata/default-metrics.json", "hostmetrics-vm-default.jsonl.gz", sent)
		metricshape.Compare(t, shapes(Metrics(host(), nil)), want)
	})
	t.Run("all", func(t *testing.T) {
		all := func(metricshape.Shape) bool { return true }
		want := golden(t, "testdata/all-metrics.json", "hostmetrics-vm-all.jsonl.gz", all)
		metricshape.Compare(t, shapes(Metrics(host(), everything())), want)
	})
}

func TestSelection(t *testing.T) {
	s, err := Select("system.cpu.logical.count,system.processes.count")
	if err != nil || s.String() != "system.cpu.logical.count,system.processes.count" {
		t.Fatalf("%v, %v", s, err)
	}
	m := Metrics(host(), s)
	got := slices.Sorted(maps.Keys(shapes(m)))
	want := []string{"system.cpu.logical.count", "system.processes.count"}
	if !slices.Equal(got, want) || m.ResourceMetrics().Len() != 2 {
		t.Errorf("sent %v of %d scrapers", got, m.ResourceMetrics().Len())
	}
	_, err = Select("system.cpu.time,process.cpu.time")
	if err == nil || !strings.Contains(err.Error(), "process.cpu.time") {
		t.Errorf("an unknown metric: %v", err)
	}
	if s, err := Select(""); s != nil || err != nil {
		t.Errorf("nothing selects %v, %v", s, err)
	}
}
