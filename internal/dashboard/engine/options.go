package engine

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

const autoValue = "$__auto"

var (
	labelNamesCall  = regexp.MustCompile(`^\s*label_names\((.*)\)\s*$`)
	labelValuesCall = regexp.MustCompile(
		`(?s)^\s*label_values\((?:(.+),)?\s*("(?:[^"\\]|\\.)+"|[a-zA-Z_$\[][\w${}.:\[\]]*)\s*\)\s*$`)
	metricsCall     = regexp.MustCompile(`^\s*metrics\((.+)\)\s*$`)
	queryResultCall = regexp.MustCompile(`(?s)^\s*query_result\((.+)\)\s*$`)
)

// queryOptions runs a variable's query and makes options of what it finds.
func (e *Engine) queryOptions(
	ctx context.Context, v document.Variable, scope Scope, r prometheus.TimeRange,
) ([]Option, error) {
	if ref := v.Datasource(); !runs(ref, scope) {
		return nil, &NotRunnableError{fmt.Sprintf("data source %s cannot be asked here", ref)}
	}
	query := strings.TrimSpace(scope.expand(v.Query(), formatPromQL))
	if query == "" {
		return nil, nil
	}
	texts, err := e.find(ctx, query, r)
	if err != nil {
		return nil, err
	}
	options, err := applyRegex(texts, scope.expand(v.JSON.Text("regex"), formatRegexText), v.JSON.Text("regexApplyTo"))
	if err != nil {
		return nil, err
	}
	sortOptions(options, v.JSON.Integer("sort"))
	return options, nil
}

// whyNoOptions says why a variable's query finds nothing to choose from.
func (e *Engine) whyNoOptions(ctx context.Context, v document.Variable, scope Scope, r prometheus.TimeRange) *Reason {
	query := strings.TrimSpace(scope.expand(v.Query(), formatPromQL))
	reason := Reason{Kind: NoQuery, Text: "the variable has no query"}
	if query == "" {
		return &reason
	}
	texts, err := e.find(ctx, query, r)
	if err == nil && len(texts) > 0 {
		reason = because(Filtered, "the regular expression %s leaves none of the %d values", v.JSON.Text("regex"),
			len(texts))
		return &reason
	}
	switch left := Unresolved(query); {
	case len(left) > 0:
		reason = Reason{Kind: NoVariable, Text: "no variable is named " + enumerate(left)}
	case labelValuesCall.MatchString(query):
		parts := labelValuesCall.FindStringSubmatch(query)
		reason = e.whyNoValues(ctx, parts[2], strings.TrimSpace(parts[1]), r)
	case queryResultCall.MatchString(query):
		reason = e.Explain(ctx, queryResultCall.FindStringSubmatch(query)[1], r, 0)
	default:
		reason = Reason{Kind: NoSeries, Text: query + " finds nothing"}
	}
	return &reason
}

// whyNoValues says why a label has no values: no series are selected, or they
// do not have it.
func (e *Engine) whyNoValues(ctx context.Context, label, match string, r prometheus.TimeRange) Reason {
	of := "no series has"
	if match != "" {
		parsed, err := newParser().ParseExpr(match)
		selector, ok := parsed.(*parser.VectorSelector)
		if err != nil || !ok {
			return Reason{Kind: NoSeries, Text: match + " finds nothing"}
		}
		if why, found := (probe{e, r, 0}).missing(ctx, selector); found {
			return why
		}
		of = "no series of " + match + " has"
	}
	reason := because(NoLabel, "%s the label %s", of, label)
	names, err := e.Prometheus.LabelNames(ctx, match, r)
	if err != nil {
		return reason
	}
	return reason.suggest(nearLabels(label, names))
}

func formatRegexText(name string, v Value) string { return formatAs("regex", name, v) }

// find runs one of the query functions of Grafana's Prometheus data source.
func (e *Engine) find(ctx context.Context, query string, r prometheus.TimeRange) ([]string, error) {
	if parts := labelNamesCall.FindStringSubmatch(query); parts != nil {
		return e.Prometheus.LabelNames(ctx, strings.TrimSpace(parts[1]), r)
	}
	if parts := labelValuesCall.FindStringSubmatch(query); parts != nil {
		label := parts[2]
		if unquoted, err := strconv.Unquote(label); err == nil {
			label = unquoted
		}
		return e.Prometheus.LabelValues(ctx, label, strings.TrimSpace(parts[1]), r)
	}
	if parts := metricsCall.FindStringSubmatch(query); parts != nil {
		return e.metricNames(ctx, parts[1], r)
	}
	if parts := queryResultCall.FindStringSubmatch(query); parts != nil {
		return e.queryResult(ctx, parts[1], r)
	}
	series, err := e.Prometheus.Series(ctx, query, r)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(series))
	for i, labels := range series {
		texts[i] = seriesText(labels)
	}
	return texts, nil
}

func (e *Engine) metricNames(ctx context.Context, pattern string, r prometheus.TimeRange) ([]string, error) {
	matcher, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	names, err := e.Prometheus.LabelValues(ctx, "__name__", "", r)
	if err != nil {
		return nil, err
	}
	var matching []string
	for _, name := range names {
		if ok, err := matcher.MatchString(name); err != nil {
			return nil, fmt.Errorf("matching %q: %w", pattern, err)
		} else if ok {
			matching = append(matching, name)
		}
	}
	return matching, nil
}

// queryResult writes each series of an answer as text: its labels, its value,
// its time.
func (e *Engine) queryResult(ctx context.Context, expr string, r prometheus.TimeRange) ([]string, error) {
	answer, err := e.Prometheus.Query(ctx, expr, r.To)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, series := range answer.Series {
		p := series.Points[len(series.Points)-1]
		value := strconv.FormatFloat(p.V, 'f', -1, 64)
		switch answer.Type {
		case "vector":
			texts = append(texts, fmt.Sprintf("%s %s %d", seriesText(series.Labels), value, p.T))
		case "string":
			texts = append(texts, answer.Text)
		default:
			texts = append(texts, value)
		}
	}
	return texts, nil
}

// seriesText writes labels as the texts that regular expressions of variables
// are written for: name{a="b",c="d"}.
func seriesText(labels map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			pairs = append(pairs, name+`="`+labels[name]+`"`)
		}
	}
	return labels["__name__"] + "{" + strings.Join(pairs, ",") + "}"
}
