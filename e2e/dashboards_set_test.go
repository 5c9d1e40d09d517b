//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/check"
)

// mayBeEmpty names the panels that need not have data when one value of a
// variable is chosen, by dashboard, with the reason: those that are declared.
// With all values, none may be empty.
func mayBeEmpty(t *testing.T) map[string]map[string]string {
	t.Helper()
	declared, err := check.ParseDeclarations(check.DeclarationsFile, dashboards.Declarations)
	if err != nil {
		t.Fatal(err)
	}
	excused := map[string]map[string]string{}
	for _, d := range declared.For(v1alpha1.Embedded).MayBeEmpty {
		if d.Choice != check.One {
			t.Errorf("%s: %v may be empty for all values", d.Dashboard, d.Panels)
		}
		excused[d.Dashboard] = map[string]string{}
		for _, panel := range d.Panels {
			excused[d.Dashboard][panel] = d.Reason
		}
	}
	return excused
}

// TestDashboards runs every panel that comes with diorama as the page does,
// with all values of the variables and with one, and looks at the rules that
// the backend has loaded.
func TestDashboards(t *testing.T) {
	l := newLab(t)
	up := l.command(binary(t, "DIORAMA_BINARY"), "up", "--name", "shown", "--ports", "auto")
	if up.err != nil {
		t.Fatalf("up: %v\n%s", up.err, up.stderr)
	}
	endpoints := l.status("--name", "shown").Endpoints
	if !strings.Contains(up.stderr, "Dashboards  "+endpoints.Dashboards) {
		t.Errorf("up does not end with the link %s:\n%s", endpoints.Dashboards, up.stderr)
	}
	var found []struct{ UID string }
	if err := getJSON(endpoints.Dashboards+"/api/search", &found); err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(dashboards.FS, "json/*.json")
	if err != nil || len(files) == 0 || len(found) != len(files) {
		t.Fatalf("%d of %d dashboards are served: %v", len(found), len(files), err)
	}
	for _, d := range found {
		t.Run(d.UID, func(t *testing.T) {
			p := page{address: endpoints.Dashboards + "/api/diorama/v1/dashboards/" + d.UID, uid: d.UID}
			p.check(t, true)
			p.check(t, false)
		})
	}
	t.Run("surroundings", func(t *testing.T) { checkSurroundings(t, endpoints.Dashboards) })
	t.Run("rules", func(t *testing.T) { checkRules(t, endpoints.Prometheus) })
	t.Run("check", func(t *testing.T) { checkShipped(t, l, endpoints.Prometheus) })
	t.Run("no series for each pod of the collectors' own", func(t *testing.T) {
		got, err := count(endpoints.Prometheus, `otelcol_k8s_pod_association_total{pod_identifier!=""}`)
		if err != nil || got > 0 {
			t.Errorf("there are %d, %v", got, err)
		}
	})
}

// checkSurroundings asks for what the page shows alongside dashboards.
func checkSurroundings(t *testing.T, base string) {
	var cluster struct {
		Nodes   []struct{ Pods []struct{ Name string } }
		Pending []any
	}
	if err := getJSON(base+"/api/diorama/v1/cluster", &cluster); err != nil {
		t.Fatal(err)
	}
	pods := 0
	for _, node := range cluster.Nodes {
		pods += len(node.Pods)
	}
	if len(cluster.Nodes) != 50 || pods < 200 {
		t.Errorf("%d nodes with %d pods", len(cluster.Nodes), pods)
	}
	var status status
	err := getJSON(base+"/api/diorama/v1/status", &status)
	if err != nil || status.Name != "shown" || status.Endpoints.Dashboards != base {
		t.Errorf("status %+v, %v", status, err)
	}
	var events struct{ Events []any }
	if err := getJSON(base+"/api/diorama/v1/events?kind=Pod&limit=10", &events); err != nil || len(events.Events) != 10 {
		t.Errorf("%d events, %v", len(events.Events), err)
	}
	var annotations []struct{ Tags []string }
	const query = "/api/annotations?from=now-1h&to=now&tags=Pod&tags=Scheduled&limit=5"
	if err := getJSON(base+query, &annotations); err != nil || len(annotations) != 5 {
		t.Errorf("%v, %v", annotations, err)
	}
}

// page asks of one dashboard what the page asks.
type page struct{ address, uid string }

