package backend

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Whoever opens Prometheus in a browser finds the page; clients of its API do not
// notice.
func TestBrowsersAreLedToThePage(t *testing.T) {
	b := start(t, Options{DashboardsURL: "http://127.0.0.1:3000/"})
	alone := start(t, Options{})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	const page = "http://127.0.0.1:3000"
	for _, c := range []struct {
		base, path string
		code       int
		where      string // it leads to, or the text has
	}{
		{b.url, "/", 302, page + "/"},
		{b.url, "/graph", 302, page + "/"},
		{b.url, "/graph?g0.expr=up&g0.tab=1&g0.range_input=30m", 302, page + "/explore?expr=up&from=now-30m&to=now"},
		{b.url, "/query?g0.expr=sum(a)&g1.expr=b%26c&g0.range_input=x", 302,
			page + "/explore?expr=sum%28a%29&expr=b%26c&from=now-1h&to=now"},
		{b.url, "/graph?g0.expr=up&g0.range_input=1m&g0.end_input=2026-01-02%2003:04:05", 302,
			page + "/explore?expr=up&from=1767322985000&to=1767323045000"},
		{b.url, "/alerts", 302, page + "/explore?expr=ALERTS"},
		{b.url, "/status", 302, page + "/status"},
		{b.url, "/rules", 200, `<a href="/api/v1/rules">`},
		{b.url, "/targets", 200, "Nothing is scraped here"},
		{b.url, "/config", 200, `<a href="` + page + `">`},
		{alone.url, "/graph?g0.expr=up", 200, "diorama dashboards --prometheus"},
		{alone.url, "/", 200, "diorama dashboards --prometheus"},
		{b.url, "/nothing", 404, "404 page not found"},
		{b.url, "/api/v1/query?query=1", 200, `"resultType":"scalar"`},
	} {
		response, err := client.Get(c.base + c.path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		found := strings.Contains(string(text), c.where)
		if c.code == http.StatusFound {
			found = response.Header.Get("Location") == c.where
		}
		if response.StatusCode != c.code || !found {
			t.Errorf("%s: %s, to %q: %s", c.path, response.Status, response.Header.Get("Location"), text)
		}
	}
}
