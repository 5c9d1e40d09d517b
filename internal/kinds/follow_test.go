package kinds

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/diorama-lab/diorama/internal/collector"
)

// A collector is asked until it follows no more than the nodes that stay, also
// while it does not answer.
func TestAwaitCollector(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n := asked.Add(1); n {
		case 1:
			http.Error(w, "it reads its configuration", http.StatusServiceUnavailable)
		default:
			// Two receivers let go of nodes, one later than the other.
			fmt.Fprintln(w, `otelcol_nodes_followed{receiver="a"} 10`)
			fmt.Fprintf(w, "otelcol_nodes_followed{receiver=\"b\"} %d\n", max(10, 60-20*n))
		}
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	let := func(h collector.Health) bool { return h.MostNodesFollowed <= 10 }
	awaitCollector(t.Context(), "stop asking 50 nodes", port, let)
	if got := asked.Load(); got != 3 {
		t.Errorf("it was asked %d times, want 3", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := func(collector.Health) bool { return false }
	awaitCollector(ended, "never", port, never)
}
