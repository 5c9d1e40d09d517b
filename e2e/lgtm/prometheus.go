package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/backend"
)

// storage is where the backend listens; what is Prometheus' own is let through
// from Prometheus' port.
const storage = "127.0.0.1:9091"

// runPrometheus is Prometheus: the flags and the configuration file that it
// takes, and none else; a rule file that does not load ends it.
func runPrometheus(ctx context.Context, args []string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	o, file, err := prometheusFlags(args)
	if err != nil {
		return err
	}
	cfg, err := config.LoadFile(file, false, log)
	if err != nil {
		return fmt.Errorf("loading the configuration (--config.file=%s): %w", file, err)
	}
	if o.RuleFiles, err = loadRules(cfg, log); err != nil {
		return fmt.Errorf("loading the configuration (--config.file=%s): %w", file, err)
	}
	o.Listen, o.Logger, o.EventsMax = storage, log, v1alpha1.Default().Backend.MaxEvents
	o.RuleInterval = time.Duration(cfg.GlobalConfig.EvaluationInterval)
	o.TranslationStrategy = string(cfg.OTLPConfig.TranslationStrategy)
	// None is not the default of the backend.
	o.PromoteResourceAttributes = append([]string{}, cfg.OTLPConfig.PromoteResourceAttributes...)
	if tsdb := cfg.StorageConfig.TSDBConfig; tsdb != nil && tsdb.OutOfOrderTimeWindow > 0 {
		o.OutOfOrderWindow = time.Duration(tsdb.OutOfOrderTimeWindow) * time.Millisecond
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- backend.Run(ctx, o) }()
	go func() { ended <- serve(ctx, ":9090", onlyPrometheus()) }()
	err = <-ended
	cancel()
	return errors.Join(err, <-ended)
}

// prometheusFlags reads the flags; one that Prometheus does not have is refused.
func prometheusFlags(args []string) (o backend.Options, file string, err error) {
	flags := flag.NewFlagSet("prometheus", flag.ContinueOnError)
	flags.StringVar(&file, "config.file", "prometheus.yml", "")
	flags.StringVar(&o.DataDir, "storage.tsdb.path", "data/", "")
	retention := flags.String("storage.tsdb.retention.time", "15d", "")
	flags.Bool("web.enable-remote-write-receiver", false, "")
	flags.Bool("web.enable-otlp-receiver", false, "")
	flags.Bool("web.enable-lifecycle", false, "")
	flags.String("enable-feature", "", "")
	flags.String("log.level", "info", "")
	flags.SetOutput(io.Discard) // the error says it
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if flags.NArg() > 0 {
		return o, "", fmt.Errorf("unexpected %s", flags.Arg(0))
	}
	kept, err := model.ParseDuration(*retention)
	o.Retention = time.Duration(kept)
	return o, file, err
}

// loadRules returns the rule files if all of them load; else it logs what is
// wrong, and the error says no more than that.
func loadRules(cfg *config.Config, log *slog.Logger) ([]string, error) {
	var files []string
	failed := false
	for _, pattern := range cfg.RuleFiles {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("rule files %q: %w", pattern, err)
		}
		for _, file := range found {
			_, faults := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}))
			for _, fault := range faults {
				failed = true
				log.Error("loading groups failed", "component", "rule manager", "err", fault)
			}
		}
		files = append(files, found...)
	}
	if failed {
		return nil, errors.New("one or more errors occurred while applying the new configuration")
	}
	return files, nil
}

// onlyPrometheus hands on what Prometheus has, and nothing that the backend has
// besides.
func onlyPrometheus() http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: storage}) },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // before the storage is open
	}
	own := []string{"/api/v1/", "/-/", "/metrics"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		has := slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) })
		foreign := strings.HasPrefix(r.URL.Path, "/api/v1/diorama/") ||
			strings.HasPrefix(r.URL.Path, "/api/v1/otlp/") && r.URL.Path != "/api/v1/otlp/v1/metrics"
		switch {
		case !has || foreign:
			http.NotFound(w, r)
		case r.URL.Path == "/-/reload" || r.URL.Path == "/-/quit": // not without --web.enable-lifecycle
			http.Error(w, "Lifecycle API is not enabled.", http.StatusForbidden)
		default:
			proxy.ServeHTTP(w, r)
		}
	})
}
