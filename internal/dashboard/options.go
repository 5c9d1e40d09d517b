package dashboard

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/prometheus/prometheus/promql/parser"
)

const autoValue = "$__auto"

var (
	labelNamesCall  = regexp.MustCompile(`^\s*label_names\((.*)\)\s*$`)
	labelValuesCall = regexp.MustCompile(`(?s)^\s*label_values\((?:(.+),)?\s*("(?:[^"\\]|\\.)+"|[a-zA-Z_$\[][\w${}.:\[\]]*)\s*\)\s*$`)
	metricsCall     = regexp.MustCompile(`^\s*metrics\((.+)\)\s*$`)
	queryResultCall = regexp.MustCompile(`(?s)^\s*query_result\((.+)\)\s*$`)
)

// queryOptions runs a variable's query and makes options of what it finds.
func (e *Engine) queryOptions(ctx context.Context, v Variable, scope Scope, r TimeRange) ([]Option, error) {
	if ref := refOf(v.JSON["datasource"], Ref{}); !runs(ref, scope) {
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
	options, err := applyRegex(texts, scope.expand(v.JSON.text("regex"), formatRegexText), v.JSON.text("regexApplyTo"))
	if err != nil {
		return nil, err
	}
	sortOptions(options, v.JSON.integer("sort"))
	return options, nil
}

// whyNoOptions says why a variable's query finds nothing to choose from.
func (e *Engine) whyNoOptions(ctx context.Context, v Variable, scope Scope, r TimeRange) *Reason {
	query := strings.TrimSpace(scope.expand(v.Query(), formatPromQL))
	reason := Reason{Kind: NoQuery, Text: "the variable has no query"}
	if query == "" {
		return &reason
	}
	texts, err := e.find(ctx, query, r)
	if err == nil && len(texts) > 0 {
		return &Reason{Kind: Filtered, Text: fmt.Sprintf("the regular expression %s leaves none of the %d values", v.JSON.text("regex"), len(texts))}
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
func (e *Engine) whyNoValues(ctx context.Context, label, match string, r TimeRange) Reason {
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
	reason := Reason{Kind: NoLabel, Text: fmt.Sprintf("%s the label %s", of, label)}
	names, err := e.Prometheus.LabelNames(ctx, match, r)
	if err != nil {
		return reason
	}
	return reason.suggest(near(label, names))
}

func formatRegexText(name string, v Value) string { return formatAs("regex", name, v) }

// find runs one of the query functions of Grafana's Prometheus data source.
func (e *Engine) find(ctx context.Context, query string, r TimeRange) ([]string, error) {
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

func (e *Engine) metricNames(ctx context.Context, pattern string, r TimeRange) ([]string, error) {
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
func (e *Engine) queryResult(ctx context.Context, expr string, r TimeRange) ([]string, error) {
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
	for _, name := range sortedKeys(labels) {
		if name != "__name__" {
			pairs = append(pairs, name+`="`+labels[name]+`"`)
		}
	}
	return labels["__name__"] + "{" + strings.Join(pairs, ",") + "}"
}

// compile reads a regular expression as JavaScript has it: with slashes and
// flags, or plain. It may look ahead, which Go's own cannot, so its time is
// bounded.
func compile(text string) (*regexp2.Regexp, error) {
	pattern, options := text, regexp2.None
	if end := strings.LastIndexByte(text, '/'); len(text) > 1 && text[0] == '/' && end > 0 {
		pattern = strings.ReplaceAll(text[1:end], `\/`, `/`)
		for _, flag := range text[end+1:] {
			switch flag {
			case 'i':
				options |= regexp2.IgnoreCase
			case 'm':
				options |= regexp2.Multiline
			case 's':
				options |= regexp2.Singleline
			}
		}
	}
	compiled, err := regexp2.Compile(pattern, options)
	if err != nil {
		return nil, fmt.Errorf("regular expression %s: %w", text, err)
	}
	compiled.MatchTimeout = time.Second
	return compiled, nil
}

// applyRegex keeps the texts that match, and of them what the groups value
// and text name, or the first group.
func applyRegex(texts []string, pattern, applyTo string) ([]Option, error) {
	if pattern == "" {
		return distinct(plainOptions(texts)), nil
	}
	matcher, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	end := strings.LastIndexByte(pattern, '/')
	everywhere := pattern[0] == '/' && end > 0 && strings.Contains(pattern[end:], "g")
	var options []Option
	for _, text := range texts {
		match, err := matcher.FindStringMatch(text)
		for ; match != nil && err == nil; match, err = matcher.FindNextMatch(match) {
			option := optionOf(text, match)
			if applyTo == "text" {
				option.Value = text
			}
			options = append(options, option)
			if !everywhere {
				break
			}
		}
		if err != nil {
			return nil, fmt.Errorf("matching %s: %w", pattern, err)
		}
	}
	return distinct(options), nil
}

func optionOf(text string, match *regexp2.Match) Option {
	group := func(name string) string {
		if g := match.GroupByName(name); g != nil && len(g.Captures) > 0 {
			return g.String()
		}
		return ""
	}
	value, label := group("value"), group("text")
	switch {
	case value != "" && label != "":
		return Option{label, value}
	case value != "":
		return Option{value, value}
	case label != "":
		return Option{label, label}
	case match.GroupCount() > 1 && len(match.GroupByNumber(1).Captures) > 0:
		first := match.GroupByNumber(1).String()
		return Option{first, first}
	}
	return Option{text, text}
}

// distinct drops options without a value, and values that were there before.
func distinct(options []Option) []Option {
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(options, func(o Option) bool {
		again := seen[o.Value]
		seen[o.Value] = true
		return again
	})
}

// sortOptions sorts by text in one of Grafana's nine ways.
func sortOptions(options []Option, mode int) {
	var by func(a, b Option) int
	switch (mode + 1) / 2 {
	case 1:
		by = func(a, b Option) int { return cmp.Compare(a.Text, b.Text) }
	case 2:
		by = func(a, b Option) int { return cmp.Compare(firstNumber(a.Text), firstNumber(b.Text)) }
	case 3:
		by = func(a, b Option) int { return cmp.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)) }
	case 4:
		by = func(a, b Option) int { return naturally(a.Text, b.Text) }
	default:
		return
	}
	slices.SortStableFunc(options, by)
	if mode%2 == 0 {
		slices.Reverse(options)
	}
}

var digits = regexp.MustCompile(`\d+`)

func firstNumber(text string) float64 {
	n, err := strconv.ParseFloat(digits.FindString(text), 64)
	if err != nil {
		return -1
	}
	return n
}

// naturally compares numbers within texts as numbers: node-2 before node-10.
func naturally(a, b string) int {
	for a != "" && b != "" {
		numberA, numberB := digits.FindStringIndex(a), digits.FindStringIndex(b)
		if numberA != nil && numberB != nil && numberA[0] == 0 && numberB[0] == 0 {
			left, right := strings.TrimLeft(a[:numberA[1]], "0"), strings.TrimLeft(b[:numberB[1]], "0")
			if c := cmp.Or(cmp.Compare(len(left), len(right)), cmp.Compare(left, right)); c != 0 {
				return c
			}
			a, b = a[numberA[1]:], b[numberB[1]:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Or(cmp.Compare(strings.ToLower(a[:1]), strings.ToLower(b[:1])), cmp.Compare(a[0], b[0]))
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

var (
	customItem = regexp.MustCompile(`(?:\\,|[^,])+`)
	customPair = regexp.MustCompile(`^\s*(.+)\s:\s(.+)$`)
)

// customOptions reads "a, b, Text : value"; a comma of a value has a
// backslash. The other format is a JSON list of texts or of {text, value}.
func customOptions(query, format string) ([]Option, error) {
	if format == "json" {
		return jsonOptions(query)
	}
	var options []Option
	for _, item := range customItem.FindAllString(query, -1) {
		item = strings.TrimSpace(strings.ReplaceAll(item, `\,`, ","))
		if pair := customPair.FindStringSubmatch(item); pair != nil {
			options = append(options, Option{strings.TrimSpace(pair[1]), strings.TrimSpace(pair[2])})
		} else if item != "" {
			options = append(options, Option{item, item})
		}
	}
	return options, nil
}

func jsonOptions(query string) ([]Option, error) {
	var list []any
	if err := json.Unmarshal([]byte(query), &list); err != nil {
		return nil, fmt.Errorf("the values are no JSON list: %w", err)
	}
	var options []Option
	for _, item := range list {
		if object := asObject(item); object != nil {
			text := object.text("text")
			if text == "" {
				text = object.text("value")
			}
			options = append(options, Option{text, object.text("value")})
		} else if texts := asTexts(item); len(texts) == 1 {
			options = append(options, Option{texts[0], texts[0]})
		}
	}
	return options, nil
}

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'|[^,]+`)

func intervalOptions(v Variable) []Option {
	var options []Option
	if v.JSON.flag("auto") {
		options = append(options, Option{"auto", autoValue})
	}
	for _, item := range quoted.FindAllString(v.Query(), -1) {
		if item = strings.Trim(strings.TrimSpace(item), `"'`); item != "" {
			options = append(options, Option{item, item})
		}
	}
	return options
}

// datasourceOptions is the one data source there is, if the variable is for
// its type and its name fits.
func datasourceOptions(v Variable) ([]Option, error) {
	if v.Query() != prometheusType {
		return nil, &NotRunnableError{fmt.Sprintf("there is no data source of type %q here", v.Query())}
	}
	if pattern := v.JSON.text("regex"); pattern != "" {
		matcher, err := compile(pattern)
		if err != nil {
			return nil, err
		}
		if ok, err := matcher.MatchString(DatasourceName); err != nil || !ok {
			return nil, &NotRunnableError{fmt.Sprintf("no data source has a name that matches %s", pattern)}
		}
	}
	return []Option{{DatasourceName, DatasourceUID}}, nil
}
