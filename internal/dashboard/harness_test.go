package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/backend/backendtest"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	// The clock of regular expressions that are bounded in time ends by itself.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}

// begin is the time of the first sample of the tests' series; they have one
// every 15 seconds.
var begin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

const every = 15 * time.Second

// shown is the range that the tests look at: two minutes.
var shown = prometheus.TimeRange{From: begin, To: begin.Add(2 * time.Minute)}

// newEngine returns an engine over a real Prometheus that holds series.
func newEngine(t *testing.T, series ...backendtest.Series) *Engine {
	t.Helper()
	base := backendtest.Start(t)
	if len(series) > 0 {
		backendtest.Push(t, base, begin, every, series...)
	}
	client := prometheus.NewClient(base)
	t.Cleanup(client.Close)
	return &Engine{Prometheus: client, ScrapeInterval: every}
}

func gauge(name string, labels map[string]string, values ...float64) backendtest.Series {
	return backendtest.Series{Name: name, Labels: labels, Values: values}
}

// constant is a series that is there for the whole range.
func constant(name string, labels map[string]string) backendtest.Series {
	return gauge(name, labels, 1, 1, 1, 1, 1, 1, 1, 1, 1)
}

func parse(t *testing.T, text string) *Dashboard {
	t.Helper()
	d, err := Parse("test.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run runs the first panel of a dashboard.
func run(t *testing.T, e *Engine, d *Dashboard, r Request) Result {
	t.Helper()
	if r.Range == (prometheus.TimeRange{}) {
		r.Range = shown
	}
	result, err := e.Run(context.Background(), d, d.Panels()[0], r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// golden compares a value's JSON with a file.
func golden(t *testing.T, name string, value any) {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, data, "", " "); err != nil {
		t.Fatal(err)
	}
	text.WriteByte('\n')
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("differs from %s (go test -update writes it):\n%s", file, text.String())
	}
}
