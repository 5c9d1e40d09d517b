// Package check runs every query of dashboards and rules and says of each
// what came back: data, or why there is none. Its reports are what
// `diorama check` prints.
package check

import (
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/engine"
)

// Verdict is what one query said.
type Verdict string

// The verdicts of dashboards' queries.
const (
	// Data: there is something to show.
	Data Verdict = "data"
	// Empty: there is not; the reason says why.
	Empty Verdict = "empty"
	// Error: the query failed.
	Error Verdict = "error"
	// Constant: the query reads no metric.
	Constant Verdict = "constant"
	// Duplicate: several series are shown as one, because they differ only in
	// who reported them, or a join finds several where there may be one.
	Duplicate Verdict = "duplicate"
	// Skipped: what it asks is not Prometheus.
	Skipped Verdict = "skipped"
)

// Kinds of results.
const (
	KindTarget     = "target"
	KindVariable   = "variable"
	KindAnnotation = "annotation"
)

// Report is what a check found. Its JSON is documented in docs/check.md;
// fields are only ever added.
type Report struct {
	Taken      time.Time `json:"taken"`
	Prometheus string    `json:"prometheus"`
	// Interrupted tells that not everything was run.
	Interrupted bool    `json:"interrupted,omitempty"`
	Summary     Summary `json:"summary"`
	// Results are in the order of dashboards and pages.
	Results []Result     `json:"results"`
	Rules   []RuleResult `json:"rules"`
	// Stale are declarations of emptiness for what has data.
	Stale []Stale `json:"stale"`
	// Problems are files that could not be read, and dashboards that Grafana would
	// not take.
	Problems []string `json:"problems"`
	// PassedOver are the things in the folders that are neither dashboards nor rules.
	PassedOver []Passed `json:"passedOver,omitempty"`
	// Changes are those since an earlier report, if there is one.
	Changes []Change `json:"changes,omitempty"`
	// Metrics and Mutations are there if they were asked for.
	Metrics   *Metrics   `json:"metrics,omitempty"`
	Mutations *Mutations `json:"mutations,omitempty"`
}

// Summary counts results by verdict.
type Summary struct {
	Dashboards int `json:"dashboards"`
	Panels     int `json:"panels"`
	Targets    int `json:"targets"`
	Data       int `json:"data"`
	// Empty counts those that are not declared, Declared the others.
	Empty     int `json:"empty"`
	Error     int `json:"error"`
	Constant  int `json:"constant"`
	Declared  int `json:"declared"`
	Duplicate int `json:"duplicate"`
	Skipped   int `json:"skipped"`
	// Notes counts the results that have data and a note about it.
	Notes    int `json:"notes"`
	Stale    int `json:"stale"`
	Rules    int `json:"rules"`
	Problems int `json:"problems"`
	// Findings is how many results, rules and files fail the check.
	Findings int `json:"findings"`
}

// Result is what one target, variable or annotation said, for one choice of
// the variables' values.
type Result struct {
	Dashboard      string `json:"dashboard"`
	DashboardTitle string `json:"dashboardTitle"`
	File           string `json:"file"`
	// Part says where in the file the dashboard is, if it is one of several things.
	Part string `json:"part,omitempty"`
	// Panel is the id in the dashboard's JSON, 0 for variables and annotations.
	Panel      int    `json:"panel"`
	PanelTitle string `json:"panelTitle"`
	Kind       string `json:"kind"`
	// Name is the target's refId, or the variable's or annotation's name.
	Name string `json:"name"`
	// Choice names the values of the variables: All, one, or those of --each.
	Choice string `json:"choice"`
	// Scoped are the values that a repeated panel is shown for.
	Scoped  map[string]string `json:"scoped,omitempty"`
	Verdict Verdict           `json:"verdict"`
	// Why is there for all verdicts but data.
	Why *engine.Reason `json:"why,omitempty"`
	// Declared is the reason that someone has given for the emptiness.
	Declared string  `json:"declared,omitempty"`
	Notes    []Note  `json:"notes,omitempty"`
	Queries  []Query `json:"queries,omitempty"`
	// Last is the last value of the first series.
	Last *float64 `json:"last,omitempty"`

	// sourceTitle is PanelTitle with the variables not filled in, described
	// what the panel's description says of its emptiness.
	sourceTitle, described string
}

// Query is a query as it was sent, and how much it returned.
type Query struct {
	Expr   string `json:"expr"`
	Step   string `json:"step,omitempty"`
	Type   string `json:"type"`
	Took   string `json:"took"`
	Series int    `json:"series"`
	Points int    `json:"points"`
}

// Note is a doubt about a query that has data.
type Note struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func newNote(kind, format string, args ...any) Note {
	return Note{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// Stale is a declaration of emptiness for a panel or rule that has data, or
// that there is not.
type Stale struct {
	// Where is the place of the declaration: a file with its line, or a panel.
	Where  string `json:"where"`
	What   string `json:"what"`
	Reason string `json:"reason"`
	// Missing tells that the dashboard has no panel or variable of that name.
	Missing bool `json:"missing,omitempty"`
}

// text says what is stale of a declaration.
func (s Stale) text() string {
	if s.Missing {
		return fmt.Sprintf("%s is not there, but is declared: %s", s.What, s.Reason)
	}
	return fmt.Sprintf("%s has data, but is declared: %s", s.What, s.Reason)
}

// Fails tells that a result is a finding.
func (r Result) Fails() bool {
	return r.Verdict == Error || r.Verdict == Duplicate || r.Verdict == Empty && r.Declared == ""
}

// Findings is how many findings there are. strict counts notes, constants and
// stale declarations too.
func (r *Report) summarize(strict bool) {
	s := Summary{Stale: len(r.Stale), Rules: len(r.Rules), Problems: len(r.Problems), Findings: len(r.Problems)}
	dashboards, panels := map[string]bool{}, map[string]map[int]bool{}
	for _, result := range r.Results {
		if !dashboards[result.Dashboard] {
			dashboards[result.Dashboard], panels[result.Dashboard] = true, map[int]bool{}
		}
		if result.Kind == KindTarget {
			panels[result.Dashboard][result.Panel] = true
			s.Targets++
		}
		s.count(result)
		if result.Fails() || strict && (len(result.Notes) > 0 || result.Verdict == Constant) {
			s.Findings++
		}
	}
	s.Dashboards = len(dashboards)
	for _, ids := range panels {
		s.Panels += len(ids)
	}
	for _, rule := range r.Rules {
		if rule.Fails() {
			s.Findings++
		}
	}
	if strict {
		s.Findings += len(r.Stale)
	}
	r.Summary = s
}

func (s *Summary) count(r Result) {
	if len(r.Notes) > 0 {
		s.Notes++
	}
	switch {
	case r.Verdict == Empty && r.Declared != "":
		s.Declared++
	case r.Verdict == Empty:
		s.Empty++
	case r.Verdict == Data:
		s.Data++
	case r.Verdict == Error:
		s.Error++
	case r.Verdict == Constant:
		s.Constant++
	case r.Verdict == Duplicate:
		s.Duplicate++
	case r.Verdict == Skipped:
		s.Skipped++
	}
}
