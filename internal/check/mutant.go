package check

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Query implements prometheus.API.
func (p mutant) Query(ctx context.Context, expr string, at time.Time) (prometheus.Answer, error) {
	answer, err := p.API.Query(ctx, p.rewrite(expr), at)
	return p.strip(answer), err
}

// QueryRange implements prometheus.API.
func (p mutant) QueryRange(
	ctx context.Context, expr string, r prometheus.TimeRange, step time.Duration,
) (prometheus.Answer, error) {
	answer, err := p.API.QueryRange(ctx, p.rewrite(expr), r, step)
	return p.strip(answer), err
}

// Series implements prometheus.API.
func (p mutant) Series(ctx context.Context, match string, r prometheus.TimeRange) ([]map[string]string, error) {
	all, err := p.API.Series(ctx, p.rewrite(match), r)
	all = slices.DeleteFunc(all,
		func(labels map[string]string) bool { return p.dropsMetric(labels[model.MetricNameLabel]) })
	for _, labels := range all {
		if p.m.Kind == DropLabel {
			delete(labels, p.m.Name)
		}
	}
	return all, err
}

// LabelNames implements prometheus.API.
func (p mutant) LabelNames(ctx context.Context, match string, r prometheus.TimeRange) ([]string, error) {
	names, err := p.API.LabelNames(ctx, p.rewrite(match), r)
	return slices.DeleteFunc(names, p.dropsLabel), err
}

// LabelValues implements prometheus.API.
func (p mutant) LabelValues(ctx context.Context, label, match string, r prometheus.TimeRange) ([]string, error) {
	if p.dropsLabel(label) {
		return nil, nil
	}
	values, err := p.API.LabelValues(ctx, label, p.rewrite(match), r)
	if label == model.MetricNameLabel {
		values = slices.DeleteFunc(values, p.dropsMetric)
	}
	return values, err
}

// rewrite asks for the same where something is missing. What does not parse is
// refused by Prometheus as it is.
func (p mutant) rewrite(expr string) string {
	if expr == "" {
		return ""
	}
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return expr
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch e := node.(type) {
		case *parser.VectorSelector:
			p.selector(e)
		case *parser.AggregateExpr:
			if p.m.Kind == DropLabel && !e.Without {
				e.Grouping = slices.DeleteFunc(e.Grouping, p.dropsLabel)
			}
		case *parser.BinaryExpr:
			if m := e.VectorMatching; m != nil && p.m.Kind == DropLabel && m.On {
				m.MatchingLabels = slices.DeleteFunc(m.MatchingLabels, p.dropsLabel)
			}
		}
		return nil
	})
	return parsed.String()
}

// selector selects what it would if the metric or label were not there: a
// label that is not there is an empty one.
func (p mutant) selector(s *parser.VectorSelector) {
	if p.m.Kind == DropMetric {
		p.metric(s)
		return
	}
	var kept []*labels.Matcher
	for _, m := range s.LabelMatchers {
		switch {
		case !p.dropsLabel(m.Name):
			kept = append(kept, m)
		case !m.Matches(""):
			kept = append(kept, labels.MustNewMatcher(labels.MatchEqual, p.m.Name, impossible))
		}
	}
	s.LabelMatchers = kept
}

// metric keeps a selector from selecting the metric that is dropped.
func (p mutant) metric(s *parser.VectorSelector) {
	kind, name := labels.MatchNotEqual, p.m.Name
	if metricOf(s) == p.m.Name {
		kind, name = labels.MatchEqual, impossible
		s.Name = ""
		s.LabelMatchers = slices.DeleteFunc(s.LabelMatchers,
			func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })
	} else if metricOf(s) != "" {
		return
	}
	s.LabelMatchers = append(s.LabelMatchers, labels.MustNewMatcher(kind, model.MetricNameLabel, name))
}

// strip takes the label off the series of an answer.
func (p mutant) strip(answer prometheus.Answer) prometheus.Answer {
	if p.m.Kind == DropLabel {
		for _, series := range answer.Series {
			delete(series.Labels, p.m.Name)
		}
	}
	return answer
}
