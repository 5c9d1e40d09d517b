package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/backend/backendtest"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/golden"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

func frameSeries() []backendtest.Series {
	return []backendtest.Series{
		gauge("requests", map[string]string{"pod": "a", "code": "200"}, 1, 2, 3, 4, 5, 6, 7, 8, 9),
		gauge("requests", map[string]string{"pod": "b", "code": "500"}, 0, 0, 1),
		gauge("latency_bucket", map[string]string{"le": "0.1"}, 1, 2, 3, 4, 5, 6, 7, 8, 9),
		gauge("latency_bucket", map[string]string{"le": "1"}, 1, 3, 5, 7, 9, 11, 13, 15, 17),
		gauge("latency_bucket", map[string]string{"le": "+Inf"}, 2, 4, 6, 8, 10, 12, 14, 16, 18),
	}
}

// TestFrames holds still what each form of a target becomes: types, names,
// labels, values and what the frame says of itself.
func TestFrames(t *testing.T) {
	e := newEngine(t, frameSeries()...)
	for name, targets := range map[string]string{
		"range":          `{"refId":"A","expr":"requests","range":true}`,
		"range-legend":   `{"refId":"A","expr":"requests","legendFormat":"{{pod}} is {{ code }}{{none}}"}`,
		"range-auto":     `{"refId":"A","expr":"requests","legendFormat":"__auto"}`,
		"range-nolabels": `{"refId":"A","expr":"sum(requests)","legendFormat":"__auto"}`,
		"range-scalar":   `{"refId":"A","expr":"1/0"}`,
		"range-nan":      `{"refId":"A","expr":"0/(requests-1)"}`,
		"instant":        `{"refId":"A","expr":"requests","instant":true,"range":false}`,
		"instant-scalar": `{"refId":"A","expr":"scalar(sum(requests))","instant":true}`,
		"instant-string": `{"refId":"A","expr":"\"hello\"","instant":true}`,
		"both":           `{"refId":"A","expr":"requests","instant":true,"range":true}`,
		"table":          `{"refId":"A","expr":"requests","instant":true,"format":"table"}`,
		"table-range":    `{"refId":"A","expr":"sum by (pod) (requests)","format":"table","interval":"1m"}`,
		"table-buckets":  `{"refId":"A","expr":"latency_bucket","instant":true,"format":"table"}`,
		"tables": `{"refId":"A","expr":"requests","instant":true,"format":"table"},{"refId":"B",` +
			`"expr":"sum(requests)","instant":true,"format":"table"}`,
		"heatmap": `{"refId":"A","expr":"latency_bucket","format":"heatmap","legendFormat":"{{le}}"}`,
		"empty":   `{"refId":"A","expr":"nothing"}`,
		"warning": `{"refId":"A","expr":"quantile(2, requests)"}`,
		"hidden":  `{"refId":"A","expr":"requests","hide":true},{"refId":"B","expr":"sum(requests)","instant":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, `{"uid":"f","title":"F","panels":[{"id":1,"type":"timeseries","targets":[`+targets+`]}]}`)
			result := run(t, e, d, Request{MaxDataPoints: 5})
			for i := range result.Queries {
				result.Queries[i].Took = ""
			}
			golden.JSON(t, "testdata/frames/"+name+".json", result)
		})
	}
}

// Grafana's query API answers what its server sends, without what the data
// source makes of it in the browser.
func TestQueryIsRaw(t *testing.T) {
	e := newEngine(t, frameSeries()...)
	result := e.Query(t.Context(), []document.Object{
		{"refId": "A", "expr": "latency_bucket", "format": "heatmap", "range": true, "maxDataPoints": 5.0},
		{"refId": "B", "expr": "rate(requests[$__rate_interval])", "intervalMs": 30000.0},
		{"refId": "C", "expr": "sum(", "instant": true},
		{"refId": "D", "expr": "requests", "instant": true, "format": "table"},
	}, Request{Range: shown})
	if frames := result.Results["A"].Frames; len(frames) != 3 || len(frames[0].Fields) != 2 {
		t.Errorf("the heatmap's buckets are no series of their own: %v", frames)
	}
	if sent := result.Queries[1]; sent.Expr != "rate(requests[1m])" || sent.Step != "30s" {
		t.Errorf("sent %+v", sent)
	}
	if c := result.Results["C"]; c.Status != 400 || c.Error == "" {
		t.Errorf("a query that does not parse: %+v", c)
	}
	if frames := result.Results["D"].Frames; len(frames) != 2 {
		t.Errorf("%d frames of a table, want one for each series", len(frames))
	}
}

// More series than can be shown are cut, and the first frame says so.
func TestManySeries(t *testing.T) {
	e := newEngine(t)
	client := e.Prometheus.(*prometheus.Client)
	const many = 100_000
	for first := 0; first < many; first += 20_000 {
		batch := make([]backendtest.Series, 0, 20_000)
		for i := range 20_000 {
			batch = append(batch, gauge("many", map[string]string{"i": fmt.Sprint(first + i)}, 1))
		}
		backendtest.Push(t, client.URL, begin, every, batch...)
	}
	d := parse(t, `{"uid":"m","title":"M","panels":[{"id":1,"type":"timeseries","targets":[{"refId":"A","expr":"many",`+
		`"range":true}]}]}`)
	frames := run(t, e, d,
		Request{Range: prometheus.TimeRange{From: begin, To: begin.Add(time.Minute)}}).Results["A"].Frames
	if len(frames) != prometheus.MaxSeries {
		t.Fatalf("%d frames, want %d", len(frames), prometheus.MaxSeries)
	}
	if notices := frames[0].Meta.Notices; len(notices) != 1 ||
		notices[0].Text != "There are more than 10000 series; only the first 10000 are shown." {
		t.Errorf("notices: %+v", notices)
	}
	names := parse(t, `{"uid":"m","title":"M","templating":{"list":[{"name":"i","type":"query",`+
		`"query":"label_values(many, i)"}]}}`)
	v := e.Variables(t.Context(), names, Request{Range: shown})[0]
	if len(v.Options) != 10_000 || v.Error == "" {
		t.Errorf("%d options, and %q", len(v.Options), v.Error)
	}
}
