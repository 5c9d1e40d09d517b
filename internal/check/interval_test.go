package check

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// grafana answers for its data source prometheus, and for no other.
func grafana(t *testing.T, interval string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/datasources/uid/prometheus" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"jsonData": {"timeInterval": %q}}`, interval)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The interval is that of Grafana's data source, else the usual one: that it is
// not known is an error only where there is a Grafana to know it.
func TestInterval(t *testing.T) {
	address := grafana(t, "5s")
	for _, c := range []struct {
		address string
		want    time.Duration
		said    string
	}{
		{engine.SourceAddress(address), 5 * time.Second, ""},
		{engine.SourceAddress(grafana(t, "")), 15 * time.Second, ""},
		{"http://127.0.0.1:9090", 15 * time.Second, ""},
		{address + "/api/datasources/proxy/uid/other", 15 * time.Second, "an interval of 15s, as Grafana's is not known"},
		{engine.SourceAddress("http://127.0.0.1:1"), 15 * time.Second, "connection refused"},
	} {
		client := prometheus.NewClient(c.address)
		got, err := Interval(t.Context(), client)
		client.Close()
		if got != c.want || (err == nil) != (c.said == "") || err != nil && !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: %s, %v; want %s, %q", c.address, got, err, c.want, c.said)
		}
	}
}

// What an environment was provisioned with counts where its Grafana does not
// say something else.
func TestServedInterval(t *testing.T) {
	for address, want := range map[string]time.Duration{
		grafana(t, "5s"):     5 * time.Second,
		"http://127.0.0.1:1": time.Minute,
		"":                   time.Minute,
	} {
		if got := ServedInterval(t.Context(), address, time.Minute); got != want {
			t.Errorf("%q: %s, want %s", address, got, want)
		}
	}
}
