// Command lgtm stands for what runs in Grafana's LGTM image in the end-to-end
// tests: programs of their own, started by one that does nothing when one of
// them dies later. Its Prometheus is that of diorama's backend, configured by
// the file that LGTM's reads; its collector is diorama's; its Grafana has what
// diorama asks of Grafana, and refuses what Grafana refuses. There is no
// Tempo, no Pyroscope, and nothing is kept of logs.
//
// The image has it under several names, as LGTM has programs: see run. As in
// LGTM, `docker exec NAME pkill prometheus` ends a part of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, filepath.Base(os.Args[0]), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "the stand-in for LGTM:", err)
		os.Exit(1)
	}
}

// run does what the program of that name does.
func run(ctx context.Context, name string, args []string) error {
	switch name {
	case "run-all.sh":
		return runAll(ctx, os.Stdout)
	case "prometheus":
		return runPrometheus(ctx, args)
	case "grafana":
		return runGrafana(ctx)
	case "loki":
		return serve(ctx, ":3100", loki())
	case "healthcheck.sh":
		return healthcheck(os.Stdout)
	case "pkill":
		return pkill("/proc", args)
	}
	return fmt.Errorf("there is no program %q here", name)
}

// loki takes logs, and keeps none.
func loki() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	mux.HandleFunc("POST /otlp/v1/logs", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// serve answers at an address until ctx ends.
func serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", address, err)
	}
	return nil
}
