// Package telemetry follows how an environment's telemetry flows: what the
// collectors send and lose, and what the store has of it.
package telemetry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/wait"
)

// sampleEvery is how often the flow of the telemetry is read, so that status
// has a rate to report.
const sampleEvery = 2 * time.Second

// Sources say where the flow is read.
type Sources struct {
	// Prometheus is the URL of the store's API.
	Prometheus string
	// Foreign tells that the store is not diorama's own backend: it says less of
	// itself.
	Foreign bool
	// Stored tells that the collectors' own metrics are in that Prometheus.
	Stored bool
	// Collectors are the pages of the collectors' own metrics.
	Collectors []string
	// Relay is that of the collector in LGTM, "" for a kind without; an image that
	// stands for LGTM has none.
	Relay string
	// Interval is that of scraping.
	Interval time.Duration
	// First are selectors of the series that show that telemetry is there, by what
	// sends them.
	First map[string]string
}

// Flow reads how the telemetry flows, in the background.
type Flow struct {
	sources Sources
	relay   collector.Relay
	// scrapers are those of a stock collector.
	scrapers standstill

	mu   sync.Mutex
	last control.Telemetry
	// lastSample is the newest stored timestamp.
	lastSample time.Time
	// rules is what is wrong with the rule files, damages what the store has lost.
	rules   string
	damages []string
}

// NewFlow returns a flow that is not read yet.
func NewFlow(sources Sources) *Flow {
	f := &Flow{sources: sources, scrapers: standstill{interval: sources.Interval, renewed: sampleEvery}}
	if sources.Stored {
		f.scrapers.renewed = collector.SelfMetricsInterval(sources.Interval)
	}
	return f
}

// Read samples once.
func (f *Flow) Read(ctx context.Context) {
	// What cannot be read is in the telemetry's Error.
	_, _ = f.sample(ctx, backend.Ingestion{}, 0)
}

// Run samples until ctx ends.
func (f *Flow) Run(ctx context.Context) {
	var past history
	wait.Every(ctx, sampleEvery, func(ctx context.Context) {
		now := time.Now()
		before := past.first()
		ingestion, err := f.sample(ctx, before.Ingestion, now.Sub(before.at))
		if err == nil {
			past = past.and(moment{ingestion, now})
		}
	})
}

// sample returns what was stored, to compare the next sample with; with an error if
// that is not all.
func (f *Flow) sample(ctx context.Context, before backend.Ingestion, since time.Duration) (backend.Ingestion, error) {
	read := backend.ReadIngestion
	if f.sources.Foreign {
		read = readPrometheus
	}
	ingestion, storeErr := within(ctx, func(ctx context.Context) (backend.Ingestion, error) {
		return read(ctx, f.sources.Prometheus)
	})
	err := storeErr
	t := control.Telemetry{
		Series: uint64(ingestion.Series), DroppedSamples: uint64(ingestion.DroppedTotal),
		Events: uint64(ingestion.EventsStored),
	}
	for _, page := range f.sources.Collectors {
		health, healthErr := within(ctx, func(ctx context.Context) (collector.Health, error) {
			return collector.ReadHealth(ctx, page)
		})
		err = errors.Join(err, healthErr)
		t.FailedScrapes += health.FailedScrapes
		t.DroppedSamples += health.LostPoints()
		if f.sources.Foreign {
			t.FailedScrapes += f.scrapers.failed(health.Scraped, time.Now())
			ingestion.SamplesAppendedTotal += int64(health.SentPoints)
			t.Events += health.SentRecords
		}
	}
	t.DroppedSamples += f.lostOnTheWay(ctx)
	// A store that was restarted counts from 0 again.
	appended := ingestion.SamplesAppendedTotal - before.SamplesAppendedTotal
	if before.SamplesAppendedTotal > 0 && appended >= 0 {
		t.SamplesPerSecond = float64(appended) / since.Seconds()
	}
	if f.sources.Stored && err == nil {
		var scraped map[string]uint64
		scraped, err = within(ctx, func(ctx context.Context) (map[string]uint64, error) {
			return readStored(ctx, f.sources.Prometheus, &t)
		})
		if err == nil {
			t.FailedScrapes += f.scrapers.failed(scraped, time.Now())
		}
	}
	if err != nil {
		t.Error = err.Error()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if storeErr != nil {
		// What is known of it is old, and what is sent now is not stored.
		t.Series, t.SamplesPerSecond = f.last.Series, 0
		t.DroppedSamples, t.Events = max(t.DroppedSamples, f.last.DroppedSamples), max(t.Events, f.last.Events)
		f.last = t
		return ingestion, err
	}
	f.last, f.lastSample, f.rules = t, ingestion.LastSampleTime, ingestion.RulesError
	f.damages = ingestion.Damages
	if !f.sources.Foreign {
		return ingestion, nil // the store has counted, whatever collectors say
	}
	return ingestion, err
}

// lostOnTheWay is what the collector in LGTM took and did not deliver.
func (f *Flow) lostOnTheWay(ctx context.Context) uint64 {
	if f.sources.Relay == "" {
		return 0
	}
	passed, err := within(ctx, func(ctx context.Context) (collector.Passed, error) {
		return collector.ReadPassed(ctx, f.sources.Relay)
	})
	if err == nil { // it may be down, or not be there at all
		f.relay.Note(passed)
	}
	return f.relay.Lost()
}

// within reads with a deadline of its own: who hangs is not to use up that of
// the others.
func within[T any](ctx context.Context, read func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleEvery)
	defer cancel()
	return read(ctx)
}

// Telemetry returns the last sample.
func (f *Flow) Telemetry() control.Telemetry {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.last
	t.LastSampleAge = -1
	if !f.lastSample.IsZero() {
		t.LastSampleAge = max(0, time.Since(f.lastSample).Seconds())
	}
	return t
}

// Warnings are what the store has lost, and the faults of rule files, where they do
// not keep it from starting.
func (f *Flow) Warnings() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.damages)
	for fault := range strings.Lines(f.rules) {
		all = append(all, "rules not loaded: "+strings.TrimSuffix(fault, "\n"))
	}
	return all
}
