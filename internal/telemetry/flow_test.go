package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/wait"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// around is all that a flow is read from.
type around struct {
	*httptest.Server

	mu sync.Mutex
	// answers are bodies by path; what has none is out of order.
	answers map[string]string
	// asked counts, by path.
	asked map[string]int
}

// The paths of what is read.
const (
	ingestionPath = "/api/v1/diorama/ingestion"
	headPath      = "/api/v1/status/tsdb"
	collectorPage = "/collector"
	relayPage     = "/relay"
)

func startAround(t *testing.T) *around {
	t.Helper()
	a := &around{answers: map[string]string{}, asked: map[string]int{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.asked[r.URL.Path]++
		if answer := a.answers[r.URL.Path]; answer != "" {
			fmt.Fprint(w, answer)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *around) answer(path, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[path] = text
}

// stores makes diorama's own backend say what it has.
func (a *around) stores(t *testing.T, i backend.Ingestion) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"data": i})
	if err != nil {
		t.Fatal(err)
	}
	a.answer(ingestionPath, string(data))
}

// sampled is what a flow says after one more sample.
func sampled(t *testing.T, f *Flow, before *backend.Ingestion) (control.Telemetry, error) {
	t.Helper()
	ingestion, err := f.sample(t.Context(), *before, 5*time.Second)
	if err == nil {
		*before = ingestion
	}
	return f.Telemetry(), err
}

const collectorLost = "otelcol_exporter_send_failed_metric_points 4\notelcol_receiver_refused_log_records 1\n"

func TestFlowOfOwnStore(t *testing.T) {
	a := startAround(t)
	f := NewFlow(Sources{Prometheus: a.URL, Collectors: []string{a.URL + collectorPage}})
	if got := f.Telemetry(); got.LastSampleAge != -1 || got.Error != "" {
		t.Errorf("before anything was read there is %+v", got)
	}
	var before backend.Ingestion
	stored := backend.Ingestion{
		Series: 10, SamplesAppendedTotal: 1000, DroppedTotal: 1, FailedTotal: 2, EventsStored: 6,
		LastSampleTime: time.Now().Add(-time.Minute), RulesError: "a.yaml: bad\nb.yaml: worse",
	}
	a.stores(t, stored)
	a.answer(collectorPage, collectorLost)
	got, err := sampled(t, f, &before)
	if err != nil || got.Series != 10 || got.Events != 6 || got.DroppedSamples != 6 || got.SamplesPerSecond != 0 ||
		got.LastSampleAge < 60 || got.Error != "" {
		t.Errorf("at first there is %+v, %v", got, err)
	}
	want := []string{"rules not loaded: a.yaml: bad", "rules not loaded: b.yaml: worse"}
	if warnings := f.Warnings(); !slices.Equal(warnings, want) {
		t.Errorf("warnings are %q, want %q", warnings, want)
	}
	stored.SamplesAppendedTotal, stored.RulesError = 1500, ""
	a.stores(t, stored)
	if got, _ := sampled(t, f, &before); got.SamplesPerSecond != 100 || len(f.Warnings()) != 0 {
		t.Errorf("500 samples in 5 s are %+v", got)
	}
	// A collector that is down does not keep the store from having a rate, of the
	// time since the last sample.
	a.answer(collectorPage, "")
	for _, total := range []int64{2000, 2500} {
		stored.SamplesAppendedTotal = total
		a.stores(t, stored)
		if got, _ := sampled(t, f, &before); got.SamplesPerSecond != 100 || !strings.Contains(got.Error, collectorPage) {
			t.Errorf("without a collector there is %+v", got)
		}
	}
	// A store that is restarted counts from 0 again.
	stored.SamplesAppendedTotal = 50
	a.stores(t, stored)
	if got, _ := sampled(t, f, &before); got.SamplesPerSecond != 0 {
		t.Errorf("after a restart there is %+v", got)
	}
}

// Of a store that does not answer stays what is known: totals do not fall.
func TestFlowWithoutStore(t *testing.T) {
	a := startAround(t)
	f := NewFlow(Sources{Prometheus: a.URL, Collectors: []string{a.URL + collectorPage}})
	var before backend.Ingestion
	a.stores(t, backend.Ingestion{Series: 10, SamplesAppendedTotal: 1000, DroppedTotal: 3, EventsStored: 6})
	a.answer(collectorPage, collectorLost)
	if _, err := sampled(t, f, &before); err != nil {
		t.Fatal(err)
	}
	a.answer(ingestionPath, "")
	got, err := sampled(t, f, &before)
	if err == nil || got.Error != err.Error() || got.Series != 10 || got.Events != 6 || got.DroppedSamples != 8 {
		t.Errorf("there is %+v, %v", got, err)
	}
	if before.SamplesAppendedTotal != 1000 {
		t.Errorf("the next rate is of %+v", before)
	}
}

