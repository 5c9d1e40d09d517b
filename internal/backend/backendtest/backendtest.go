// Package backendtest runs a real backend for the tests of what asks it.
package backendtest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// Series is a gauge, or a counter: a name, labels, and a value for each step.
type Series struct {
	Name    string
	Labels  map[string]string
	Values  []float64
	Counter bool
}

// Start runs a backend until the test ends, and returns its base URL.
func Start(t testing.TB) string {
	t.Helper()
	address, done := make(chan string, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	usual := v1alpha1.Default().Backend
	o := backend.Options{
		Retention: time.Duration(usual.Retention), OutOfOrderWindow: time.Duration(usual.OutOfOrderWindow),
		EventsMax: usual.MaxEvents,
		Listen:    "127.0.0.1:0", DataDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Listening: func(a string) { address <- a },
	}
	go func() { done <- backend.Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the backend ended with: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	base := "http://" + <-address
	waittest.True(t, "the backend is ready", func() bool { return ready(base) })
	return base
}

func ready(base string) bool {
	response, err := http.Get(base + "/-/ready")
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Push stores series over OTLP: their first value at begin, the others each a
// step later.
func Push(t testing.TB, base string, begin time.Time, step time.Duration, all ...Series) {
	t.Helper()
	metrics := pmetric.NewMetrics()
	list := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for _, series := range all {
		metric := list.AppendEmpty()
		metric.SetName(series.Name)
		points := pointsOf(metric, series.Counter)
		for i, value := range series.Values {
			point := points.AppendEmpty()
			point.SetTimestamp(pcommon.NewTimestampFromTime(begin.Add(time.Duration(i) * step)))
			point.SetDoubleValue(value)
			for label, text := range series.Labels {
				point.Attributes().PutStr(label, text)
			}
		}
	}
	body, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(base+"/api/v1/otlp/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("storing series: %s: %s %v", response.Status, text, err)
	}
}

func pointsOf(metric pmetric.Metric, counter bool) pmetric.NumberDataPointSlice {
	if !counter {
		return metric.SetEmptyGauge().DataPoints()
	}
	sum := metric.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}
