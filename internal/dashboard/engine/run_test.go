package engine

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

// One target fails in its own way, with a status and a text that say how, and
// the others run.
func TestTargetsThatFail(t *testing.T) {
	e := newEngine(t, constant("up", nil))
	for _, c := range []struct {
		target string
		status int
		part   string
	}{
		{`"expr":"sum(up"`, 400, "parse error"},
		{`"expr":"up and on() vector(1) group_left"`, 400, "parse error"},
		{`"expr":"up + on(a) group_left vector(1) * on(b) up","interval":"soon"`, 400, "min step"},
		{`"expr":"  "`, 501, "no query"},
		{`"expr":"$A + 1","type":"math","datasource":{"type":"__expr__","uid":"__expr__"}`, 501,
			`the expression "math" runs in Grafana's server`},
		{`"expr":"x","datasource":{"type":"__expr__","uid":"-100"},"type":"reduce"`, 501, "expression"},
		{`"expr":"x","datasource":{"type":"loki","uid":"logs"}`, 501, `data source "logs" of type loki is not run here`},
		{`"expr":"x","datasource":{"type":"${kind}","uid":"logs"}`, 501, "not run here"},
		{`"panelId":2,"datasource":{"type":"datasource","uid":"-- Dashboard --"}`, 501, "not run here"},
		{`"expr":"up","datasource":{"type":"prometheus","uid":"an uid of elsewhere"}`, 200, ""},
		{`"expr":"up","datasource":{"uid":"${ds}"}`, 200, ""},
		{`"expr":"up","datasource":{"type":"prometheus","uid":"${DS_PROMETHEUS}"}`, 200, ""},
		{`"expr":"up","datasource":"Prometheus"`, 200, ""},
		{`"expr":"up","datasource":null`, 200, ""},
		{`"expr":"up","datasource":"-- Mixed --"`, 200, ""},
		{`"expr":"up","datasource":"default"`, 200, ""},
	} {
		d := parse(t, `{"uid":"f","title":"F","templating":{"list":[{"name":"ds","type":"datasource","query":"prometheus"},
			{"name":"kind","type":"constant","query":"loki"}]},
			"panels":[{"id":1,"type":"timeseries","targets":[{"refId":"A",`+c.target+`},{"refId":"B","expr":"up"}]}]}`)
		results := run(t, e, d, Request{}).Results
		a, b := results["A"], results["B"]
		if a.Status != c.status || !strings.Contains(a.Error, c.part) || (a.Error == "") != (c.status == 200) {
			t.Errorf("%s: %d %q, want %d %q", c.target, a.Status, a.Error, c.status, c.part)
		}
		if c.status == 200 && len(a.Frames) != 1 || b.Status != 200 || len(b.Frames) != 1 {
			t.Errorf("%s: %d frames, and the other target %d with %d", c.target, len(a.Frames), b.Status, len(b.Frames))
		}
	}
}

// trouble is a Prometheus that fails in the way that a query names.
type trouble struct{ silent chan struct{} }

