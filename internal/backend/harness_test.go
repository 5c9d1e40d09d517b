package backend

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// childEnv makes this test binary serve as a backend that can be killed.
const childEnv = "DIORAMA_BACKEND_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		runChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// runChild prints its address and serves until it is killed.
func runChild(dir string) {
	err := Run(context.Background(), Options{
		Listen: "127.0.0.1:0", DataDir: dir, Retention: 24 * time.Hour, EventsMax: 1000,
		Listening: func(address string) { _, _ = os.Stdout.WriteString(address + "\n") },
	})
	if err != nil {
		slog.Error("child failed", "err", err)
		os.Exit(1)
	}
}

// running is a backend in this process.
type running struct {
	t      testing.TB
	url    string
	cancel context.CancelFunc
	done   chan error
}

// start runs a backend until the test ends or stop is called.
func start(t testing.TB, o Options) *running {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	o.Listen, o.Retention, o.EventsMax = "127.0.0.1:0", 24*time.Hour, 1000
	o.OutOfOrderWindow = cmp.Or(o.OutOfOrderWindow, 10*time.Minute)
	address := make(chan string, 1)
	o.Listening = func(a string) { address <- a }
	ctx, cancel := context.WithCancel(context.Background())
	b := &running{t: t, cancel: cancel, done: make(chan error, 1)}
	go func() { b.done <- Run(ctx, o) }()
	select {
	case a := <-address:
		b.url = "http://" + a
	case err := <-b.done:
		t.Fatalf("backend did not start: %v", err)
	}
	waitReady(t, b.url)
	t.Cleanup(b.stop)
	return b
}

func (b *running) stop() {
	if b.cancel == nil {
		return
	}
	b.cancel()
	b.cancel = nil
	if err := <-b.done; err != nil {
		b.t.Errorf("backend ended with: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func waitReady(t testing.TB, base string) {
	t.Helper()
	eventually(t, func() bool {
		resp, err := http.Get(base + "/-/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// eventually polls a condition.
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	waittest.True(t, "a condition is met", ok)
}

// post sends a body and returns status, header and answer.
func post(t testing.TB, target, contentType string, body []byte, headers ...string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, answer
}

// get reads a JSON answer of the API into data and returns the status.
func get(t testing.TB, target string, data any) int {
	t.Helper()
	resp, err := http.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := struct {
		Data any `json:"data"`
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s answered %d and no JSON: %v", target, resp.StatusCode, err)
	}
	return resp.StatusCode
}

type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

func (s sample) value() string {
	text, _ := s.Value[1].(string)
	return text
}

func query(t testing.TB, base, expr string, at time.Time) []sample {
	t.Helper()
	var data struct {
		Result []sample `json:"result"`
	}
	q := url.Values{"query": {expr}, "time": {at.Format(time.RFC3339Nano)}}
	if code := get(t, base+"/api/v1/query?"+q.Encode(), &data); code != http.StatusOK {
		t.Fatalf("query %s: status %d", expr, code)
	}
	return data.Result
}

// resource adds a resource with the given key, value pairs.
func resource(md pmetric.Metrics, attrs ...string) pmetric.MetricSlice {
	rm := md.ResourceMetrics().AppendEmpty()
	for i := 0; i+1 < len(attrs); i += 2 {
		rm.Resource().Attributes().PutStr(attrs[i], attrs[i+1])
	}
	return rm.ScopeMetrics().AppendEmpty().Metrics()
}

func gauge(ms pmetric.MetricSlice, name, unit string, at time.Time, value float64) {
	m := ms.AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	m.SetDescription("about " + name)
	dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
	dp.SetTimestamp(pcommon.NewTimestampFromTime(at))
	dp.SetDoubleValue(value)
}

func counter(
	ms pmetric.MetricSlice, name, unit string, at time.Time, value float64, temporality pmetric.AggregationTemporality,
) pmetric.NumberDataPoint {
	m := ms.AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(temporality)
	dp := sum.DataPoints().AppendEmpty()
	dp.SetTimestamp(pcommon.NewTimestampFromTime(at))
	dp.SetDoubleValue(value)
	return dp
}

func encode(t testing.TB, md pmetric.Metrics) []byte {
	t.Helper()
	data, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func push(t testing.TB, base string, md pmetric.Metrics) (int, string) {
	t.Helper()
	code, _, body := post(t, base+"/api/v1/otlp/v1/metrics", contentProtobuf, encode(t, md))
	return code, strings.TrimSpace(string(body))
}

func mustPush(t testing.TB, base string, md pmetric.Metrics) {
	t.Helper()
	if code, text := push(t, base, md); code != http.StatusOK {
		t.Fatalf("push: %d %s", code, text)
	}
}

func ingestion(t testing.TB, base string) Ingestion {
	t.Helper()
	in, err := ReadIngestion(context.Background(), base)
	if err != nil {
		t.Fatal(err)
	}
	return in
}
