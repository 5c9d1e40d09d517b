package set

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/collector/origin"
)

// uids are what links and bookmarks refer to: they do not change.
var uids = []string{
	"diorama-cluster", "diorama-clusters", "diorama-collector", "diorama-environment", "diorama-events",
	"diorama-namespace-pods", "diorama-namespace-workloads", "diorama-networking-cluster", "diorama-networking-namespace",
	"diorama-networking-pod", "diorama-node", "diorama-node-pods", "diorama-persistent-volumes", "diorama-pod",
	"diorama-workload", "diorama-workload-health",
}

func allOf(t *testing.T) []dashboard.Dashboard {
	t.Helper()
	all, err := Dashboards()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eachPanel visits the panels that are no headings.
func eachPanel(t *testing.T, visit func(t *testing.T, d dashboard.Dashboard, p dashboard.Panel)) {
	t.Helper()
	for _, d := range allOf(t) {
		t.Run(*d.Uid, func(t *testing.T) {
			for _, p := range d.Panels {
				if p.Panel != nil {
					visit(t, d, *p.Panel)
				}
			}
		})
	}
}

func TestUIDs(t *testing.T) {
	var got []string
	titles := map[string]bool{}
	for _, d := range allOf(t) {
		got = append(got, *d.Uid)
		if titles[*d.Title] || *d.Title == "" || *d.Description == "" {
			t.Errorf("%s: title %q is taken or empty, or there is no description", *d.Uid, *d.Title)
		}
		titles[*d.Title] = true
		if !slices.Contains(d.Tags, tag) || d.SchemaVersion < 41 {
			t.Errorf("%s: tags %v, schema %d", *d.Uid, d.Tags, d.SchemaVersion)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, uids) {
		t.Errorf("uids are %q, want %q", got, uids)
	}
}

// The committed JSON is what the Go code makes.
func TestGenerated(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	committed, err := dashboards.FS.ReadDir("json")
	if err != nil {
		t.Fatal(err)
	}
	if len(committed) != len(files) {
		t.Errorf("%d files are committed, %d are generated", len(committed), len(files))
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		got, err := dashboards.FS.ReadFile("json/" + name)
		if err != nil {
			t.Error(err)
		}
		if string(got) != string(files[name]) {
			t.Errorf("json/%s differs: run go generate ./dashboards", name)
		}
	}
}

func TestPanelsSayWhatTheyShow(t *testing.T) {
	eachPanel(t, func(t *testing.T, _ dashboard.Dashboard, p dashboard.Panel) {
		if p.Title == nil || *p.Title == "" {
			t.Errorf("panel %d has no title", *p.Id)
			return
		}
		about, from, found := strings.Cut(*p.Description, "\n\nFrom ")
		if about == "" || !found || from == "" {
			t.Errorf("%s: description is %q", *p.Title, *p.Description)
		}
		if p.FieldConfig == nil || p.FieldConfig.Defaults.Unit == nil || *p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%s has no unit", *p.Title)
		}
		if p.Datasource == nil || *p.Datasource.Uid != "${datasource}" {
			t.Errorf("%s does not ask the data source of the variable", *p.Title)
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", *p.Title)
		}
	})
}

func TestGrid(t *testing.T) {
	for _, d := range allOf(t) {
		ids, cells := map[uint32]bool{}, map[[2]uint32]bool{}
		for _, p := range d.Panels {
			var id uint32
			var grid dashboard.GridPos
			if p.Panel != nil {
				id, grid = *p.Panel.Id, *p.Panel.GridPos
			} else {
				id, grid = p.RowPanel.Id, *p.RowPanel.GridPos
			}
			if ids[id] || id == 0 {
				t.Errorf("%s: id %d is 0 or taken", *d.Uid, id)
			}
			ids[id] = true
			if grid.W == 0 || grid.H == 0 || grid.X+grid.W > width {
				t.Errorf("%s: panel %d is at %+v", *d.Uid, id, grid)
			}
			for x := grid.X; x < grid.X+grid.W; x++ {
				for y := grid.Y; y < grid.Y+grid.H; y++ {
					if cells[[2]uint32{x, y}] {
						t.Fatalf("%s: panel %d overlaps at column %d, row %d", *d.Uid, id, x, y)
					}
					cells[[2]uint32{x, y}] = true
				}
			}
		}
	}
}

var linkPattern = regexp.MustCompile(`"url": "(/d/[^"]*)"`)

// Every link leads to a dashboard of the set and sets only variables that it has.
func TestLinks(t *testing.T) {
	variables := map[string][]string{}
	for _, d := range allOf(t) {
		for _, v := range d.Templating.List {
			variables[*d.Uid] = append(variables[*d.Uid], v.Name)
		}
	}
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	for name, content := range files {
		links := linkPattern.FindAllStringSubmatch(string(content), -1)
		if len(links) == 0 {
			t.Errorf("%s leads nowhere", name)
		}
		for _, match := range links {
			text := strings.NewReplacer(`\u0026`, "&", "${__url_time_range}", "from=a&to=b", "{", "", "}", "", "$", "").
				Replace(match[1])
			link, err := url.Parse(text)
			if err != nil {
				t.Errorf("%s: link %s: %v", name, match[1], err)
				continue
			}
			uid := strings.TrimPrefix(link.Path, "/d/")
			reached[uid] = true
			if !slices.Contains(uids, uid) {
				t.Errorf("%s: link %s leads to no dashboard of the set", name, match[1])
			}
			for parameter := range link.Query() {
				wanted, isVariable := strings.CutPrefix(parameter, "var-")
				if isVariable && !slices.Contains(variables[uid], wanted) {
					t.Errorf("%s: link %s sets %s, which %s does not have", name, match[1], wanted, uid)
				}
			}
		}
	}
	for _, uid := range uids {
		// Where one begins.
		if uid != "diorama-clusters" && !reached[uid] {
			t.Errorf("no link leads to %s", uid)
		}
	}
}

// filled puts plain values in the place of variables, so that PromQL can be parsed.
func filled(expr string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h", "${kind}", "deployment").Replace(expr)
}

// selectors parses an expression and visits each metric, with the function
// that is applied to its range.
func selectors(t *testing.T, expr string, visit func(metric, function string)) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(filled(expr))
	if err != nil {
		t.Errorf("%s: %v", expr, err)
		return
	}
	parser.Inspect(parsed, func(n parser.Node, path []parser.Node) error {
		selector, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		function := ""
		for _, parent := range path {
			if call, ok := parent.(*parser.Call); ok {
				function = call.Func.Name
			}
		}
		visit(selector.Name, function)
		return nil
	})
}

