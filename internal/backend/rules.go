package backend

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/diorama-lab/diorama/internal/wait"
)

// ruler evaluates the rule files. Alerts end here: they are logged and
// served by the API, there is no Alertmanager.
type ruler struct {
	manager  *rules.Manager
	patterns []string
	interval time.Duration
	url      string
	log      *slog.Logger

	mu         sync.Mutex
	err        error
	loadedAt   time.Time
	successful prometheus.Gauge
	loaded     prometheus.Gauge
	done       chan struct{}
	// seen is what the files were when they were last read; loading keeps two
	// loads from crossing.
	seen    map[string]stamp
	loading sync.Mutex
	// unwatch ends the look at the files, watched is closed then.
	unwatch func()
	watched chan struct{}
}

func newRuler(
	ctx context.Context, o Options, reg prometheus.Registerer,
	engine *promql.Engine, q storage.Queryable, in *ingest, p parser.Parser,
) *ruler {
	r := &ruler{
		patterns: o.RuleFiles, interval: o.RuleInterval, log: o.Logger,
		done: make(chan struct{}), watched: make(chan struct{}),
		url: "http://" + o.Listen,
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "prometheus_config_last_reload_successful",
			Help: "Whether the last reload of the rule files succeeded.",
		}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "prometheus_config_last_reload_success_timestamp_seconds",
			Help: "Time of the last successful reload of the rule files.",
		}),
	}
	reg.MustRegister(r.successful, r.loaded)
	external, err := url.Parse(r.url)
	if err != nil {
		external = &url.URL{}
	}
	r.manager = rules.NewManager(&rules.ManagerOptions{
		Context:         ctx,
		ExternalURL:     external,
		QueryFunc:       rules.EngineQueryFunc(engine, q),
		NotifyFunc:      r.notify,
		Appendable:      in,
		Queryable:       q,
		Logger:          o.Logger.With("part", "rules"),
		Registerer:      reg,
		OutageTolerance: time.Hour,
		ForGracePeriod:  10 * time.Minute,
		// An alert is logged when it begins and when it ends, not each minute.
		ResendDelay: 24 * time.Hour,
		Parser:      p,
		// Rules of a group that do not need each other may run side by side.
		ConcurrentEvalsEnabled: true,
		MaxConcurrentEvals:     2,
	})
	return r
}

// start loads what can be loaded, begins to evaluate, and follows the files. A
// bad file does not keep the backend from starting: samples matter more than
// rules.
func (r *ruler) start(ctx context.Context) {
	r.seen = stamps(r.patterns)
	files, err := goodRuleFiles(r.patterns)
	r.note(errors.Join(err, r.update(files)))
	go func() {
		defer close(r.done)
		r.manager.Run()
	}()
	ctx, r.unwatch = context.WithCancel(ctx)
	go func() {
		defer close(r.watched)
		r.watch(ctx)
	}()
}

func (r *ruler) stop() {
	r.unwatch()
	<-r.watched
	r.manager.Stop()
	<-r.done
}

// watch loads the files again when one of them is another than before.
func (r *ruler) watch(ctx context.Context) {
	for wait.Pause(ctx, watchEvery) == nil {
		r.loading.Lock()
		changed := !maps.Equal(r.seen, stamps(r.patterns))
		r.loading.Unlock()
		if changed && r.reload() == nil { // note has logged an error
			r.log.Info("rule files loaded again")
		}
	}
}

// reload takes the files as they are now. If any of them is bad, all rules
// stay as they were.
func (r *ruler) reload() error {
	r.loading.Lock()
	defer r.loading.Unlock()
	r.seen = stamps(r.patterns)
	files, err := goodRuleFiles(r.patterns)
	if err == nil {
		err = r.update(files)
	}
	r.note(err)
	return err
}

func (r *ruler) update(files []string) error {
	return r.manager.Update(r.interval, files, labels.EmptyLabels(), r.url, nil)
}

func (r *ruler) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err != nil {
		r.successful.Set(0)
		r.log.Error("rule files not loaded", "err", err)
		return
	}
	r.loadedAt = time.Now()
	r.successful.Set(1)
	r.loaded.SetToCurrentTime()
}

// last is the outcome of the last load.
func (r *ruler) last() (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loadedAt, r.err
}

func (r *ruler) notify(_ context.Context, expr string, alerts ...*rules.Alert) {
	for _, a := range alerts {
		if a.ResolvedAt.IsZero() {
			r.log.Warn("alert fires", "labels", a.Labels.String(), "annotations", a.Annotations.String(), "expr", expr)
		} else {
			r.log.Info("alert resolved", "labels", a.Labels.String())
		}
	}
}

// ServeHTTP is POST /-/reload.
func (r *ruler) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if err := r.reload(); err != nil {
		http.Error(w, "rules unchanged: "+err.Error(), http.StatusInternalServerError)
	}
}
