package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Kinds of reasons for a query that returns nothing.
const (
	// NoMetric: no metric has the name that the query asks for.
	NoMetric = "no-metric"
	// NoSeries: the metric exists, but its series do not match.
	NoSeries = "no-series"
	// NoMatch: both sides of an operation have series, but no two that match.
	NoMatch = "no-match"
	// NoLabel: a label that the query groups or joins by is on no series.
	NoLabel = "no-label"
	// Filtered: a comparison, unless or absent leaves nothing.
	Filtered = "filtered"
	// ShortRange: a function needs more samples than its range has.
	ShortRange = "short-range"
	// Stale: there are series in the time range, but no samples where the
	// query looks.
	Stale = "stale"
	// NoNumber: there are series, but all values are NaN or infinite.
	NoNumber = "no-number"
	// NoVariable: the query names a variable that there is not.
	NoVariable = "no-variable"
	// NoQuery: the target asks for no metric.
	NoQuery = "no-query"
	// Unclear: none of these was found.
	Unclear = "unclear"
)

// Reason says why a query returned nothing.
type Reason struct {
	// Kind is one of the constants above.
	Kind string `json:"kind"`
	// Text says it to people.
	Text string `json:"reason"`
	// Near are the names or values that were probably meant.
	Near []string `json:"near,omitempty"`
}

func because(kind, format string, args ...any) Reason {
	return Reason{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// MissingInput tells that what the query reads is not there at all, so that
// no change of values can make it return something.
func (r Reason) MissingInput() bool {
	switch r.Kind {
	case NoMetric, NoSeries, NoLabel, NoQuery, NoVariable:
		return true
	}
	return false
}

func (r Reason) suggest(names []string) Reason {
	if len(names) > 0 {
		r.Near = names
		r.Text += "; there is " + enumerate(names)
	}
	return r
}

func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// newParser reads what Prometheus 3 reads.
func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// probe takes a query apart that returned nothing, over one time range.
type probe struct {
	engine *Engine
	r      prometheus.TimeRange
	// step is that of a range query; 0 is an instant query at the end.
	step time.Duration
}

// Explain says why a query returns nothing in a time range. A step of 0 means
// an instant query at its end.
func (e *Engine) Explain(ctx context.Context, expr string, r prometheus.TimeRange, step time.Duration) Reason {
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return Reason{Kind: Unclear, Text: "the query returned nothing"}
	}
	if left := Unresolved(expr); len(left) > 0 {
		return Reason{Kind: NoVariable, Text: "no variable is named " + enumerate(left)}
	}
	if len(Selectors(parsed)) == 0 {
		return Reason{Kind: NoQuery, Text: "the query reads no metric"}
	}
	return probe{e, r, step}.why(ctx, parsed)
}

// Unresolved are the variables that are still in a query that was sent: there
// are none of that name. References to the groups of a regular expression, $1
// or ${name}, are no variables.
func Unresolved(expr string) []string {
	return slices.DeleteFunc(document.References(expr), func(name string) bool {
		_, err := strconv.Atoi(name)
		return err == nil || strings.Contains(expr, "<"+name+">")
	})
}

// Selectors are all selectors of an expression.
func Selectors(expr parser.Node) []*parser.VectorSelector {
	var all []*parser.VectorSelector
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			all = append(all, selector)
		}
		return nil
	})
	return all
}

// why goes down to the part of an expression that is empty by itself.
func (x probe) why(ctx context.Context, expr parser.Expr) Reason {
	switch n := expr.(type) {
	case *parser.VectorSelector:
		return x.selector(ctx, n)
	case *parser.MatrixSelector:
		if s, ok := n.VectorSelector.(*parser.VectorSelector); ok {
			return x.selector(ctx, s)
		}
	case *parser.ParenExpr:
		return x.why(ctx, n.Expr)
	case *parser.UnaryExpr:
		return x.why(ctx, n.Expr)
	case *parser.StepInvariantExpr:
		return x.why(ctx, n.Expr)
	case *parser.SubqueryExpr:
		return x.why(ctx, n.Expr)
	case *parser.AggregateExpr:
		if !x.has(ctx, n.Expr) {
			return x.why(ctx, n.Expr)
		}
	case *parser.Call:
		return x.call(ctx, n)
	case *parser.BinaryExpr:
		return x.binary(ctx, n)
	}
	return unclear()
}