func (t trouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.FormValue("query") {
	case "silent":
		<-t.silent
	case "slow":
		http.Error(w, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`,
			http.StatusServiceUnavailable)
	case "no JSON":
		http.Error(w, "<html>gateway</html>", http.StatusBadGateway)
	case "another server":
		_, _ = w.Write([]byte("<html>welcome</html>"))
	case "another API":
		_, _ = w.Write([]byte(`{"items":[]}`))
	case "no number":
		_, _ = w.Write([]byte(
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"many"]}]}}`))
	case "half":
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":`))
	case "endless":
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[`))
		for range prometheus.MaxAnswerBytes >> 20 {
			_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
		}
		_, _ = w.Write([]byte("xx"))
	}
}

// What a Prometheus that is in trouble comes to.
func TestPrometheusFails(t *testing.T) {
	troubled := trouble{silent: make(chan struct{})}
	server := httptest.NewServer(troubled)
	defer server.Close()
	defer close(troubled.silent)
	client := prometheus.NewClient(server.URL)
	defer client.Close()
	e := &Engine{Prometheus: client, ScrapeInterval: every}
	for query, want := range map[string]struct {
		status int
		part   string
	}{
		"silent":         {504, "took too long"},
		"slow":           {504, "took too long"},
		"no JSON":        {502, "502 Bad Gateway"},
		"another server": {502, "no answer of Prometheus' API"},
		"another API":    {502, "no answer of Prometheus' API"},
		"no number":      {502, `"many" is no number`},
		"half":           {502, "unexpected EOF"},
		"endless":        {400, "larger than"},
	} {
		d := parse(t, `{"uid":"f","title":"F","panels":[{"id":1,"type":"timeseries","targets":[{"refId":"A","expr":"`+query+
			`"}]}]}`)
		ctx, cancel := context.WithCancel(t.Context())
		if query == "silent" {
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		}
		result, err := e.Run(ctx, d, d.Panels()[0], Request{Range: shown})
		cancel()
		if a := result.Results["A"]; err != nil || a.Status != want.status || !strings.Contains(a.Error, want.part) {
			t.Errorf("%s: %d %q, want %d %q; %v", query, a.Status, a.Error, want.status, want.part, err)
		}
	}
}

// What a Prometheus that is not there comes to.
func TestPrometheusIsGone(t *testing.T) {
	gone := &Engine{Prometheus: prometheus.NewClient("http://127.0.0.1:1"), ScrapeInterval: every}
	d := withVariables(t, "up", `{"name":"v","type":"query","query":"label_values(up, a)"}`)
	if a := run(t, gone, d, Request{}).Results["A"]; a.Status != 502 || !strings.Contains(a.Error, "connection refused") {
		t.Errorf("nobody there: %+v", a)
	}
	if v := gone.Variables(t.Context(), d, Request{Range: shown})[0]; !strings.Contains(v.Error, "connection refused") {
		t.Errorf("nobody there: %+v", v)
	}
}

// Why a panel is empty: what the part of the query is that is empty by itself.
func TestReasons(t *testing.T) {
	idle := []float64{0, 0, 0, 0, 0, 0, 0, 0, 0}
	e := newEngine(t,
		constant("pod_up", map[string]string{"namespace": "shop", "pod": "a"}),
		constant("node_up", map[string]string{"node": "n"}),
		constant("pod_up", map[string]string{"namespace": "data", "pod": "c"}),
		constant("claim_up", map[string]string{"namespace": "data", "claim": "x"}),
		constant("node_up_too", map[string]string{"node": "other"}),
		constant("path_up", map[string]string{"path": "/v1(beta)"}),
		gauge("idle", map[string]string{"pod": "a"}, idle...), gauge("late", nil, 1),
	)
	for expr, want := range map[string]struct{ kind, text string }{
		`rate(pods_up[1m])`: {NoMetric,
			"no metric is named pods_up in this time range; there is pod_up"},
		`pod_up * on() group_left() (node_up * on() x)`: {NoMetric, "no metric is named x in this time range"},
		`cluster:pod_up:sum`:                            {NoMetric, "recording rule"},
		`pod_up{namespace="batch"}`: {NoSeries,
			`pod_up has series, but none with namespace="batch"; there is data and shop`},
		`pod_up{namespaces="shop"}`: {NoSeries, `they have no label namespaces; there is namespace`},
		`pod_up{namespace="shop", pod="b"}`: {NoSeries,
			`pod_up has series, but none with pod="b"; there is a and c`},
		`pod_up{namespace="shop", pod="c"}`: {NoSeries,
			`none with namespace="shop" together with the other labels asked for; there is data`},
		`pod_up{namespace="x", pod="b"}`: {NoSeries, `pod_up has series, but none with namespace="x"`},
		`pod_up{namespace="shop|data"}`:  {NoSeries, "several values need =~"},
		`path_up{path=~"/v1(beta)"}`:     {NoSeries, "escape it"},
		`{__name__=~"pod.*", pod="b"}`:   {NoSeries, `has series, but none with pod="b"`},
		`pod_up > 5`: {Filtered,
			"the comparison pod_up > 5 holds for nothing: the values are from 1 to 1"},
		`pod_up > on(namespace) claim_up`: {Filtered, "holds for nothing"},
		`pod_up unless pod_up`:            {Filtered, "unless leaves nothing"},
		`absent(pod_up)`:                  {Filtered, "only when pod_up is not there"},
		`pod_up * node_up`: {NoMatch, "only the left side has the label namespace; only the " +
			"right side has the label node; only the left side has the label pod"},
		`node_up + node_up_too`:                     {NoMatch, `node is "n" on the left and "other" on the right`},
		`sum by (pod) (pod_up) / on (pod) claim_up`: {NoMatch, "only the left side has the label pod"},
		`nowhere or pod_up > 5`: {Filtered,
			"no metric is named nowhere in this time range; and on the other side of or: the comparison"},
		`nowhere or nothing`:              {NoMetric, "nowhere"},
		`rate(pod_up[10s])`:               {ShortRange, "rate needs two samples of a series"},
		`histogram_quantile(0.9, pod_up)`: {NoLabel, "le"},
		`idle / idle`:                     {NoNumber, "idle / idle divides by zero, idle is 0 everywhere"},
		`vector(1) > 5`:                   {NoQuery, "the query reads no metric"},
		`pod_up offset 1d`:                {Stale, "where offset or @ looks"},
	} {
		d := parse(t, `{"uid":"r","title":"R","panels":[{"id":1,"type":"stat","targets":[{"refId":"A","expr":`+
			strconv.Quote(expr)+`}]}]}`)
		result := run(t, e, d, Request{})
		if len(result.Empty) != 1 || result.Empty[0].Kind != want.kind ||
			!strings.Contains(result.Empty[0].Text, want.text) {
			t.Errorf("%s: %+v %v, want %s", expr, result.Empty, result.Results["A"].Error, want)
		}
	}
}