// A stock collector counts what it sends, and the one in LGTM what it loses.
func TestFlowOfForeignStore(t *testing.T) {
	a := startAround(t)
	f := NewFlow(Sources{
		Prometheus: a.URL, Foreign: true, Collectors: []string{a.URL + collectorPage}, Relay: a.URL + relayPage,
		Interval: 5 * time.Second,
	})
	var before backend.Ingestion
	a.answer(headPath,
		`{"status": "success", "data": {"headStats": {"numSeries": 7, "maxTime": 1598896800143}}}`)
	sent := func(points int) {
		a.answer(collectorPage, fmt.Sprintf(
			"otelcol_exporter_sent_metric_points %d\notelcol_exporter_sent_log_records 9\n", points))
	}
	sent(1000)
	// An image that stands for LGTM has no such page.
	got, err := sampled(t, f, &before)
	if err != nil || got.Series != 7 || got.Events != 9 || got.DroppedSamples != 0 || got.LastSampleAge <= 0 {
		t.Errorf("at first there is %+v, %v", got, err)
	}
	a.answer(relayPage, `otelcol_receiver_accepted_metric_points{receiver="otlp"} 100
otelcol_exporter_send_failed_metric_points 5
`)
	sent(1500)
	if got, _ = sampled(t, f, &before); got.SamplesPerSecond < 100 || got.DroppedSamples != 5 {
		t.Errorf("500 points in 5 s, 5 of them lost, are %+v", got)
	}
	a.answer(relayPage, "")
	if got, err = sampled(t, f, &before); err != nil || got.DroppedSamples != 5 {
		t.Errorf("what was lost is forgotten with who lost it: %+v, %v", got, err)
	}
	// Without its page nobody knows how much was sent: the next rate is of before.
	a.answer(collectorPage, "")
	known := before
	if _, err = sampled(t, f, &before); err == nil || before.SamplesAppendedTotal != known.SamplesAppendedTotal {
		t.Errorf("the next rate is of %+v, %v", before, err)
	}
}

// Collectors that are pods say of themselves in the store.
func TestFlowOfStoredCollectors(t *testing.T) {
	a := startAround(t)
	f := NewFlow(Sources{Prometheus: a.URL, Foreign: true, Stored: true, Interval: 5 * time.Second})
	a.answer(headPath, `{"status": "success", "data": {"headStats": {"numSeries": 7}}}`)
	var before backend.Ingestion
	got, err := sampled(t, f, &before)
	if err == nil || got.Error == "" || got.LastSampleAge != -1 {
		t.Errorf("a store that answers no query gives %+v, %v", got, err)
	}
	var series []string
	for _, s := range []string{`"rate"`, `"events"`, `"errored"`, `"lost"`, `"scraped", "receiver": "r"`} {
		series = append(series, fmt.Sprintf(`{"metric": {"what": %s}, "value": [1598896800, "%d"]}`, s, len(series)+1))
	}
	a.answer("/api/v1/query", `{"status": "success", "data": {"resultType": "vector", "result": [`+
		strings.Join(series, ", ")+`]}}`)
	got, err = sampled(t, f, &before)
	want := control.Telemetry{
		Series: 7, SamplesPerSecond: 1, Events: 2, FailedScrapes: 3, DroppedSamples: 4, LastSampleAge: -1,
	}
	if err != nil || got != want {
		t.Errorf("there is %+v, %v, want %+v", got, err, want)
	}
}

func TestFlowRuns(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	a := startAround(t)
	defer http.DefaultClient.CloseIdleConnections()
	defer a.Close()
	a.stores(t, backend.Ingestion{Series: 10})
	f := NewFlow(Sources{Prometheus: a.URL})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	waittest.True(t, "there is a sample", func() bool { return f.Telemetry().Series == 10 })
	cancel()
	<-done
}

// An environment is up when the series of each source are there.
func TestAwait(t *testing.T) {
	a := startAround(t)
	empty := `{"status": "success", "data": {"resultType": "vector", "result": []}}`
	some := `{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "3"]}]}}`
	s := Sources{Prometheus: a.URL, First: map[string]string{"k8s_cluster": OfCluster}}
	var reported []string
	report := func(text string) { reported = append(reported, text) }
	// The store comes up, and then its first series.
	go func() {
		for i, answer := range []string{empty, some} {
			_ = wait.Until(t.Context(), time.Millisecond, func(context.Context) (bool, error) {
				a.mu.Lock()
				defer a.mu.Unlock()
				return a.asked["/api/v1/query"] > i, nil
			})
			a.answer("/api/v1/query", answer)
		}
	}()
	if err := s.Await(t.Context(), report); err != nil || len(reported) != 1 || reported[0] != "waiting for k8s_cluster" {
		t.Errorf("reported is %q, %v", reported, err)
	}
	a.answer("/api/v1/query", empty)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := s.Await(ctx, report)
	if err == nil || !strings.HasPrefix(err.Error(), "waiting for the first metrics of k8s_cluster: ") {
		t.Errorf("nothing comes: %v", err)
	}
	// Whoever sends something else is not waited for.
	if err := (Sources{Prometheus: a.URL}).Await(t.Context(), report); err != nil {
		t.Error(err)
	}
}

// A node is found however the store names labels.
func TestOfNode(t *testing.T) {
	for _, want := range []string{`k8s_node_name="a"`, `"k8s.node.name"="a"`} {
		if got := OfNode("a"); !strings.Contains(got, want) || strings.Count(got, "k8s.node.cpu") != 2 {
			t.Errorf("it is selected by %s, want %s", got, want)
		}
	}
}