func unclear() Reason {
	return because(Unclear, "every metric of the query has series, but what is done with them leaves nothing: "+
		"check comparisons, joins and whether the range is long enough")
}

// has tells whether an expression returns series. What cannot be asked is
// taken as there: the reason is then looked for elsewhere.
func (x probe) has(ctx context.Context, expr parser.Expr) bool {
	switch expr.Type() {
	case parser.ValueTypeVector:
		answer, err := x.ask(ctx, "count("+expr.String()+")")
		return err != nil || len(answer.Series) > 0
	case parser.ValueTypeMatrix:
		answer, err := x.ask(ctx, "count(count_over_time("+expr.String()+"))")
		return err != nil || len(answer.Series) > 0
	}
	return true
}

// ask evaluates an expression where the query was evaluated.
func (x probe) ask(ctx context.Context, expr string) (prometheus.Answer, error) {
	if x.step == 0 {
		return x.engine.Prometheus.Query(ctx, expr, x.r.To)
	}
	return x.engine.Prometheus.QueryRange(ctx, expr, aligned(x.r, x.step), x.step)
}

// extreme is the largest value of an expression, nil if there is none.
func (x probe) extreme(ctx context.Context, aggregation, expr string) *float64 {
	answer, err := x.ask(ctx, aggregation+"("+expr+")")
	if err != nil {
		return nil
	}
	var found *float64
	for _, series := range answer.Series {
		for _, p := range series.Points {
			if found == nil || aggregation == "max" && p.V > *found || aggregation == "min" && p.V < *found {
				found = &p.V
			}
		}
	}
	return found
}

// NeedsTwoSamples tells that a function of PromQL needs two samples of a series.
func NeedsTwoSamples(function string) bool {
	switch function {
	case "rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing":
		return true
	}
	return false
}

func (x probe) call(ctx context.Context, n *parser.Call) Reason {
	absent := n.Func.Name == "absent" || n.Func.Name == "absent_over_time"
	for _, argument := range n.Args {
		if !absent && !x.has(ctx, argument) {
			return x.why(ctx, argument)
		}
	}
	switch {
	case absent:
		return because(Filtered, "%s returns something only when %s is not there, and it is", n.Func.Name, n.Args[0])
	case n.Func.Name == "histogram_quantile":
		return because(NoLabel, "histogram_quantile needs buckets with the label le, which no series of %s has", n.Args[1])
	case NeedsTwoSamples(n.Func.Name):
		return x.fewSamples(ctx, n)
	}
	return unclear()
}

// fewSamples is the reason of a function that saw too little of its series.
func (x probe) fewSamples(ctx context.Context, n *parser.Call) Reason {
	counted := x.extreme(ctx, "max", "count_over_time("+n.Args[0].String()+")")
	if counted == nil || *counted >= 2 {
		return unclear()
	}
	return because(ShortRange, "%s needs two samples of a series, and %s has at most %v: "+
		"series get a sample every %s, so the range should be %s or longer",
		n.Func.Name, n.Args[0], *counted, writeInterval(x.engine.ScrapeInterval), writeInterval(4*x.engine.ScrapeInterval))
}

// whyNoNumber is the reason of a query whose values are all NaN or infinite.
func (x probe) whyNoNumber(ctx context.Context, expr string) Reason {
	reason := Reason{Kind: NoNumber, Text: "all values are NaN or infinite"}
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return reason
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.BinaryExpr:
			if (n.Op == parser.DIV || n.Op == parser.MOD) && x.zero(ctx, n.RHS) {
				reason.Text = fmt.Sprintf("all values are NaN or infinite: %s divides by zero, %s is 0 everywhere", n, n.RHS)
			}
		case *parser.Call:
			if n.Func.Name == "histogram_quantile" && x.zero(ctx, n.Args[1]) {
				reason.Text = fmt.Sprintf("all values are NaN: the histogram has no observations in %s", n.Args[1])
			}
		}
		return nil
	})
	return reason
}

// zero tells that an expression is 0 wherever it has a value.
func (x probe) zero(ctx context.Context, expr parser.Expr) bool {
	text := expr.String()
	if expr.Type() == parser.ValueTypeScalar {
		text = "vector(" + text + ")"
	}
	largest := x.extreme(ctx, "max", "abs("+text+")")
	return largest != nil && *largest == 0
}