// Queries are PromQL over metrics that exist, counters are read as such and
// no query is a constant.
func TestQueries(t *testing.T) {
	known, err := origin.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	eachPanel(t, func(t *testing.T, _ dashboard.Dashboard, p dashboard.Panel) {
		for _, target := range p.Targets {
			expr := target.(prometheus.Dataquery).Expr
			found := 0
			selectors(t, expr, func(metric, function string) {
				found++
				from, ok := known[metric]
				if !ok && !strings.HasPrefix(metric, "cluster:") {
					t.Errorf("%s: no receiver sends %s", *p.Title, metric)
				}
				if from.Optional {
					t.Errorf("%s: %s is not sent unless a receiver is told to", *p.Title, metric)
				}
				rated := function == "rate" || function == "increase"
				if ok && rated != from.Counter && metric != "otelcol_process_uptime_seconds_total" {
					t.Errorf("%s: %s is a counter: %t, but is read with %q", *p.Title, metric, from.Counter, function)
				}
			})
			if found == 0 {
				t.Errorf("%s: %s asks for no metric", *p.Title, expr)
			}
		}
	})
}

// A graph's query whose two sides follow each other in time shows an object
// twice, unless both sides have the same labels: a metric's name is one.
func TestGraphsDropNames(t *testing.T) {
	eachPanel(t, func(t *testing.T, _ dashboard.Dashboard, p dashboard.Panel) {
		for _, target := range p.Targets {
			expr := target.(prometheus.Dataquery).Expr
			parsed, err := parser.NewParser(parser.Options{}).ParseExpr(filled(expr))
			if err != nil {
				t.Errorf("%s: %v", expr, err)
				continue
			}
			if either, ok := parsed.(*parser.BinaryExpr); ok && either.Op == parser.LOR && p.Type == "timeseries" {
				t.Errorf("%s: %s keeps the names of what it takes from", *p.Title, expr)
			}
		}
	})
}

// Every query is limited to the clusters that are chosen.
func TestQueriesKnowTheCluster(t *testing.T) {
	limited := regexp.MustCompile(`^\{k8s_cluster_name=~?"\$cluster"`)
	eachPanel(t, func(t *testing.T, _ dashboard.Dashboard, p dashboard.Panel) {
		for _, target := range p.Targets {
			expr := target.(prometheus.Dataquery).Expr
			for at := strings.Index(expr, "{"); at >= 0; {
				if expr[at-1] != '$' && !limited.MatchString(expr[at:]) {
					t.Errorf("%s: not limited to a cluster at %s", *p.Title, expr[at:])
				}
				next := strings.Index(expr[at+1:], "{")
				if next < 0 {
					break
				}
				at += next + 1
			}
		}
	})
}

func TestVariables(t *testing.T) {
	for _, d := range allOf(t) {
		if list := d.Templating.List; len(list) < 2 || list[0].Name != "datasource" || list[1].Name != "cluster" {
			t.Errorf("%s: the first variables are not data source and cluster", *d.Uid)
		}
		for _, v := range d.Templating.List {
			if v.Type != dashboard.VariableTypeQuery {
				continue
			}
			match := regexp.MustCompile(`^label_values\((.+), [a-z0-9_${}]+\)$`).FindStringSubmatch(*v.Query.String)
			if match == nil {
				t.Errorf("%s: variable %s asks %s", *d.Uid, v.Name, *v.Query.String)
				continue
			}
			selectors(t, match[1], func(string, string) {})
		}
	}
}
