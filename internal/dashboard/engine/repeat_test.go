package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/golden"
)

// layoutOf writes panels as id<sourceId>@x,y,wxh title.
func layoutOf(panels []document.Object) string {
	var lines []string
	for _, p := range panels {
		pos := p.Object("gridPos")
		line := fmt.Sprintf("%d<%d@%d,%d,%dx%d %s", p.Integer("id"), p.Integer("sourceId"), pos.Integer("x"),
			pos.Integer("y"), pos.Integer("w"), pos.Integer("h"), p.Text("title"))
		if inner := p.Objects("panels"); len(inner) > 0 {
			line += " [" + layoutOf(inner) + "]"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

const threeServers = `{"name":"server","type":"custom","query":"a,b,c","multi":true,"includeAll":true,` +
	`"current":{"value":["$__all"]}}`

func TestRepeats(t *testing.T) {
	for name, c := range map[string]struct{ panels, want string }{
		"none": {
			`{"id":1,"type":"stat","title":"$server","gridPos":{"x":0,"y":0,"w":6,"h":4}}`,
			"1<1@0,0,6x4 All",
		},
		"side by side": {
			`{"id":1,"type":"stat","title":"$server","repeat":"server","gridPos":{"x":0,"y":0,"w":6,"h":4}},{"id":2,` +
				`"type":"stat","title":"below","gridPos":{"x":0,"y":4,"w":24,"h":2}}`,
			"1<1@0,0,8x4 a; 3<1@8,0,8x4 b; 4<1@16,0,8x4 c; 2<2@0,4,24x2 below",
		},
		"two in a row": {
			`{"id":1,"type":"stat","title":"$server","repeat":"server","maxPerRow":2,"gridPos":{"x":0,"y":0,"w":6,"h":4}},` +
				`{"id":2,"type":"stat","title":"below","gridPos":{"x":0,"y":4,"w":24,"h":2}}`,
			"1<1@0,0,12x4 a; 3<1@12,0,12x4 b; 4<1@0,4,12x4 c; 2<2@0,8,24x2 below",
		},
		"below each other": {
			`{"id":1,"type":"stat","title":"$server","repeat":"server","repeatDirection":"v","gridPos":{"x":3,"y":0,"w":6,` +
				`"h":4}},{"id":2,"type":"stat","title":"below","gridPos":{"x":0,"y":4,"w":24,"h":2}}`,
			"1<1@3,0,6x4 a; 3<1@3,4,6x4 b; 4<1@3,8,6x4 c; 2<2@0,12,24x2 below",
		},
		"a row": {
			`{"id":1,"type":"row","title":"Row $server","repeat":"server","gridPos":{"x":0,"y":0,"w":24,"h":1}},{"id":2,` +
				`"type":"stat","title":"in $server","gridPos":{"x":0,"y":1,"w":6,"h":4}},` +
				`{"id":3,"type":"row","title":"Last","gridPos":{"x":0,"y":5,"w":24,"h":1}},{"id":4,"type":"stat","title":"end",` +
				`"gridPos":{"x":0,"y":6,"w":6,"h":4}}`,
			"1<1@0,0,24x1 Row a; 2<2@0,1,6x4 in a; 5<1@0,5,24x1 Row b; 6<2@0,6,6x4 in b; 7<1@0,10,24x1 Row c; 8<2@0,11,6x4 " +
				"in c; 3<3@0,15,24x1 Last; 4<4@0,16,6x4 end",
		},
		"a collapsed row": {
			`{"id":1,"type":"row","title":"Row $server","repeat":"server","collapsed":true,"gridPos":{"x":0,"y":0,"w":24,` +
				`"h":1},"panels":[{"id":2,"type":"stat","title":"in $server","gridPos":{"x":0,"y":1,"w":6,"h":4}}]}`,
			"1<1@0,0,24x1 Row a [2<2@0,1,6x4 in a]; 3<1@0,1,24x1 Row b [4<2@0,2,6x4 in b]; 5<1@0,2,24x1 Row c [6<2@0,3,6x4 " +
				"in c]",
		},
		"for nothing": {
			`{"id":1,"type":"stat","title":"once","repeat":"nosuch","gridPos":{"x":0,"y":0,"w":6,"h":4}}`,
			"1<1@0,0,6x4 once",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := &Engine{ScrapeInterval: every}
			d := parse(t, `{"uid":"r","title":"R","templating":{"list":[`+threeServers+`]},"panels":[`+c.panels+`]}`)
			before := layoutOf(d.JSON.Objects("panels"))
			view := e.View(t.Context(), d, Request{Range: shown})
			if got := layoutOf(view.Panels); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if after := layoutOf(d.JSON.Objects("panels")); after != before {
				t.Errorf("the dashboard itself was changed: %s", after)
			}
		})
	}
}

// Only what is chosen is repeated, and a repeated panel's query is for its
// own value.
func TestRepeatedQuery(t *testing.T) {
	e := newEngine(t)
	d := parse(t, `{"uid":"r","title":"R $server","templating":{"list":[`+threeServers+`]},"panels":[
		{"id":1,"type":"timeseries","title":"$server","repeat":"server",
		"targets":[{"refId":"A","expr":"up{server=~\"$server\"}"}]}]}`)
	r := Request{Range: shown, Variables: map[string][]string{"server": {"a", "c"}}}
	view := e.View(t.Context(), d, r)
	var sent []string
	for _, panel := range view.Panels {
		scoped := panel.Object("scopedVars").Object("server")
		r.ScopedVars = map[string]Option{"server": {Text: scoped.Text("text"), Value: scoped.Text("value")}}
		sent = append(sent, run(t, e, d, r).Queries[0].Expr)
	}
	if want := []string{`up{server=~"a"}`, `up{server=~"c"}`}; !slices.Equal(sent, want) || view.Title != "R a + c" {
		t.Errorf("%q sends %q, want %q", view.Title, sent, want)
	}
}

// A panel of a kind that nobody knows can be queried; the page shows it in its
// own way.
func TestUnknownPanel(t *testing.T) {
	e := newEngine(t)
	d := parse(t, `{"uid":"u","title":"U","panels":[{"id":1,"type":"acme-map-panel","title":"Map",`+
		`"targets":[{"refId":"A","expr":"vector(1)"}]},{"id":2}]}`)
	panels := e.View(t.Context(), d, Request{Range: shown}).Panels
	if panels[0].Text("type") != "acme-map-panel" || !panels[0].Flag("queryable") || panels[1].Flag("queryable") {
		t.Errorf("%v", panels)
	}
	if frames := run(t, e, d, Request{}).Results["A"].Frames; len(frames) != 1 {
		t.Errorf("%d frames", len(frames))
	}
}

// Texts, links and contents are filled in for the page; what only the page
// knows stays, and so do targets.
func TestPresent(t *testing.T) {
	e := &Engine{ScrapeInterval: every}
	d := parse(t, `{"uid":"p","title":"P","links":[{"url":"/d/x?var-server=$server"}],
		"templating":{"list":[`+threeServers+`]},"panels":[
		{"id":1,"type":"table","title":"T $server","description":"D ${server:csv}",
		"links":[{"url":"/d/y?${server:queryparam}&${__url_time_range}"}],
		 "fieldConfig":{"defaults":{"links":[{"url":"/d/z?var-pod=${__data.fields.pod}&var-server=${server:raw}"}]}},
		 "targets":[{"refId":"A","expr":"up{s=~\"$server\"}"}]},
		{"id":2,"type":"text","options":{"content":"# $server","mode":"markdown"}},
		{"id":3,"type":"timeseries","datasource":{"type":"loki","uid":"l"},"targets":[{"refId":"A","expr":"x"}]},
		{"id":4,"type":"row","collapsed":true,"panels":[{"id":5,"type":"stat","title":"in $server",
		"targets":[{"refId":"A","expr":"up"}]}]}]}`)
	r := Request{Range: shown, Variables: map[string][]string{"server": {"a", "b"}}}
	golden.JSON(t, "testdata/present.json", e.View(t.Context(), d, r))
}

// A dashboard without panels has a list of none.
func TestViewWithoutPanels(t *testing.T) {
	for _, text := range []string{`{"title":"x","panels":[]}`, `{"title":"x"}`} {
		if view := newEngine(t).View(t.Context(), parse(t, text), Request{Range: shown}); view.Panels == nil {
			t.Errorf("%s has the panels null", text)
		}
	}
}
