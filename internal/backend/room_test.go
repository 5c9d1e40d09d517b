package backend

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/storage"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// While writes are refused for want of space the backend is not ready, and says so
// in a way that is told from a fault of its own.
func TestNotReadyWithoutRoom(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 30)
	b := start(t, Options{freeBytes: func(string) (uint64, error) { return free.Load(), nil }})
	free.Store(12 << 20)
	if code, text := push(t, b.url, pmetric.NewMetrics()); code != http.StatusServiceUnavailable {
		t.Errorf("on a full disk a write gets %d %s", code, text)
	}
	response, err := http.Get(b.url + "/-/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusInsufficientStorage ||
		!strings.Contains(string(text), "no space left: 12 MiB free in ") {
		t.Errorf("it answers %s: %s, %v", response.Status, text, err)
	}
	free.Store(1 << 30)
	waitReady(t, b.url)
}

// While the storage is closed for want of space, senders are asked to come again:
// what they take for a refusal for good they drop.
func TestClosedStorageIsForSendersToRepeat(t *testing.T) {
	closed := noRoom(errors.New("no space left"))
	for path, want := range map[string]int{
		readyPath: http.StatusInsufficientStorage, "/api/v1/otlp/v1/metrics": http.StatusServiceUnavailable,
		"/api/v1/query": http.StatusServiceUnavailable,
	} {
		w := httptest.NewRecorder()
		closed.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code != want || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "no space left") {
			t.Errorf("%s answers %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

// A request that the closing storage cuts off is one to repeat, too.
func TestRequestsThatAreCutOffAreToBeRepeated(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	asked := httptest.NewRequest(http.MethodPost, "/", nil).WithContext(ctx)
	answer := &writeAnswer{ResponseWriter: w, body: &limitedBody{}, state: &writeState{}, asked: asked}
	http.Error(answer, "context canceled", http.StatusInternalServerError)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("it is answered with %d %s", w.Code, w.Body)
	}
}

// A sender that goes before it has its answer sends again: what it sent is not lost.
func TestRequestsOfSendersThatLeaveAreNotDropped(t *testing.T) {
	for name, test := range map[string]struct {
		left bool
		want float64
	}{"it waits": {false, 3}, "it leaves": {true, 0}} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			in := newIngest(prometheus.NewRegistry(), nil, nil)
			appender := &otlpAppender{AppenderV2: nothing{}, ctx: ctx, in: in, appended: 3}
			if test.left {
				leave()
			}
			if err := appender.Rollback(); err != nil {
				t.Fatal(err)
			}
			if got := testutil.ToFloat64(in.dropped.WithLabelValues(dropRolledBack)); got != test.want {
				t.Errorf("%v samples are dropped, want %v", got, test.want)
			}
		})
	}
}

// nothing is what an appender writes to that writes nothing.
type nothing struct{ storage.AppenderV2 }

func (nothing) Rollback() error { return nil }
