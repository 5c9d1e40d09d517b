// Package backend is the store of an environment: OTLP comes in and PromQL
// answers come out. It joins Prometheus' storage, query engine, rule manager
// and HTTP API with an embedded store for Kubernetes events.
package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/tsdb"

	"github.com/diorama-lab/diorama/internal/guard"
	"github.com/diorama-lab/diorama/internal/wait"
)

// Run serves until ctx ends, and returns nil then. It listens before it
// replays its log: /-/healthy answers from the start, /-/ready when
// everything does.
func Run(ctx context.Context, o Options) (err error) {
	o, err = o.withDefaults()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listening for queries and OTLP on %s: %w", o.Listen, err)
	}
	o.Listen = listener.Addr().String()

	stats := tsdb.NewDBStats()
	entry := &gate{why: opening}
	guarded := guard.Guard{Listen: o.Listen, AllowedHosts: o.AllowedHosts}
	server := newServer(guarded.Handler(front(entry, stats, o.DashboardsURL)))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if o.Listening != nil {
		o.Listening(o.Listen)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- keepOpen(ctx, o, entry, stats, server) }()
	select {
	case err = <-ended: // ctx ended, or the storage cannot be opened
		_ = server.Close()
		<-served
	case err = <-served:
		if errors.Is(err, http.ErrServerClosed) { // by keepOpen, which is still closing the storage
			return <-ended
		}
		cancel()
		err = errors.Join(fmt.Errorf("serving on %s: %w", o.Listen, err), <-ended)
	}
	return err
}

// front answers what can be answered without an open storage.
func front(entry *gate, stats *tsdb.DBStats, dashboards string) http.Handler {
	mux := http.NewServeMux()
	routeBrowser(mux, dashboards)
	mux.HandleFunc("GET /-/healthy", answer("Healthy.\n"))
	mux.HandleFunc("GET /api/v1/status/walreplay", replayStatus(stats))
	mux.Handle("/", entry)
	return mux
}

// opening is why nothing is answered at first.
var opening = closed{http.StatusServiceUnavailable, "not ready: the storage is being opened"}

// closed answers while no storage is open. The code is for who asks whether it is
// ready; senders repeat what 503 alone refuses.
type closed struct {
	code int
	text string
}

func (c closed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code := c.code
	if r.URL.Path != readyPath {
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, c.text, code)
}

// readyPath is where it is asked whether samples are taken.
const readyPath = "/-/ready"

// noRoom is how the backend says that it is well but for a full disk.
func noRoom(err error) closed {
	return closed{http.StatusInsufficientStorage, "writes are refused: " + err.Error()}
}

// ready answers whether samples are taken now.
func (in *instance) ready(w http.ResponseWriter, r *http.Request) {
	if err := in.opts.checkRoom(); err != nil {
		noRoom(err).ServeHTTP(w, r)
		return
	}
	answer("Ready.\n")(w, r)
}

// keepOpen holds one instance open until ctx ends. When its log could not be
// written, memory and log have parted: series may exist that the log does
// not know, and their samples would be lost with the process. Then the
// instance is closed, and a new one is read from the log once there is room.
func keepOpen(ctx context.Context, o Options, entry *gate, stats *tsdb.DBStats, server *http.Server) error {
	for first := true; ; first = false {
		in, err := openInstance(o, stats)
		if err != nil && first {
			return err
		}
		if err != nil {
			o.Logger.Error("storage not opened again yet", "err", err)
			entry.shut(closed{http.StatusServiceUnavailable, "the storage cannot be opened: " + err.Error()})
			if !waitWritable(ctx, o) {
				return nil
			}
			continue
		}
		entry.open(in.ctx, in.handler())
		o.Logger.Info("backend ready", "address", o.Listen, "series", in.db.Head().NumSeries())

		select {
		case <-ctx.Done():
			shutdown(server)
			in.stop()
			entry.shut(opening)
			return in.close()
		case <-in.ingest.broken:
			o.Logger.Error("the write-ahead log could not be written; the storage is opened anew when there is room")
			in.stop()
			entry.shut(noRoom(in.ingest.breakErr))
			if err := in.close(); err != nil {
				o.Logger.Error("closing the storage", "err", err)
			}
			if !waitWritable(ctx, o) {
				return nil
			}
		}
	}
}

// shutdown lets running requests end, for a moment.
func shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}

// waitWritable waits until the data folder takes writes again, and reports
// false when ctx ended before.
func waitWritable(ctx context.Context, o Options) bool {
	for wait.Pause(ctx, time.Second) == nil {
		if probeWrite(o) == nil {
			return true
		}
	}
	return false
}

// probeWrite tries what the storage is about to do.
func probeWrite(o Options) error {
	if err := o.checkRoom(); err != nil {
		return err
	}
	path := filepath.Join(o.DataDir, "probe.tmp")
	err := os.WriteFile(path, make([]byte, 256<<10), 0o600)
	return errors.Join(err, os.Remove(path))
}
