package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// selector says why a selector selects nothing.
func (x probe) selector(ctx context.Context, s *parser.VectorSelector) Reason {
	if why, found := x.missing(ctx, s); found {
		return why
	}
	name := selectorName(s)
	if s.OriginalOffset != 0 || s.Timestamp != nil || s.StartOrEnd != 0 {
		return because(Stale, "%s has series in this time range, but no samples where offset or @ looks", name)
	}
	return because(Stale, "%s has series in this time range, but no samples at the times that are asked for: "+
		"these began later, ended before, or are further apart than the query looks back", name)
}

// missing finds out that a selector matches no series at all.
func (x probe) missing(ctx context.Context, s *parser.VectorSelector) (Reason, bool) {
	if found, err := x.exists(ctx, s.LabelMatchers); err != nil || found {
		return Reason{}, false
	}
	var names, others []*labels.Matcher
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			names = append(names, m)
		} else {
			others = append(others, m)
		}
	}
	name := selectorName(s)
	if found, err := x.exists(ctx, names); err == nil && !found {
		return x.noMetric(ctx, name), true
	}
	for _, m := range others {
		if found, err := x.exists(ctx, append(slices.Clone(names), m)); err == nil && !found {
			return x.noSeries(ctx, name, names, m), true
		}
	}
	for _, m := range others {
		rest := slices.DeleteFunc(slices.Clone(s.LabelMatchers), func(other *labels.Matcher) bool { return other == m })
		if found, err := x.exists(ctx, rest); err == nil && found {
			text := fmt.Sprintf("%s has series, but none with %s together with the other labels asked for", name, m)
			return Reason{Kind: NoSeries, Text: text}.suggest(x.values(ctx, m, rest)), true
		}
	}
	return because(NoSeries, "%s has series, but none with %s", name, matcherText(others)), true
}

func selectorName(s *parser.VectorSelector) string {
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type != labels.MatchEqual {
			return "the metric with " + m.String()
		}
		if m.Name == model.MetricNameLabel {
			return m.Value
		}
	}
	if s.Name == "" {
		return "the selector " + s.String()
	}
	return s.Name
}

func (x probe) noMetric(ctx context.Context, name string) Reason {
	reason := because(NoMetric, "no metric is named %s in this time range", name)
	if strings.Contains(name, ":") {
		reason.Text += ": it has the name of a recording rule, and none records it"
	}
	all, err := x.engine.Prometheus.LabelValues(ctx, model.MetricNameLabel, "", x.r)
	if err != nil {
		return reason
	}
	return reason.suggest(near(name, all))
}

// noSeries is the reason where one matcher excludes all series of a metric.
func (x probe) noSeries(ctx context.Context, name string, names []*labels.Matcher, m *labels.Matcher) Reason {
	reason := because(NoSeries, "%s has series, but none with %s", name, m)
	known, err := x.engine.Prometheus.LabelNames(ctx, textOrEmpty(names), x.r)
	if err == nil && !slices.Contains(known, m.Name) {
		reason.Text += fmt.Sprintf(": they have no label %s", m.Name)
		return reason.suggest(nearLabels(m.Name, known))
	}
	values, err := x.engine.Prometheus.LabelValues(ctx, m.Name, textOrEmpty(names), x.r)
	if err != nil {
		return reason
	}
	switch parts := strings.FieldsFunc(m.Value, func(r rune) bool { return strings.ContainsRune("|,(){}", r) }); {
	case m.Type == labels.MatchRegexp && slices.Contains(values, m.Value):
		reason.Text += ": that is the text of a value, not a regular expression for it: escape it"
		return reason
	case m.Type == labels.MatchEqual && len(parts) > 1 && overlap(parts, values):
		reason.Text += ": several values need =~ and the format that separates them by |"
		return reason
	}
	return reason.suggest(nearOrFirst(m.Value, values))
}

// values are those that a label has where all other matchers hold.
func (x probe) values(ctx context.Context, m *labels.Matcher, rest []*labels.Matcher) []string {
	values, err := x.engine.Prometheus.LabelValues(ctx, m.Name, textOrEmpty(rest), x.r)
	if err != nil {
		return nil
	}
	return nearOrFirst(m.Value, values)
}

// nearOrFirst are the near values, else the only ones there are.
func nearOrFirst(value string, values []string) []string {
	if found := near(value, values); len(found) > 0 || len(values) > most {
		return found
	}
	return values
}

func (x probe) exists(ctx context.Context, matchers []*labels.Matcher) (bool, error) {
	if len(matchers) == 0 {
		return true, nil
	}
	names, err := x.engine.Prometheus.LabelNames(ctx, matcherText(matchers), x.r)
	return len(names) > 0, err
}

func textOrEmpty(matchers []*labels.Matcher) string {
	if len(matchers) == 0 {
		return ""
	}
	return matcherText(matchers)
}

func matcherText(matchers []*labels.Matcher) string {
	texts := make([]string, len(matchers))
	for i, m := range matchers {
		texts[i] = m.String()
	}
	return "{" + strings.Join(texts, ", ") + "}"
}
