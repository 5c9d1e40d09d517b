package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/diorama-lab/diorama/internal/state"
)

// Supervisor is what answers requests.
type Supervisor interface {
	Status(ctx context.Context) Status
	// Progress calls emit for each line of the start, until its end.
	Progress(ctx context.Context, emit func(Progress) error) error
	// Scale changes the size of the cluster, and returns when it is reached. It
	// is the supervisor's work: a client that goes does not end it.
	Scale(size Size, emit func(Progress) error) error
	// Hurry starts what has ended at once, where that would be done after a while.
	Hurry()
	// Stop asks the environment to go down; it does not wait for it.
	Stop(keepData bool)
}

func handler(s Supervisor) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.Status(r.Context()))
	})
	mux.HandleFunc("GET /progress", func(w http.ResponseWriter, r *http.Request) {
		streamProgress(w, func(emit func(Progress) error) error { return s.Progress(r.Context(), emit) })
	})
	mux.HandleFunc("POST /scale", func(w http.ResponseWriter, r *http.Request) {
		var request Size
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		streamProgress(w, func(emit func(Progress) error) error {
			end := Progress{End: true}
			if err := s.Scale(request, emit); err != nil {
				end.Error = err.Error()
			}
			return emit(end)
		})
	})
	mux.HandleFunc("POST /hurry", func(w http.ResponseWriter, _ *http.Request) {
		s.Hurry()
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, r *http.Request) {
		var request stopRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Stop(request.KeepData)
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// The only reader is a client that sees a cut answer as an error.
	_ = json.NewEncoder(w).Encode(v)
}

func streamProgress(w http.ResponseWriter, produce func(emit func(Progress) error) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder, controller := json.NewEncoder(w), http.NewResponseController(w)
	// An error here means that the client has gone, or will see the stream
	// end without its end line.
	_ = produce(func(p Progress) error {
		if err := encoder.Encode(p); err != nil {
			return err
		}
		return controller.Flush()
	})
}

// Serve listens on the socket of an environment's folder, for the user alone,
// until the returned function is called.
func Serve(folder state.Folder, path string, s Supervisor) (stop func(), err error) {
	// A socket file without a listener is what a killed supervisor leaves.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old control socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protecting the control socket: %w", err), listener.Close())
	}
	server := &http.Server{Handler: handler(s), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Serve ends when the listener is closed below.
		_ = server.Serve(listener)
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		<-done
		// The listener has removed the socket itself.
		_ = Remove(folder, path)
	}, nil
}
