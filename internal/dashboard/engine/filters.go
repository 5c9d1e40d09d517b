package engine

import (
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// filter is one filter of an ad hoc variable.
type filter struct{ key, operator, value string }

// escapeFilter and unescapeFilter keep | out of the parts of a filter, as
// Grafana's URLs do.
func escapeFilter(text string) string { return strings.ReplaceAll(text, "|", "__gfp__") }

func unescapeFilter(text string) string {
	return strings.NewReplacer("__gfp__", "|", "__gfc__", ",").Replace(text)
}

func filtersOf(variables []Resolved) []filter {
	var all []filter
	for _, v := range variables {
		if v.Type != "adhoc" {
			continue
		}
		for _, text := range v.Current.Value {
			if f, ok := parseFilter(text); ok {
				all = append(all, f)
			}
		}
	}
	return all
}

// parseFilter reads key|operator|value. The operators for one of several
// values (=| and !=|, whose | is escaped too) have further values behind it.
func parseFilter(text string) (filter, bool) {
	parts := strings.Split(text, "|")
	if len(parts) < 3 || parts[0] == "" {
		return filter{}, false
	}
	for i := range parts {
		parts[i] = unescapeFilter(parts[i])
	}
	key, operator, values := parts[0], parts[1], parts[2:]
	switch operator {
	case "=|", "!=|":
		quoted := joinMapped(values, "|", regexp.QuoteMeta)
		return filter{key, map[string]string{"=|": "=~", "!=|": "!~"}[operator], quoted}, true
	}
	return filter{key, operator, strings.Join(values, "|")}, true
}

// withFilters adds filters to every selector of a query. A query that does
// not parse stays as it is: Prometheus says what is wrong with it.
func (e *Engine) withFilters(expr string, filters []filter) string {
	if len(filters) == 0 {
		return expr
	}
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return expr
	}
	var matchers []*labels.Matcher
	matchTypes := map[string]labels.MatchType{
		"=": labels.MatchEqual, "!=": labels.MatchNotEqual, "=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp,
	}
	for _, f := range filters {
		kind, known := matchTypes[f.operator]
		if !known {
			continue
		}
		if matcher, err := labels.NewMatcher(kind, f.key, f.value); err == nil {
			matchers = append(matchers, matcher)
		}
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			selector.LabelMatchers = append(selector.LabelMatchers, matchers...)
		}
		return nil
	})
	return parsed.String()
}
