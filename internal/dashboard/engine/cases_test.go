package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// casesFolder holds the cases that the page's tests run too; its README says
// what they mean.
func casesFolder(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(".")
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return filepath.Join(folder, "testdata", "cases")
		}
		if filepath.Dir(folder) == folder {
			break
		}
		folder = filepath.Dir(folder)
	}
	t.Fatalf("no go.mod above the test: %v", err)
	return ""
}

// readCases reads a file of cases. A field that into has not fails the test.
func readCases(t *testing.T, name string, into any) {
	t.Helper()
	file, err := os.Open(filepath.Join(casesFolder(t), name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// A file of cases that nobody runs would hold nothing together.
func TestAllCasesAreRun(t *testing.T) {
	entries, err := os.ReadDir(casesFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.Name() != "README.md" {
			names = append(names, entry.Name())
		}
	}
	if want := []string{"interpolation.json", "panel-queries.json", "panel-time.json"}; !slices.Equal(names, want) {
		t.Errorf("there are %q, and %q are run", names, want)
	}
}

// caseOption is written as its value where people read the same.
type caseOption struct{ Text, Value string }

func (o *caseOption) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &o.Value) == nil {
		o.Text = o.Value
		return nil
	}
	type fields caseOption
	return json.Unmarshal(data, (*fields)(o))
}

type interpolationCases struct {
	Range struct {
		From, To time.Time
		TimeZone string
		Asked    struct{ From, To string }
	}
	Variables []struct {
		Name, AllValue    string
		Multi, IncludeAll bool
		Options           []caseOption
		Value             []string
	}
	Cases []struct{ Text, Format, Want string }
}

// scope resolves the variables as those of a dashboard.
func (c interpolationCases) scope(t *testing.T) Scope {
	t.Helper()
	zone, err := ParseZone(c.Range.TimeZone)
	if err != nil {
		t.Fatal(err)
	}
	request := Request{From: c.Range.Asked.From, To: c.Range.Asked.To, Variables: map[string][]string{}}
	request.Range.From, request.Range.To = c.Range.From.In(zone), c.Range.To.In(zone)
	var definitions []map[string]any
	for _, v := range c.Variables {
		options := []map[string]string{}
		for _, o := range v.Options {
			options = append(options, map[string]string{"text": o.Text, "value": o.Value})
		}
		query, err := json.Marshal(options)
		if err != nil {
			t.Fatal(err)
		}
		definitions = append(definitions, map[string]any{
			"name": v.Name, "type": "custom", "query": strings.ReplaceAll(string(query), "$", `\u0024`), "valuesFormat": "json",
			"multi": v.Multi, "includeAll": v.IncludeAll, "allValue": v.AllValue,
		})
		request.Variables[v.Name] = v.Value
	}
	d := caseDashboard(t, map[string]any{"templating": map[string]any{"list": definitions}})
	_, scope := (&Engine{}).resolve(t.Context(), d, request, func(document.Variable) bool { return true })
	return scope
}

func caseDashboard(t *testing.T, fields map[string]any) *document.Dashboard {
	t.Helper()
	fields["uid"], fields["title"], fields["schemaVersion"] = "cases", "Cases", 42
	source, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Parse("cases.json", source)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestInterpolationCases(t *testing.T) {
	var file interpolationCases
	readCases(t, "interpolation.json", &file)
	scope := file.scope(t)
	for _, c := range file.Cases {
		format := formatGlob
		switch c.Format {
		case "":
		case "text":
			format = formatText
		case "regex":
			format = formatRegexText
		default:
			format = func(name string, v Value) string { return formatAs(c.Format, name, v) }
		}
		if got := scope.expand(c.Text, format); got != c.Want {
			t.Errorf("%q %s: %q, want %q", c.Text, c.Format, got, c.Want)
		}
	}
}

func TestPanelTimeCases(t *testing.T) {
	var file struct {
		Now      time.Time
		TimeZone string
		Cases    []struct {
			Name                 string
			Range                struct{ From, To string }
			TimeFrom, TimeShift  string
			WeekStart            string
			FiscalYearStartMonth int
			Refused              bool
			Want                 struct{ From, To time.Time }
		}
	}
	readCases(t, "panel-time.json", &file)
	zone, err := ParseZone(file.TimeZone)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		calendar := CalendarOf(caseDashboard(t, map[string]any{
			"weekStart": c.WeekStart, "fiscalYearStartMonth": c.FiscalYearStartMonth,
		}), zone)
		shown, err := ParseRange(c.Range.From, c.Range.To, file.Now, calendar)
		if err != nil {
			t.Fatal(err)
		}
		panel := document.Panel{JSON: document.Object{"timeFrom": c.TimeFrom, "timeShift": c.TimeShift}}
		got, err := panelRange(panel, Request{
			Range: shown, From: c.Range.From, To: c.Range.To, Now: file.Now, Calendar: calendar,
		})
		if (err != nil) != c.Refused {
			t.Errorf("%+v: error %v", c, err)
		}
		if err == nil && (!got.Range.From.Equal(c.Want.From) || !got.Range.To.Equal(c.Want.To)) {
			t.Errorf("%+v: %s to %s", c, got.Range.From, got.Range.To)
		}
	}
}

func TestPanelQueryCases(t *testing.T) {
	var file struct {
		Variables map[string]string
		Cases     []struct {
			Name                 string
			Panel                map[string]any
			Queries, ShowsAnyway bool
			Unsupported          string
		}
	}
	readCases(t, "panel-queries.json", &file)
	var variables []map[string]string
	for name, value := range file.Variables {
		variables = append(variables, map[string]string{"name": name, "type": "constant", "query": value})
	}
	for _, c := range file.Cases {
		c.Panel["id"] = 1
		d := caseDashboard(t, map[string]any{"templating": map[string]any{"list": variables}, "panels": []any{c.Panel}})
		panel := (&Engine{}).View(t.Context(), d, Request{}).Panels[0]
		why, _ := panel["unsupported"].(string)
		if queries := panel["queryable"] == true; queries != c.Queries {
			t.Errorf("%s: queries %v", c.Name, queries)
		}
		if (why != "") != (c.Unsupported != "") || !strings.Contains(why, c.Unsupported) {
			t.Errorf("%s: unsupported because of %q, want %q", c.Name, why, c.Unsupported)
		}
	}
}

// A panel's own times may be variables; the page is given what they stand for.
func TestPanelTimeOfVariables(t *testing.T) {
	d := caseDashboard(t, map[string]any{
		"templating": map[string]any{"list": []any{map[string]any{"name": "span", "type": "constant", "query": "2h"}}},
		"panels": []any{map[string]any{
			"id": 1, "type": "timeseries", "timeFrom": "$span", "timeShift": "${span}",
			"targets": []any{map[string]any{"refId": "A", "expr": "up"}},
		}},
	})
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	request := Request{Now: now}
	request.Range.From, request.Range.To = now.Add(-time.Hour), now
	e := &Engine{}
	shown := e.View(t.Context(), d, request).Panels[0]
	if shown["timeFrom"] != "2h" || shown["timeShift"] != "2h" {
		t.Errorf("the page is given timeFrom %v and timeShift %v", shown["timeFrom"], shown["timeShift"])
	}
	runs, err := e.targets(t.Context(), d, d.Panels()[0], request)
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d targets, %v", len(runs), err)
	}
	got := runs[0].request.Range
	if !got.From.Equal(now.Add(-4*time.Hour)) || !got.To.Equal(now.Add(-2*time.Hour)) {
		t.Errorf("asks from %s to %s", got.From, got.To)
	}
}
