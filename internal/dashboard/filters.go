package dashboard

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

func unescapeFilter(text string) string { return strings.ReplaceAll(text, "__gfp__", "|") }

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

// parseFilter reads key|operator|value; the operators for several values have
// a | of their own, and so do the values.
func parseFilter(text string) (filter, bool) {
	key, rest, ok := strings.Cut(text, "|")
	if !ok || key == "" {
		return filter{}, false
	}
	for _, operator := range []string{"=|", "!=|"} {
		if list, found := strings.CutPrefix(rest, operator+"|"); found {
			values := strings.Split(list, "|")
			for i, value := range values {
				values[i] = regexp.QuoteMeta(unescapeFilter(value))
			}
			return filter{unescapeFilter(key), strings.TrimSuffix(operator, "|") + "~", strings.Join(values, "|")}, true
		}
	}
	operator, value, ok := strings.Cut(rest, "|")
	f := filter{unescapeFilter(key), operator, unescapeFilter(value)}
	f.operator = strings.Replace(f.operator, "=~", "~", 1)
	if f.operator == "~" {
		f.operator = "=~"
	}
	return f, ok
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
	for _, f := range filters {
		kind, known := map[string]labels.MatchType{"=": labels.MatchEqual, "!=": labels.MatchNotEqual, "=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp}[f.operator]
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
