package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

func withAnnotations(t *testing.T, annotations ...string) *document.Dashboard {
	t.Helper()
	return parse(t, fmt.Sprintf(`{"uid":"a","title":"A","panels":[],"annotations":{"list":[%s]},"templating":{"list":[
		{"name":"namespace","type":"custom","query":"shop,batch","multi":true,"current":{"value":["shop"]}},
		{"name":"step","type":"constant","query":"15s"},{"name":"key","type":"constant","query":"pod"},
		{"name":"word","type":"constant","query":"killed"},
		{"name":"kind","type":"constant","query":"loki"},{"name":"reason","type":"constant","query":"BackOff"}]}}`,
		strings.Join(annotations, ",")))
}

func layersOf(t *testing.T, e *Engine, d *document.Dashboard, r Request, enabled map[string]bool) []Layer {
	t.Helper()
	r.Range = shown
	layers, err := e.Annotations(t.Context(), d, r, enabled)
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

// written writes annotations as "from-to title: text [tags]", with times in
// seconds since the range began.
func written(all []Annotation) string {
	var texts []string
	for _, a := range all {
		second := func(ms int64) int64 { return (ms - begin.UnixMilli()) / 1000 }
		texts = append(texts, fmt.Sprintf("%d-%d %s: %s %q", second(a.Time), second(a.TimeEnd), a.Title, a.Text, a.Tags))
	}
	return strings.Join(texts, "; ")
}

// What a query's samples become: those above zero are annotations, those in a
// row one that lasts; variables are filled in everywhere.
func TestAnnotations(t *testing.T) {
	at := float64(begin.UnixMilli())
	e := newEngine(t,
		gauge("restarts", map[string]string{"namespace": "shop", "pod": "web", "node": "n1"}, 0, 1, 1, 0, 0, 1, 0, 0, 0),
		gauge("restarts", map[string]string{"namespace": "batch", "pod": "job", "node": "n2"}, 1, 0, 0, 0, 0, 0, 0, 0, 0),
		gauge("started", map[string]string{"pod": "web"}, at+30_000, at+30_000, at+30_000, at+90_000, at+90_000, at+90_000,
			at+90_000, at+90_000, at+90_000),
	)
	const shop = `"expr":"restarts{namespace=~\"$namespace\"}","step":"$step"`
	const texts = `"titleFormat":"{{pod}} $word","textFormat":"on {{ node }}{{none}}","tagKeys":"namespace, $key,none"`
	for _, c := range []struct {
		name, definition, expr, step, want string
		request                            Request
	}{
		{name: "fields next to the name", definition: `"datasource":"Prometheus",` + shop + `,` + texts,
			expr: `restarts{namespace=~"shop"}`, step: "15s",
			want: `15-30 web killed: on n1 ["shop" "web"]; 75-75 web killed: on n1 ["shop" "web"]`},
		{name: "fields in the target", definition: `"datasource":{"type":"prometheus","uid":"p"},"target":{` + shop + `},` +
			texts, expr: `restarts{namespace=~"shop"}`, step: "15s",
			want: `15-30 web killed: on n1 ["shop" "web"]; 75-75 web killed: on n1 ["shop" "web"]`},
		{name: "several values", definition: shop, expr: `restarts{namespace=~"(shop|batch)"}`, step: "15s",
			want:    `0-0 : []; 15-30 : []; 75-75 : []`,
			request: Request{Variables: map[string][]string{"namespace": {"shop", "batch"}}}},
		{
			name: "no step", definition: `"expr":"restarts{pod=\"job\"} and on() vector($__interval_ms)"`,
			expr: `restarts{pod="job"} and on() vector(60000)`, step: "1m", want: `0-0 : []`,
		},
		{name: "times of values", definition: `"expr":"started","step":"15s","useValueForTime":true,"textFormat":"{{pod}}"`,
			expr: "started", step: "15s",
			want: `30-30 : web []; 90-90 : web []`},
		{name: "nothing", definition: `"expr":"restarts > 5"`, expr: "restarts > 5", step: "1m"},
	} {
		d := withAnnotations(t, `{"name":"one","iconColor":"red",`+c.definition+`}`)
		layer := layersOf(t, e, d, c.request, nil)[0]
		want := strings.ReplaceAll(c.want, " : []", ` :  []`)
		if got := written(layer.Annotations); got != want || layer.Error != "" {
			t.Errorf("%s: %s, want %s; %s", c.name, got, want, layer.Error)
		}
		if layer.Query == nil || layer.Query.Expr != c.expr || layer.Query.Step != c.step {
			t.Errorf("%s: sent %+v, want %s every %s", c.name, layer.Query, c.expr, c.step)
		}
	}
}

// A layer fails in its own way, is turned on and off, and names its panels.
func TestLayers(t *testing.T) {
	e := newEngine(t, constant("up", nil))
	e.Events = func(context.Context, prometheus.TimeRange) ([]Annotation, error) {
		return nil, errors.New("asking for events: no answer")
	}
	d := withAnnotations(t,
		`{"name":"Annotations & Alerts","builtIn":1,"type":"dashboard","enable":true,"hide":true,`+
			`"datasource":{"type":"grafana","uid":"-- Grafana --"}}`,
		`{"name":"off","enable":false,"expr":"up"}`,
		`{"name":"on","enable":true,"expr":"up","iconColor":"blue","filter":{"exclude":true,"ids":[1,"2"]}}`,
		`{"name":"logs","datasource":{"type":"$kind","uid":"l"},"expr":"x"}`,
		`{"name":"empty","target":{"expr":" "}}`, `{"name":"wrong","expr":"sum("}`,
		`{"name":"step","expr":"up","step":"soon"}`,
		`{"name":"events","type":"tags","tags":["a"],"datasource":"-- Grafana --"}`)
	for i, want := range []Layer{
		{Enabled: true}, {}, {Enabled: true, Color: "blue"},
		{Enabled: true, Error: `data source "l" of type $kind is not run here`},
		{Enabled: true, Error: "no query"}, {Enabled: true, Error: "parse error"},
		{Enabled: true, Error: "min step"}, {Enabled: true, Error: "no answer"},
	} {
		got := layersOf(t, e, d, Request{}, nil)[i]
		if got.Enabled != want.Enabled || got.Color != want.Color || !strings.Contains(got.Error, want.Error) ||
			(got.Error == "") != (want.Error == "") {
			t.Errorf("%s: %+v, want %+v", got.Name, got, want)
		}
	}
	chosen := layersOf(t, e, d, Request{}, map[string]bool{"off": true, "on": false})
	if len(chosen[1].Annotations) != 1 || chosen[2].Query != nil || chosen[2].Enabled {
		t.Errorf("turned on: %+v, turned off: %+v", chosen[1], chosen[2])
	}
	if filter := chosen[2].Filter; !filter.Exclude || !slices.Equal(filter.IDs, []int{1, 2}) {
		t.Errorf("panels %+v", filter)
	}
}

// Grafana's own data source has the events with the tags of the query.
func TestAnnotationsByTag(t *testing.T) {
	e := newEngine(t)
	e.Events = func(context.Context, prometheus.TimeRange) ([]Annotation, error) {
		return []Annotation{
			{
				Time: begin.UnixMilli() + 2000, TimeEnd: begin.UnixMilli() + 3000, Text: "two",
				Tags: []string{"shop", "Pod", "BackOff"},
			},
			{Time: begin.UnixMilli(), TimeEnd: begin.UnixMilli(), Text: "one", Tags: []string{"batch", "Pod"}},
		}, nil
	}
	for tags, want := range map[string]string{
		`"tags":["Pod","$reason"]`: `2-3 : two ["shop" "Pod" "BackOff"]`,
		`"target":{"tags":["batch","$reason"],"matchAny":true,"type":"tags"}`: `0-0 : one ["batch" "Pod"]; 2-3 : two ` +
			`["shop" "Pod" "BackOff"]`,
		`"tags":["none"]`: ``,
	} {
		d := withAnnotations(t, `{"name":"e","type":"tags","datasource":{"type":"grafana","uid":"-- Grafana --"},`+tags+`}`)
		if got := written(layersOf(t, e, d, Request{}, nil)[0].Annotations); got != want {
			t.Errorf("%s: %s, want %s", tags, got, want)
		}
	}
}

// A query that never ends is cut, and says so.
func TestManyAnnotations(t *testing.T) {
	form := annotationForm{step: 1000}
	var points []prometheus.Point
	for i := range int64(5) {
		points = append(points, prometheus.Point{T: i * 10_000, V: 1})
	}
	if got := form.annotations(prometheus.Series{Points: points}); len(got) != 5 {
		t.Errorf("%d annotations", len(got))
	}
	e := newEngine(t)
	e.Events = func(context.Context, prometheus.TimeRange) ([]Annotation, error) {
		return make([]Annotation, maxAnnotations+1), nil
	}
	layer := layersOf(t, e, withAnnotations(t, `{"name":"e","type":"tags","datasource":"-- Grafana --"}`), Request{},
		nil)[0]
	if len(layer.Annotations) != maxAnnotations || !strings.Contains(layer.Error, "1001 annotations") {
		t.Errorf("%d annotations, %q", len(layer.Annotations), layer.Error)
	}
}