func (p page) post(path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := http.Post(p.address+path, "application/json", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(response.Body)
		return fmt.Errorf("%s answers %s: %s %w", path, response.Status, text, err)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// chosen are the values of variables.
type chosen map[string][]string

type pageVariable struct {
	Name, Type, Error string
	IncludeAll        bool
	Current           struct{ Value []string }
	Options           []struct{ Value string }
}

type pagePanel struct {
	SourceID           int
	Title, Unsupported string
	Queryable          bool
	ScopedVars         any
}

// check waits until every target of every panel has data: a rate needs two
// samples.
func (p page) check(t *testing.T, all bool) {
	values := p.values(t, all)
	request := map[string]any{"variables": values, "from": "now-10m", "to": "now", "maxDataPoints": 300}
	var view struct{ Panels []pagePanel }
	if err := p.post("/panels", request, &view); err != nil {
		t.Fatal(err)
	}
	mayBeEmpty, queried := mayBeEmpty(t)[p.uid], 0
	for _, panel := range view.Panels {
		if panel.Unsupported != "" {
			t.Errorf("%s cannot be run: %s", panel.Title, panel.Unsupported)
		}
		if !panel.Queryable {
			continue
		}
		queried++
		_, excused := mayBeEmpty[panel.Title]
		eventually(t, fmt.Sprintf("%s with %v", panel.Title, values), func() error {
			return p.run(panel, request, excused && !all)
		})
	}
	if queried == 0 {
		t.Error("no panel can be queried")
	}
}

// run asks for the data of a panel: an error, or no number in any frame, is
// one.
func (p page) run(panel pagePanel, request map[string]any, mayBeEmpty bool) error {
	request["scopedVars"] = panel.ScopedVars
	var answer struct {
		Results map[string]struct {
			Error  string
			Frames []frame
		}
		Queries []struct{ Expr string }
	}
	if err := p.post(fmt.Sprintf("/panels/%d/query", panel.SourceID), request, &answer); err != nil {
		return err
	}
	if len(answer.Results) == 0 {
		return errors.New("no target was run")
	}
	for ref, result := range answer.Results {
		if result.Error != "" {
			return fmt.Errorf("%s: %s", ref, result.Error)
		}
		if !mayBeEmpty && !slices.ContainsFunc(result.Frames, frame.hasNumbers) {
			return fmt.Errorf("%s has no numbers in %d frames: %v", ref, len(result.Frames), answer.Queries)
		}
	}
	return nil
}

// frame is what this test reads of a data frame.
type frame struct {
	Schema struct{ Fields []struct{ Type string } }
	Data   struct{ Values [][]any }
}

func (f frame) hasNumbers() bool {
	for i, field := range f.Schema.Fields {
		if field.Type == "number" && slices.ContainsFunc(f.Data.Values[i], func(v any) bool { return v != nil }) {
			return true
		}
	}
	return false
}

// values chooses a value for each variable, in order: later ones depend on
// earlier ones.
func (p page) values(t *testing.T, all bool) chosen {
	values := chosen{}
	for i := 0; ; i++ {
		var v pageVariable
		done := false
		eventually(t, "the variables", func() error {
			var answer struct{ Variables []pageVariable }
			if err := p.post("/variables", map[string]any{"variables": values}, &answer); err != nil {
				return err
			}
			if done = i == len(answer.Variables); done {
				return nil
			}
			v = answer.Variables[i]
			if v.Error != "" || v.Type == "query" && len(v.Options) == 0 {
				return fmt.Errorf("no values for %s: %s", v.Name, v.Error)
			}
			return nil
		})
		if done {
			return values
		}
		values[v.Name] = v.choose(all)
	}
}

// choose returns All, or one value: what a dashboard opens on, else a
// namespace that has pods, else the first.
func (v pageVariable) choose(all bool) []string {
	if all && v.IncludeAll {
		return []string{"$__all"}
	}
	value := v.Current.Value
	for _, o := range v.Options {
		if o.Value == "shop" && (len(value) == 0 || value[0] == "$__all") {
			return []string{"shop"}
		}
	}
	if len(value) == 1 && value[0] != "$__all" {
		return value
	}
	return []string{v.Options[1].Value} // the first one is All
}

// checkRules asks the backend whether all shipped rules are evaluated without
// error, and for what the recording rules record.
func checkRules(t *testing.T, base string) {
	var answer struct {
		Data struct {
			Groups []struct {
				Name  string
				Rules []struct{ Name, Type, Health, LastError string }
			}
		}
	}
	recording, alerting := 0, 0
	eventually(t, "the rules", func() error {
		if err := getJSON(base+"/api/v1/rules", &answer); err != nil {
			return err
		}
		recording, alerting = 0, 0
		for _, group := range answer.Data.Groups {
			for _, rule := range group.Rules {
				if rule.Health != "ok" {
					return fmt.Errorf("rule %s is %s: %s", rule.Name, rule.Health, rule.LastError)
				}
				if rule.Type == "recording" {
					recording++
				} else {
					alerting++
				}
			}
		}
		return nil
	})
	if recording == 0 || alerting == 0 {
		t.Fatalf("%d recording rules and %d alerts are loaded", recording, alerting)
	}
	for _, group := range answer.Data.Groups {
		for _, rule := range group.Rules {
			if rule.Type == "recording" {
				eventually(t, rule.Name, func() error {
					n, err := count(base, rule.Name+" == "+rule.Name) // NaN is not
					if err == nil && n == 0 {
						err = errors.New("no numbers")
					}
					return err
				})
			}
		}
	}
}
