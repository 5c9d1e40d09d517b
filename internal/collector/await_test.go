package collector

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// A collector is asked until it follows no more than the nodes that stay, also
// while it does not answer.
func TestAwait(t *testing.T) {
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
	let := func(h Health) bool { return h.MostNodesFollowed <= 10 }
	Await(t.Context(), "stop asking 50 nodes", server.URL, let)
	if got := asked.Load(); got != 3 {
		t.Errorf("it was asked %d times, want 3", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := func(Health) bool { return false }
	Await(ended, "never", server.URL, never)
}
