package check

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
)

// Kinds of reasons in addition to those of package engine.
const (
	// NotPromQL: the query does not parse.
	NotPromQL = "not-promql"
	// ManyToOne: a join finds several series where there may be one.
	ManyToOne = "many-to-one"
	// SameName: several series are shown under one name.
	SameName = "same-name"
	// Refused: Prometheus does not evaluate the query.
	Refused = "refused"
	// TimedOut: Prometheus took too long.
	TimedOut = "timed-out"
	// Unreachable: Prometheus did not answer, or not as Prometheus does.
	Unreachable = "unreachable"
	// NotHere: a data source or expression that is not run here.
	NotHere = "not-here"
)

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// judge turns what a target returned into a verdict.
func (r *Result) judge(o engine.Outcome, target document.Target) {
	r.Name = o.RefID
	for _, q := range o.Queries {
		r.Queries = append(r.Queries, Query{q.Expr, q.Step, q.Type, q.Took, q.Series, q.Points})
	}
	switch {
	case o.Result.Error != "":
		r.fail(o.Result, target)
	case o.Empty != nil:
		r.Verdict, r.Why = Empty, o.Empty
	default:
		r.Verdict, r.Last = Data, last(o.Result.Frames)
		r.judgeData(o.Result.Frames, target)
	}
}

// judgeData finds what is wrong with a target that returned something.
func (r *Result) judgeData(frames data.Frames, target document.Target) {
	if parsed, err := newParser().ParseExpr(r.expr()); err == nil && len(engine.Selectors(parsed)) == 0 {
		r.Verdict = Constant
		r.Why = &engine.Reason{Kind: engine.NoQuery, Text: "the query reads no metric: it always shows the same"}
		return
	}
	if why := sameNames(frames, target.Legend()); why != nil {
		r.Verdict, r.Why = Duplicate, why
	}
}

func (r *Result) expr() string {
	if len(r.Queries) == 0 {
		return ""
	}
	return r.Queries[0].Expr
}

// fail names what kind of failure it was.
func (r *Result) fail(result engine.TargetResult, target document.Target) {
	why := engine.Reason{Kind: Refused, Text: result.Error}
	r.Verdict = Error
	expr := r.expr()
	_, wrong := newParser().ParseExpr(expr)
	left := engine.Unresolved(expr)
	switch {
	case result.Status == http.StatusNotImplemented && strings.TrimSpace(target.Expr()) == "" && target.Prometheus():
		r.Verdict, why.Kind = Empty, engine.NoQuery
	case result.Status == http.StatusNotImplemented:
		r.Verdict, why.Kind = Skipped, NotHere
	case result.Status == http.StatusGatewayTimeout:
		why.Kind = TimedOut
	case result.Status == http.StatusBadGateway:
		why.Kind = Unreachable
	case len(left) > 0:
		why.Kind = engine.NoVariable
		why.Text = "no variable is named " + strings.Join(left, ", ") + ": " + result.Error
	case wrong != nil && expr != "":
		why.Kind = NotPromQL
	case isManyToOne(result.Error):
		r.Verdict, why.Kind = Duplicate, ManyToOne
	}
	r.Why = &why
}

// isManyToOne knows what Prometheus says of joins that find several series.
func isManyToOne(message string) bool {
	return slices.ContainsFunc([]string{
		"many-to-many matching not allowed", "many-to-one matching must be explicit",
		"grouping labels must ensure unique matches", "cannot contain metrics with the same labelset",
	}, func(known string) bool { return strings.Contains(message, known) })
}

// last is the last value of the first series.
func last(frames data.Frames) *float64 {
	for _, frame := range frames {
		for _, field := range frame.Fields {
			if !field.Type().Numeric() || field.Len() == 0 {
				continue
			}
			v, err := field.NullableFloatAt(field.Len() - 1)
			if err == nil && v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) {
				return v
			}
		}
	}
	return nil
}

// instanceLabels say who reported a series, not what it is about.
func instanceLabels() []string {
	return []string{
		"instance", "job", "service_instance_id", "service_name", "host_name", "host_id",
		"otel_scope_name", "otel_scope_version", "receiver", "replica", "prometheus", "prometheus_replica",
	}
}

// sameNames finds series that a legend shows under one name though they differ
// only in who reported them.
func sameNames(frames data.Frames, legend string) *engine.Reason {
	if legend == "" || legend == "__auto" {
		return nil
	}
	first := map[string]data.Labels{}
	for _, frame := range frames {
		if len(frame.Fields) == 0 {
			continue
		}
		field := frame.Fields[len(frame.Fields)-1]
		if field.Config == nil || field.Labels == nil {
			continue
		}
		name := field.Config.DisplayNameFromDS
		before, seen := first[name]
		if !seen {
			first[name] = field.Labels
			continue
		}
		if labels := differing(before, field.Labels); onlyInstances(labels) {
			text := fmt.Sprintf("several series are shown as %q; they differ only in %s: "+
				"aggregate them, or show it in the legend", name, strings.Join(labels, ", "))
			return &engine.Reason{Kind: SameName, Text: text}
		}
	}
	return nil
}

func differing(a, b data.Labels) []string {
	var names []string
	for name, value := range a {
		if b[name] != value {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, there := a[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func onlyInstances(labels []string) bool {
	others := slices.DeleteFunc(slices.Clone(labels), func(name string) bool {
		return slices.Contains(instanceLabels(), name)
	})
	return len(labels) > 0 && len(others) == 0
}
