package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/diorama-lab/diorama/internal/backend/events"
)

// instance is everything between opening the storage and closing it. It has
// its own registry, so that a backend may open a second one when the log of
// the first could not be written.
type instance struct {
	opts      Options
	startedAt time.Time
	stop      context.CancelFunc
	ctx       context.Context

	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	fullOnce sync.Once
	repeated atomic.Int64

	stats    *tsdb.DBStats
	db       *tsdb.DB
	metadata *metadataStore
	ingest   *ingest
	engine   *promql.Engine
	parser   parser.Parser
	rules    *ruler
	events   *events.Store
	api      http.Handler
}

// openInstance opens the storage and whatever works on it. What it opened is
// closed again if it fails.
func openInstance(o Options, stats *tsdb.DBStats) (_ *instance, err error) {
	cfg, err := promConfig(o, o.Logger)
	if err != nil {
		return nil, err
	}
	in := &instance{opts: o, startedAt: time.Now().UTC(), stats: stats, registry: prometheus.NewRegistry()}
	in.ctx, in.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, in.close())
		}
	}()
	in.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	in.requests, in.duration = newHTTPMetrics(in.registry)
	in.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "diorama_backend_requests_refused_total",
		Help: "Requests refused on purpose, by reason.",
	}, []string{"reason"})
	in.registry.MustRegister(in.refused)

	kept, size := keepLogs(o)
	if in.db, err = openStorage(o, o.Logger, in.registry, stats); err != nil {
		return nil, err
	}
	if err := in.openEvents(); err != nil {
		return nil, err
	}
	in.registry.MustRegister(in.events)
	in.metadata = loadMetadata(o.DataDir)
	in.ingest = newIngest(in.registry, in.db, in.metadata)
	if err := in.noteRepair(kept, size); err != nil {
		return nil, err
	}
	in.parser = parser.NewParser(parser.Options{})
	in.engine = promql.NewEngine(promql.EngineOpts{
		Logger:                   o.Logger.With("part", "query engine"),
		Reg:                      in.registry,
		MaxSamples:               o.QueryMaxSamples,
		Timeout:                  o.QueryTimeout,
		ActiveQueryTracker:       make(querySlots, o.QueryConcurrency),
		LookbackDelta:            lookbackDelta,
		NoStepSubqueryIntervalFn: func(int64) int64 { return o.RuleInterval.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   in.parser,
	})
	in.rules = newRuler(in.ctx, o, in.registry, in.engine, in.db, in.ingest, in.parser)
	in.api = in.newAPI(cfg)
	in.rules.start(in.ctx)
	return in, nil
}

// handler is the whole surface of an open instance.
func (in *instance) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", limitQueries(in.api))
	mux.Handle("GET /api/v1/metadata", in.instrument("/metadata", in.metadata.ServeHTTP))
	mux.Handle("GET "+ingestionPath, in.instrument("/diorama/ingestion", in.serveIngestion))
	mux.Handle("GET /api/v1/diorama/events", in.instrument("/diorama/events", in.serveEvents))
	// The paths without /api/v1/otlp are OTLP's own, for senders that are
	// given a bare address.
	for _, prefix := range []string{"/api/v1/otlp", ""} {
		mux.HandleFunc("POST "+prefix+"/v1/metrics", in.otlpMetrics)
		mux.Handle("POST "+prefix+"/v1/logs", in.instrument("/otlp/v1/logs", in.otlpLogs))
		mux.Handle("POST "+prefix+"/v1/traces", in.instrument("/otlp/v1/traces", in.otlpTraces))
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(in, promhttp.HandlerOpts{}))
	mux.Handle("POST /-/reload", in.rules)
	mux.HandleFunc("GET /-/ready", in.ready)
	return mux
}

func answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

// close ends the components in reverse. It may be called on what openInstance
// left half done.
func (in *instance) close() error {
	in.stop()
	var errs []error
	if in.rules != nil && in.api != nil {
		in.rules.stop()
	}
	if in.engine != nil {
		errs = append(errs, in.engine.Close())
	}
	if in.metadata != nil {
		errs = append(errs, in.metadata.save())
	}
	if in.events != nil {
		errs = append(errs, in.events.Close())
	}
	if in.db != nil {
		if err := in.db.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the samples: %w", err))
		}
	}
	return errors.Join(errs...)
}
