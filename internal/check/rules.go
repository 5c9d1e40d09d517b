package check

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// The verdicts of rules, in addition to Error. Recording rules that record something
// have Data.
const (
	// Fires: the alert was active for long enough in the time range.
	Fires Verdict = "fires"
	// Pending: it was active, but not for as long as it waits.
	Pending Verdict = "pending"
	// Silent: nothing to alert on, or to record.
	Silent Verdict = "silent"
	// EmptyInput: what the rule reads is not there: it never does anything.
	EmptyInput Verdict = "empty-input"
)

const (
	// ruleRange is how far back rules are evaluated.
	ruleRange = time.Hour
	// ruleStep is the interval of groups that have none.
	ruleStep = time.Minute
)

// RuleResult is what one rule said.
type RuleResult struct {
	File string `json:"file"`
	// Part says where in the file the rule is, if that is not the file.
	Part  string `json:"part,omitempty"`
	Group string `json:"group"`
	Name  string `json:"name"`
	// Type is alert or record.
	Type    string  `json:"type"`
	Expr    string  `json:"expr"`
	Verdict Verdict `json:"verdict"`
	// Now is how many series the rule has at this moment.
	Now      int            `json:"now"`
	Why      *engine.Reason `json:"why,omitempty"`
	Declared string         `json:"declared,omitempty"`
	Notes    []Note         `json:"notes,omitempty"`
}

// Fails tells that the rule is a finding.
func (r RuleResult) Fails() bool {
	return r.Verdict == Error || r.Verdict == EmptyInput && r.Declared == ""
}

// rules evaluates all rules, and looks at who uses what they record.
func (c *checker) rules(ctx context.Context) []RuleResult {
	results := []RuleResult{}
	used := c.metricsUsed()
	for _, file := range c.Rules {
		notes := file.Notes
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				if ctx.Err() != nil {
					return results
				}
				result := c.rule(ctx, rule, time.Duration(group.Interval))
				result.File, result.Part, result.Group = file.Name, file.Part, group.Name
				for _, text := range notes {
					result.Notes = append(result.Notes, newNote("foreign", "%s", text))
				}
				notes = nil // once for a file
				if ctx.Err() != nil {
					return results
				}
				if rule.Record != "" && len(c.Dashboards) > 0 && !used[rule.Record] {
					result.Notes = append(result.Notes,
						newNote("unused", "no dashboard and no rule of this check uses %s", rule.Record))
				}
				results = append(results, result)
			}
		}
	}
	return results
}

// rule evaluates one rule now and over the last hour.
func (c *checker) rule(ctx context.Context, rule rulefmt.Rule, every time.Duration) RuleResult {
	result := RuleResult{Name: rule.Alert, Type: "alert", Expr: rule.Expr, Verdict: Silent}
	if rule.Record != "" {
		result.Name, result.Type = rule.Record, "record"
	}
	if every == 0 {
		every = ruleStep
	}
	p := c.engine.Prometheus
	to := c.moment()
	r := prometheus.TimeRange{From: to.Add(-ruleRange), To: to}
	now, err := p.Query(ctx, rule.Expr, r.To)
	if err != nil {
		return result.failed(err)
	}
	over, err := p.QueryRange(ctx, rule.Expr, r, every)
	if err != nil {
		return result.failed(err)
	}
	result.Now = len(now.Series)
	switch {
	case len(over.Series) == 0 && len(now.Series) == 0:
		why := c.engine.Explain(ctx, rule.Expr, r, every)
		if why.Kind == engine.Stale { // or the series are younger than a step
			why = c.engine.Explain(ctx, rule.Expr, r, 0)
		}
		result.silent(why)
	case rule.Record != "":
		result.Verdict = Data
	case active(over, every) >= time.Duration(rule.For):
		result.Verdict = Fires
	default:
		result.Verdict = Pending
	}
	return result
}

func (r RuleResult) failed(err error) RuleResult {
	r.Verdict, r.Why = Error, &engine.Reason{Kind: Refused, Text: err.Error()}
	if isManyToOne(err.Error()) {
		r.Why.Kind = ManyToOne
	}
	return r
}

func (r *RuleResult) silent(why engine.Reason) {
	r.Why = &why
	if why.MissingInput() {
		r.Verdict = EmptyInput
	}
}

// active is the longest time that a series of a range query lasted without a gap.
func active(answer prometheus.Answer, step time.Duration) time.Duration {
	var longest time.Duration
	for _, series := range answer.Series {
		begin := int64(0)
		for i, p := range series.Points {
			if i == 0 || p.T-series.Points[i-1].T > step.Milliseconds() {
				begin = p.T
			}
			longest = max(longest, time.Duration(p.T-begin)*time.Millisecond)
		}
	}
	return longest
}

// metricsUsed are the metrics that dashboards and rules read.
func (c *checker) metricsUsed() map[string]bool {
	used := map[string]bool{}
	note := func(expr string) {
		for _, name := range metricNames(expr) {
			used[name] = true
		}
	}
	for _, d := range c.Dashboards {
		for _, p := range d.Panels() {
			for _, target := range p.Targets() {
				note(target.Expr())
			}
		}
		for _, v := range d.Variables() {
			note(v.Query())
		}
		for _, a := range d.AnnotationQueries() {
			for _, target := range a.Panel().Targets() {
				note(target.Expr())
			}
		}
	}
	for _, file := range c.Rules {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				note(rule.Expr)
			}
		}
	}
	return used
}

// recordedBy are the names that rules record.
func recordedBy(files []RuleFile) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				names[rule.Record] = true
			}
		}
	}
	delete(names, "")
	return names
}

// declareRules marks the rules that may read what is not there: all of a name,
// as an alert may be there once for each severity. A declaration is stale where
// none of them lacks its input.
func (r *Report) declareRules(d Declarations) {
	for _, e := range d.Rules {
		full, empty := 0, 0
		for i := range r.Rules {
			rule := &r.Rules[i]
			switch {
			case rule.Name != e.Rule || rule.Verdict == Error:
			case rule.Verdict == EmptyInput:
				rule.Declared = e.Reason
				empty++
			default:
				full++
			}
		}
		if full > 0 && empty == 0 {
			r.Stale = append(r.Stale, Stale{Where: e.where, What: "rule " + e.Rule, Reason: e.Reason})
		}
	}
}
