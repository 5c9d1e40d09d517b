package backend

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	webv1 "github.com/prometheus/prometheus/web/api/v1"
)

// lookbackDelta is Prometheus' own; target_info is written at half of it.
const lookbackDelta = 5 * time.Minute

// newAPI is Prometheus' HTTP API v1 over this instance.
func (in *instance) newAPI(cfg *config.Config) http.Handler {
	always := func(f http.HandlerFunc) http.HandlerFunc { return f }
	api := webv1.NewAPI(
		in.engine, in.db, in.ingest, in.ingest, in.db,
		func(context.Context) webv1.ScrapePoolsRetriever { return noTargets{} },
		func(context.Context) webv1.TargetRetriever { return noTargets{} },
		func(context.Context) webv1.AlertmanagerRetriever { return noTargets{} },
		func() config.Config { return *cfg },
		in.opts.flags(),
		webv1.GlobalURLOptions{ListenAddress: in.opts.Listen, Host: in.opts.Listen, Scheme: "http"},
		always,
		dbAdmin{DB: in.db, stats: in.stats}, in.db.Dir(),
		false, // no admin API: it deletes samples
		in.opts.Logger.With("part", "api"),
		func(context.Context) webv1.RulesRetriever { return in.rules.manager },
		in.opts.QueryMaxSamples, in.opts.QueryConcurrency, 1<<20,
		false, localOrigins(), // no agent
		in.runtimeInfo, in.buildInfo(),
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, func() {}, false },
		in.registry, in.registry, nil,
		false, nil, // no remote write
		true, false, false, // OTLP; deltas are refused, as Prometheus does by default
		false, lookbackDelta, false, false, nil,
		features.NewRegistry(), webv1.OpenAPIOptions{Version: prometheusVersion()},
		in.parser,
	)
	router := route.New().WithInstrumentation(in.instrument)
	api.Register(router)
	return http.StripPrefix("/api/v1", router)
}

// localOrigins are the pages that browsers may let read the API: those of this
// machine. The API's handlers need some: without, they fail at any Origin.
func localOrigins() *regexp.Regexp {
	return regexp.MustCompile(`^https?://(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$`)
}

// instrument counts and times requests under Prometheus' own metric names.
func (in *instance) instrument(name string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		rec := &statusRecorder{ResponseWriter: w, code: http.StatusOK}
		next(rec, r)
		in.requests.WithLabelValues(name, strconv.Itoa(rec.code)).Inc()
		in.duration.WithLabelValues(name).Observe(time.Since(begin).Seconds())
	}
}

func newHTTPMetrics(reg prometheus.Registerer) (*prometheus.CounterVec, *prometheus.HistogramVec) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "prometheus_http_requests_total",
		Help: "Counter of HTTP requests.",
	}, []string{"handler", "code"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "prometheus_http_request_duration_seconds",
		Help:    "Histogram of latencies for HTTP requests.",
		Buckets: []float64{.01, .05, .1, .25, 1, 5, 30, 120},
	}, []string{"handler"})
	reg.MustRegister(requests, duration)
	return requests, duration
}

func (in *instance) runtimeInfo() (webv1.RuntimeInfo, error) {
	cwd, _ := os.Getwd()
	hostname, _ := os.Hostname()
	loadedAt, err := in.rules.last()
	retention := model.Duration(in.opts.Retention).String()
	if in.opts.RetentionBytes > 0 {
		retention += " or " + strconv.FormatInt(in.opts.RetentionBytes, 10) + "B"
	}
	return webv1.RuntimeInfo{
		StartTime: in.startedAt, CWD: cwd, Hostname: hostname, ServerTime: time.Now().UTC(),
		ReloadConfigSuccess: err == nil, LastConfigTime: loadedAt,
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		GOMEMLIMIT: debug.SetMemoryLimit(-1), GOGC: os.Getenv("GOGC"), GODEBUG: os.Getenv("GODEBUG"),
		CorruptionCount:  int64(in.numbers().sum("prometheus_tsdb_wal_corruptions_total")),
		StorageRetention: retention,
	}, nil
}

func (in *instance) buildInfo() *webv1.PrometheusVersion {
	return &webv1.PrometheusVersion{
		Version: prometheusVersion(), Revision: in.opts.Version,
		Branch: "diorama", BuildUser: "diorama", GoVersion: runtime.Version(),
	}
}

// replayStatus answers status/walreplay, also while the log is replayed and
// nothing else can be asked.
func replayStatus(stats *tsdb.DBStats) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s := stats.Head.WALReplayStatus.GetWALReplayStatus()
		respondData(w, map[string]int{"min": s.Min, "max": s.Max, "current": s.Current})
	}
}

// noTargets says that nothing is scraped and nobody is notified: all
// samples are pushed, and alerts end in the API.
type noTargets struct{}

func (noTargets) TargetsActive() map[string][]*scrape.Target  { return map[string][]*scrape.Target{} }
func (noTargets) TargetsDropped() map[string][]*scrape.Target { return map[string][]*scrape.Target{} }
func (noTargets) TargetsDroppedCounts() map[string]int        { return map[string]int{} }
func (noTargets) ScrapePools() []string                       { return []string{} }
func (noTargets) Alertmanagers() []*url.URL                   { return nil }
func (noTargets) DroppedAlertmanagers() []*url.URL            { return nil }
func (noTargets) ScrapePoolConfig(string) (*config.ScrapeConfig, error) {
	return nil, errNoScrapePools
}
