package environment

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Of all containers only Beyla's is privileged, and only where it is asked for.
func TestBeylaIsPlanned(t *testing.T) {
	for name, env := range examples() {
		plan := planOf(t, env)
		for _, c := range plan.Components {
			if c.Container == nil {
				continue
			}
			if beyla := c.Name == beylaName; beyla != c.Container.Privileged || beyla != (c.Container.ProcessesOf != "") {
				t.Errorf("%s: %s is made as %+v", name, c.Name, *c.Container)
			}
		}
		if has := slices.Contains(plan.images(), "grafana/beyla:3.15.0"); has != (name == "kwok-beyla") {
			t.Errorf("%s runs the images %q", name, plan.images())
		}
	}
}

// Beyla is ready when it has attached to something.
func TestProbeBeyla(t *testing.T) {
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
	r := &recipe{plan: Plan{Internal: map[string]int{"beylaMetrics": port}}}
	const header = "# TYPE beyla_instrumented_processes gauge\n"
	for _, test := range []struct {
		answer string
		code   int
		want   string
	}{
		{header + "beyla_instrumented_processes{process_name=\"grafana\"} 1\n", http.StatusOK, ""},
		{header + "beyla_instrumented_processes{process_name=\"a b\"} 0\n" +
			"beyla_instrumented_processes{process_name=\"c\"} 2\n", http.StatusOK, ""},
		{header + "beyla_instrumented_processes{process_name=\"grafana\"} 0\n", http.StatusOK, "no process of LGTM is instrumented yet"},
		{header, http.StatusOK, "no process of LGTM is instrumented yet"},
		{header + "beyla_instrumented_processes{process_name=\"grafana\"} soon\n", http.StatusOK, "no process of LGTM"},
		{"", http.StatusServiceUnavailable, "answers 503"},
	} {
		answer, code = test.answer, test.code
		err := r.probeBeyla(t.Context())
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q, %d give %v, want %q", test.answer, test.code, err, test.want)
		}
	}
	server.Close()
	if err := r.probeBeyla(t.Context()); err == nil {
		t.Error("nobody answers, and that is well")
	}
}
