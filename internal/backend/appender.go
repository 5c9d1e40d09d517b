package backend

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// Why a sample was not stored.
const (
	dropOutOfOrder = "out_of_order"
	dropTooOld     = "too_old"
	dropOutOfBound = "out_of_bounds"
	dropDuplicate  = "duplicate"
	dropInvalid    = "invalid"
	// dropRolledBack are good samples that shared a request with a bad one:
	// Prometheus stores a request as a whole or not at all.
	dropRolledBack = "rolled_back"
)

// ingest stands between the writers (OTLP, rules) and the storage: it counts
// what is stored and what is not, learns the metadata, and hears when the
// log cannot be written.
type ingest struct {
	storage  storage.Appendable
	v2       storage.AppendableV2
	metadata *metadataStore

	dropped   *prometheus.CounterVec
	failed    prometheus.Counter
	committed atomic.Int64
	lastWrite atomic.Int64 // Unix milliseconds of the last commit

	breakOnce sync.Once
	broken    chan struct{} // closed when the log could not be written
	breakErr  error         // why; set before
}

func newIngest(reg prometheus.Registerer, db interface {
	storage.Appendable
	storage.AppendableV2
}, metadata *metadataStore) *ingest {
	in := &ingest{
		storage: db, v2: db, metadata: metadata,
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "diorama_backend_samples_dropped_total",
			Help: "Samples received but not stored, by reason.",
		}, []string{"reason"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "diorama_backend_samples_failed_total",
			Help: "Samples whose request was answered as retryable because the storage could not write.",
		}),
		broken: make(chan struct{}),
	}
	for _, reason := range []string{
		dropOutOfOrder, dropTooOld, dropOutOfBound, dropDuplicate, dropInvalid, dropRolledBack,
	} {
		in.dropped.WithLabelValues(reason)
	}
	reg.MustRegister(in.dropped, in.failed, prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "diorama_backend_samples_committed_total",
		Help: "Samples of all committed writes, repeated ones included.",
	}, func() float64 { return float64(in.committed.Load()) }))
	return in
}

// writeState lets an HTTP handler hear what happened below Prometheus' OTLP
// handler, which answers 200 even when its commit failed.
type writeState struct{ commitErr error }

type writeStateKey struct{}

func withWriteState(ctx context.Context) (context.Context, *writeState) {
	state := &writeState{}
	return context.WithValue(ctx, writeStateKey{}, state), state
}

// AppenderV2 begins one OTLP request's write.
func (in *ingest) AppenderV2(ctx context.Context) storage.AppenderV2 {
	state, _ := ctx.Value(writeStateKey{}).(*writeState)
	return &otlpAppender{AppenderV2: in.v2.AppenderV2(ctx), ctx: ctx, in: in, state: state}
}

// Appender begins one rule evaluation's write.
func (in *ingest) Appender(ctx context.Context) storage.Appender {
	return &ruleAppender{Appender: in.storage.Appender(ctx), in: in}
}

// finish accounts for a commit of n samples.
func (in *ingest) finish(n int64, err error) {
	if err == nil {
		in.committed.Add(n)
		in.lastWrite.Store(time.Now().UnixMilli())
		return
	}
	in.failed.Add(float64(n))
	in.breakOnce.Do(func() {
		in.breakErr = err
		close(in.broken)
	})
}

type otlpAppender struct {
	storage.AppenderV2
	// ctx is the request's.
	ctx        context.Context
	in         *ingest
	state      *writeState
	appended   int64
	lastFamily string
}

func (a *otlpAppender) Append(
	ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64,
	h *histogram.Histogram, fh *histogram.FloatHistogram, opts storage.AOptions,
) (storage.SeriesRef, error) {
	ref, err := a.AppenderV2.Append(ref, ls, st, t, v, h, fh, opts)
	var partial *storage.AppendPartialError
	if err != nil && !errors.As(err, &partial) {
		a.in.dropped.WithLabelValues(dropReason(err)).Inc()
		return ref, err
	}
	a.appended++
	// All points of a metric come one after the other.
	if opts.MetricFamilyName != a.lastFamily {
		a.lastFamily = opts.MetricFamilyName
		a.in.metadata.learn(opts.MetricFamilyName, opts.Metadata)
	}
	return ref, err
}

func (a *otlpAppender) Commit() error {
	err := a.AppenderV2.Commit()
	a.in.finish(a.appended, err)
	if a.state != nil {
		a.state.commitErr = err
	}
	return err
}

// Rollback takes back a request. One whose sender went meanwhile, or that the closing
// storage has cut off, comes again: nothing of it is lost.
func (a *otlpAppender) Rollback() error {
	if a.ctx.Err() != nil {
		a.appended = 0
	}
	a.in.dropped.WithLabelValues(dropRolledBack).Add(float64(a.appended))
	return a.AppenderV2.Rollback()
}

func dropReason(err error) string {
	switch {
	case errors.Is(err, storage.ErrOutOfOrderSample):
		return dropOutOfOrder
	case errors.Is(err, storage.ErrTooOldSample):
		return dropTooOld
	case errors.Is(err, storage.ErrOutOfBounds):
		return dropOutOfBound
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return dropDuplicate
	default:
		return dropInvalid
	}
}

type ruleAppender struct {
	storage.Appender
	in       *ingest
	appended int64
}

func (a *ruleAppender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	ref, err := a.Appender.Append(ref, l, t, v)
	if err == nil {
		a.appended++
	}
	return ref, err
}

func (a *ruleAppender) AppendHistogram(
	ref storage.SeriesRef, l labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram,
) (storage.SeriesRef, error) {
	ref, err := a.Appender.AppendHistogram(ref, l, t, h, fh)
	if err == nil {
		a.appended++
	}
	return ref, err
}

func (a *ruleAppender) Commit() error {
	err := a.Appender.Commit()
	a.in.finish(a.appended, err)
	return err
}
