package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Ingestion says what a backend has received, stored and lost since it
// started.
type Ingestion struct {
	// Series are those with samples in the head, about the last two hours.
	Series int64 `json:"series"`
	// SamplesAppendedTotal are the stored samples, those of rules included.
	SamplesAppendedTotal int64 `json:"samplesAppendedTotal"`
	// OutOfOrderAppendedTotal are those of them that came late.
	OutOfOrderAppendedTotal int64 `json:"outOfOrderAppendedTotal"`
	// LastSampleTime is the newest timestamp stored, LastWriteTime when
	// something was last written; zero before the first.
	LastSampleTime time.Time `json:"lastSampleTime"`
	LastWriteTime  time.Time `json:"lastWriteTime"`
	// DroppedTotal are samples that came and were not stored, by reason in
	// Dropped; the collector got an answer that says so.
	DroppedTotal int64            `json:"droppedTotal"`
	Dropped      map[string]int64 `json:"dropped"`
	// RepeatedTotal are samples whose series and time were stored already:
	// a repeated request, or two resources that fall into one series.
	RepeatedTotal int64 `json:"repeatedTotal"`
	// FailedTotal are samples that could not be written for now.
	FailedTotal int64 `json:"failedTotal"`
	// StorageBytes is what blocks and logs take on disk.
	StorageBytes int64 `json:"storageBytes"`

	EventsStored        int64 `json:"eventsStored"`
	EventsReceivedTotal int64 `json:"eventsReceivedTotal"`
	EventsRejectedTotal int64 `json:"eventsRejectedTotal"`
	EventsEvictedTotal  int64 `json:"eventsEvictedTotal"`

	// RulesError is why the rule files were not loaded, empty if they were.
	RulesError string `json:"rulesError,omitempty"`
	// Damages say what was lost because it could not be read any more, and where it
	// was set aside.
	Damages []string `json:"damages,omitempty"`
}

const ingestionPath = "/api/v1/diorama/ingestion"

// ReadIngestion asks the backend at baseURL, for example
// http://127.0.0.1:9090.
func ReadIngestion(ctx context.Context, baseURL string) (Ingestion, error) {
	var answer struct {
		Data Ingestion `json:"data"`
	}
	err := ask(ctx, strings.TrimSuffix(baseURL, "/")+ingestionPath, func(body io.Reader) error {
		return json.NewDecoder(body).Decode(&answer)
	})
	return answer.Data, err
}

func ask(ctx context.Context, url string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking the backend: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking the backend: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		return fmt.Errorf("the backend answered %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	if err := read(resp.Body); err != nil {
		return fmt.Errorf("reading the backend's answer: %w", err)
	}
	return nil
}

func (in *instance) serveIngestion(w http.ResponseWriter, _ *http.Request) {
	respondData(w, in.ingestion())
}

func (in *instance) ingestion() Ingestion {
	n := in.numbers()
	out := Ingestion{
		Series:                  int64(in.db.Head().NumSeries()),
		SamplesAppendedTotal:    int64(n.sum(metricAppended)),
		OutOfOrderAppendedTotal: int64(n.sum("prometheus_tsdb_head_out_of_order_samples_appended_total")),
		Dropped:                 map[string]int64{},
		Damages:                 damages(in.opts.DataDir),
		RepeatedTotal:           int64(n.sum(metricRepeated)),
		FailedTotal:             int64(n.sum("diorama_backend_samples_failed_total")),
		StorageBytes: int64(n.sum("prometheus_tsdb_storage_blocks_bytes") +
			n.sum("prometheus_tsdb_wal_storage_size_bytes") + n.sum("prometheus_tsdb_head_chunks_storage_size_bytes")),
	}
	for _, m := range n["diorama_backend_samples_dropped_total"].GetMetric() {
		count := int64(m.GetCounter().GetValue())
		out.DroppedTotal += count
		if count > 0 {
			out.Dropped[m.GetLabel()[0].GetValue()] = count
		}
	}
	if in.db.Head().NumSeries() > 0 && in.db.Head().MaxTime() > 0 {
		out.LastSampleTime = time.UnixMilli(in.db.Head().MaxTime()).UTC()
	}
	if last := in.ingest.lastWrite.Load(); last > 0 {
		out.LastWriteTime = time.UnixMilli(last).UTC()
	}
	counts := in.events.Counts()
	out.EventsStored, out.EventsReceivedTotal = counts.Stored, counts.Received
	out.EventsRejectedTotal, out.EventsEvictedTotal = counts.Rejected, counts.Evicted
	if _, err := in.rules.last(); err != nil {
		out.RulesError = err.Error()
	}
	return out
}

const (
	metricAppended  = "prometheus_tsdb_head_samples_appended_total"
	metricCommitted = "diorama_backend_samples_committed_total"
	metricRepeated  = "diorama_backend_samples_repeated_total"
)

// numbers are gathered metrics by name.
type numbers map[string]*dto.MetricFamily

// sum adds up counters and gauges of one family.
func (n numbers) sum(name string) float64 {
	total := 0.0
	for _, m := range n[name].GetMetric() {
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return total
}

func (in *instance) numbers() numbers {
	// Gather returns what it has along with an error; what is missing
	// counts as zero.
	families, _ := in.Gather()
	out := make(numbers, len(families))
	for _, f := range families {
		out[f.GetName()] = f
	}
	return out
}

// Gather adds what the storage drops in silence: a sample whose series and
// time it has already is accepted and then left out. What was committed and
// is not among the appended samples was such a one.
func (in *instance) Gather() ([]*dto.MetricFamily, error) {
	// Read before the storage's counter, so that a commit in between does
	// not look like a repeated sample.
	committed := float64(in.ingest.committed.Load())
	families, err := in.registry.Gather()
	appended := 0.0
	for _, f := range families {
		if f.GetName() == metricAppended {
			appended = numbers{metricAppended: f}.sum(metricAppended)
		}
	}
	repeated := float64(in.raiseRepeated(int64(committed - appended)))
	help := "Samples left out because their series had one of that time."
	name, kind := metricRepeated, dto.MetricType_COUNTER
	return append(families, &dto.MetricFamily{Name: &name, Help: &help, Type: &kind, Metric: []*dto.Metric{
		{Counter: &dto.Counter{Value: &repeated}},
	}}), err
}

// raiseRepeated keeps the counter from falling while a commit is under way.
func (in *instance) raiseRepeated(n int64) int64 {
	for {
		old := in.repeated.Load()
		if n <= old {
			return old
		}
		if in.repeated.CompareAndSwap(old, n) {
			return n
		}
	}
}
