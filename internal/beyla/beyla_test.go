package beyla

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Beyla is ready when it has attached to something.
func TestProbe(t *testing.T) {
	answer, code := "", http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/internal/metrics" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		t.Fatal(err)
	}
	probe := Probe(port)
	const header = "# TYPE beyla_instrumented_processes gauge\n"
	const grafana = header + `beyla_instrumented_processes{process_name="grafana"}`
	for _, test := range []struct {
		answer string
		code   int
		want   string
	}{
		{grafana + " 1\n", http.StatusOK, ""},
		{header + "beyla_instrumented_processes{process_name=\"a b\"} 0\n" +
			"beyla_instrumented_processes{process_name=\"c\"} 2\n", http.StatusOK, ""},
		{grafana + " 0\n", http.StatusOK, "no process of LGTM is instrumented yet"},
		{header, http.StatusOK, "no process of LGTM is instrumented yet"},
		{grafana + " soon\n", http.StatusOK, "no process of LGTM"},
		{"", http.StatusServiceUnavailable, "answers 503"},
	} {
		answer, code = test.answer, test.code
		err := probe(t.Context())
		said := err != nil && test.want != "" && strings.Contains(err.Error(), test.want)
		if !said && (err != nil || test.want != "") {
			t.Errorf("%q, %d give %v, want %q", test.answer, test.code, err, test.want)
		}
	}
	server.Close()
	if err := probe(t.Context()); err == nil {
		t.Error("nobody answers, and that is well")
	}
}
