package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// sampled is how many series of a side are looked at for the labels they have.
const sampled = 100

// binary says why an operation of two sides gives nothing.
func (x probe) binary(ctx context.Context, n *parser.BinaryExpr) Reason {
	left, right := x.has(ctx, n.LHS), x.has(ctx, n.RHS)
	switch {
	case n.Op == parser.LOR:
		return x.neither(ctx, n)
	case !left:
		return x.why(ctx, n.LHS)
	case n.Op == parser.LUNLESS:
		return because(Filtered, "unless leaves nothing: all of %s is there in %s too", n.LHS, n.RHS)
	case !right:
		return x.why(ctx, n.RHS)
	case n.VectorMatching == nil:
		return x.filtered(ctx, n)
	}
	if n.Op.IsComparisonOperator() {
		joined := *n
		joined.Op, joined.ReturnBool = parser.ADD, false
		if x.has(ctx, &joined) {
			return x.filtered(ctx, n)
		}
	}
	return x.unmatched(ctx, n)
}

// neither is the reason of an or: what is missing counts only if it is missing
// on both sides.
func (x probe) neither(ctx context.Context, n *parser.BinaryExpr) Reason {
	left, right := x.why(ctx, n.LHS), x.why(ctx, n.RHS)
	if left.Text == right.Text {
		return left
	}
	both := Reason{
		Kind: left.Kind, Text: left.Text + "; and on the other side of or: " + right.Text,
		Near: append(left.Near, right.Near...),
	}
	if left.MissingInput() {
		both.Kind = right.Kind
	}
	return both
}

// filtered is the reason of a comparison that holds for nothing.
func (x probe) filtered(ctx context.Context, n *parser.BinaryExpr) Reason {
	reason := because(Filtered, "the comparison %s holds for nothing", n)
	if n.LHS.Type() != parser.ValueTypeVector || n.VectorMatching != nil {
		return reason
	}
	least, largest := x.extreme(ctx, "min", n.LHS.String()), x.extreme(ctx, "max", n.LHS.String())
	if least != nil && largest != nil {
		reason.Text += fmt.Sprintf(": the values are from %.6g to %.6g", *least, *largest)
	}
	return reason
}

// side is one side of an operation.
type side struct {
	expr   parser.Expr
	labels []string
}

// unmatched says which labels keep the sides of an operation apart.
func (x probe) unmatched(ctx context.Context, n *parser.BinaryExpr) Reason {
	left := side{n.LHS, x.labelsOf(ctx, n.LHS)}
	right := side{n.RHS, x.labelsOf(ctx, n.RHS)}
	var differences []string
	kind := NoMatch
	names := matched(n.VectorMatching, left.labels, right.labels)
	for _, label := range names {
		onLeft, onRight := slices.Contains(left.labels, label), slices.Contains(right.labels, label)
		switch {
		case onLeft && onRight:
			if apart := x.apart(ctx, label, left, right); apart != "" {
				differences = append(differences, apart)
			}
		case onLeft:
			differences = append(differences, fmt.Sprintf("only the left side has the label %s", label))
		case onRight:
			differences = append(differences, fmt.Sprintf("only the right side has the label %s", label))
		case n.VectorMatching.On:
			// Where no side has it, it keeps nothing apart.
			continue
		}
	}
	text := fmt.Sprintf("both sides of %s have series, but no two match", n.Op)
	if len(differences) == 0 {
		differences = []string{"no pair agrees in all of the labels " + enumerate(names)}
	}
	return Reason{Kind: kind, Text: text + ": " + strings.Join(differences, "; ")}
}

// matched are the labels that a pair has to agree in.
func matched(m *parser.VectorMatching, left, right []string) []string {
	if m.On {
		return m.MatchingLabels
	}
	all := slices.Concat(left, right)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool {
		return name == model.MetricNameLabel || slices.Contains(m.MatchingLabels, name)
	})
}

// apart says that no value of a label is on both sides, or nothing.
func (x probe) apart(ctx context.Context, label string, left, right side) string {
	a, b := x.valuesOf(ctx, label, left.expr), x.valuesOf(ctx, label, right.expr)
	if len(a) == 0 || len(b) == 0 || overlap(a, b) {
		return ""
	}
	return fmt.Sprintf("%s is %s on the left and %s on the right", label, few(a), few(b))
}

// overlap tells that two lists have a text in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(text string) bool { return slices.Contains(b, text) })
}

func few(values []string) string {
	quoted := make([]string, 0, most)
	for _, value := range values[:min(len(values), most)] {
		quoted = append(quoted, fmt.Sprintf("%q", value))
	}
	if len(values) > most {
		quoted = append(quoted, "…")
	}
	return strings.Join(quoted, ", ")
}

func (x probe) labelsOf(ctx context.Context, expr parser.Expr) []string {
	answer, err := x.ask(ctx, fmt.Sprintf("topk(%d, %s)", sampled, expr))
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for _, series := range answer.Series {
		for name := range series.Labels {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (x probe) valuesOf(ctx context.Context, label string, expr parser.Expr) []string {
	answer, err := x.ask(ctx, fmt.Sprintf("count by (%s) (%s)", labelText(label), expr))
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for _, series := range answer.Series {
		found[series.Labels[label]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// labelText is a label as a query names it.
func labelText(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	return strconv.Quote(name)
}
