package engine

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/backend/backendtest"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

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

func parse(t *testing.T, text string) *document.Dashboard {
	t.Helper()
	d, err := document.Parse("test.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run runs the first panel of a dashboard.
func run(t *testing.T, e *Engine, d *document.Dashboard, r Request) Result {
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
