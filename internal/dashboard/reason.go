package dashboard

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// newParser reads what Prometheus 3 reads.
func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// reason says why a target returned nothing, as far as looking at its
// selectors tells.
func (t *targetRun) reason(ctx context.Context) string {
	if len(t.sent) == 0 {
		return "the query returned nothing"
	}
	expr := t.sent[0].Expr
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return "the query returned nothing"
	}
	var selectors []*parser.VectorSelector
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			selectors = append(selectors, selector)
		}
		return nil
	})
	if len(selectors) == 0 {
		return "the query reads no metric"
	}
	for _, selector := range selectors {
		if why := t.engine.emptySelector(ctx, selector, t.request.Range); why != "" {
			return why
		}
	}
	return "every metric of the query has series, but what is done with them leaves nothing: check comparisons, joins and whether the range is long enough"
}

// emptySelector says why a selector selects nothing, or nothing if it does.
func (e *Engine) emptySelector(ctx context.Context, s *parser.VectorSelector, r TimeRange) string {
	if found, err := e.exists(ctx, s.LabelMatchers, r); err != nil || found {
		return ""
	}
	name := s.Name
	var others []*labels.Matcher
	for _, m := range s.LabelMatchers {
		if m.Name != model.MetricNameLabel {
			others = append(others, m)
			continue
		}
		name = m.Value
		if found, err := e.exists(ctx, []*labels.Matcher{m}, r); err == nil && !found {
			return fmt.Sprintf("no metric is named %s in this time range", name)
		}
	}
	for i, m := range others {
		rest := []*labels.Matcher{}
		for _, other := range s.LabelMatchers {
			if other != m {
				rest = append(rest, other)
			}
		}
		if found, err := e.exists(ctx, rest, r); err == nil && found {
			return fmt.Sprintf("%s has series, but none with %s", name, others[i])
		}
	}
	return fmt.Sprintf("%s has series, but none with %s", name, matcherText(others))
}

func (e *Engine) exists(ctx context.Context, matchers []*labels.Matcher, r TimeRange) (bool, error) {
	if len(matchers) == 0 {
		return true, nil
	}
	names, err := e.Prometheus.LabelNames(ctx, matcherText(matchers), r)
	return len(names) > 0, err
}

func matcherText(matchers []*labels.Matcher) string {
	texts := make([]string, len(matchers))
	for i, m := range matchers {
		texts[i] = m.String()
	}
	return "{" + strings.Join(texts, ", ") + "}"
}
