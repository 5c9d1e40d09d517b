package environment

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/state"
)

// Progress is one line of what happens while an environment starts, stops or
// scales.
type Progress struct {
	Component string          `json:"component,omitempty"`
	Phase     component.Phase `json:"phase,omitempty"`
	Took      time.Duration   `json:"took,omitempty"`
	Detail    string          `json:"detail,omitempty"`
	// End marks the last line; Error says why it did not go well.
	End   bool   `json:"end,omitempty"`
	Error string `json:"error,omitempty"`
}

// progressLog keeps the lines of a start for everyone who asks, however late.
type progressLog struct {
	mu    sync.Mutex
	lines []Progress
	// more is closed and replaced when a line is added.
	more chan struct{}
}

func newProgressLog() *progressLog { return &progressLog{more: make(chan struct{})} }

func (l *progressLog) add(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, p)
	close(l.more)
	l.more = make(chan struct{})
}

// follow calls fn for each line until the end line, or until ctx ends.
func (l *progressLog) follow(ctx context.Context, fn func(Progress) error) error {
	for next := 0; ; next++ {
		l.mu.Lock()
		for next >= len(l.lines) {
			more := l.more
			l.mu.Unlock()
			select {
			case <-more:
			case <-ctx.Done():
				return ctx.Err()
			}
			l.mu.Lock()
		}
		line := l.lines[next]
		l.mu.Unlock()
		if err := fn(line); err != nil || line.End {
			return err
		}
	}
}

// scaleRequest is the body of POST /scale.
type scaleRequest struct {
	Nodes int `json:"nodes"`
	Pods  int `json:"pods"`
}

// stopRequest is the body of POST /stop.
type stopRequest struct {
	KeepData bool `json:"keepData"`
}

// handler is what a supervisor answers on its socket, which only the user may
// open.
func (s *supervisor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.status(r.Context()))
	})
	mux.HandleFunc("GET /progress", func(w http.ResponseWriter, r *http.Request) {
		streamProgress(w, func(emit func(Progress) error) error { return s.progress.follow(r.Context(), emit) })
	})
	mux.HandleFunc("POST /scale", func(w http.ResponseWriter, r *http.Request) {
		var request scaleRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		streamProgress(w, func(emit func(Progress) error) error {
			end := Progress{End: true}
			if err := s.scale(request, emit); err != nil {
				end.Error = err.Error()
			}
			return emit(end)
		})
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, r *http.Request) {
		var request stopRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.stop(request.KeepData)
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

// controlPath returns where the supervisor's socket lies: in the folder, or,
// where that is longer than a socket's address may be (104 bytes on macOS),
// in the folder for temporary files.
func controlPath(folder state.Folder) (string, error) {
	path := filepath.Join(folder.Path, "control.sock")
	if len(path) < 100 {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "diorama-")
	if err != nil {
		return "", fmt.Errorf("making a folder for the control socket: %w", err)
	}
	return filepath.Join(dir, "control.sock"), nil
}

// serveControl listens on the socket until the returned function is called.
func (s *supervisor) serveControl(path string) (func(), error) {
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
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
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
		if filepath.Dir(path) != s.folder.Path {
			_ = os.Remove(filepath.Dir(path))
		}
	}, nil
}

// answerLimit is how long a supervisor may take to say that it will stop.
const answerLimit = 30 * time.Second

// Client talks to the supervisor of a running environment.
type Client struct {
	http http.Client
	// pid is the supervisor's.
	pid int
}

// NewClient returns a client for the socket that a record names.
func NewClient(record state.Record) *Client {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	return &Client{pid: record.PID, http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", record.Control)
		},
	}}}
}

// Status asks for the status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	response, err := c.do(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return status, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		return status, fmt.Errorf("reading the status: %w", err)
	}
	return status, nil
}

// Follow reports how the start goes until it has ended, well or with the
// returned error.
func (c *Client) Follow(ctx context.Context, observe func(Progress)) error {
	return c.stream(ctx, http.MethodGet, "/progress", nil, observe)
}

// Scale changes the size of the cluster and returns when it is reached.
func (c *Client) Scale(ctx context.Context, nodes, pods int, observe func(Progress)) error {
	return c.stream(ctx, http.MethodPost, "/scale", scaleRequest{Nodes: nodes, Pods: pods}, observe)
}

// Stop asks the supervisor to take the environment down.
func (c *Client) Stop(ctx context.Context, keepData bool) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	response, err := c.do(ctx, http.MethodPost, "/stop", stopRequest{KeepData: keepData})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the supervisor (pid %d) has not answered for %s; `kill -9 %d` ends it, then `diorama down` removes what is left: %w", c.pid, answerLimit, c.pid, err)
	}
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (c *Client) stream(ctx context.Context, method, path string, body any, observe func(Progress)) error {
	response, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p Progress
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return fmt.Errorf("reading the supervisor's progress: %w", err)
		}
		if p.End {
			if p.Error != "" {
				return errors.New(p.Error)
			}
			return nil
		}
		observe(p)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the supervisor's progress: %w", err)
	}
	return errors.New("the supervisor ended before it was done")
}

func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, reader)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the supervisor: %w", err)
	}
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		response.Body.Close()
		return nil, fmt.Errorf("the supervisor refused: %s", bytes.TrimSpace(text))
	}
	return response, nil
}
