package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/backend/backendtest"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

func variableSeries() []backendtest.Series {
	var all []backendtest.Series
	for _, labels := range []map[string]string{
		{"cluster": "one", "namespace": "shop", "pod": "web-10"}, {"cluster": "one", "namespace": "shop", "pod": "web-9"},
		{"cluster": "one", "namespace": "batch", "pod": "job-1"},
		{"cluster": "two", "namespace": "Other", "pod": "x.y|z\"\\"},
	} {
		all = append(all, constant("pod_up", labels))
	}
	return append(all, constant("node_up", map[string]string{"node": "n1"}),
		constant("node_load", map[string]string{"node": "n1"}))
}

// withVariables is a dashboard with variables and one panel with an expression.
func withVariables(t *testing.T, expr string, variables ...string) *document.Dashboard {
	t.Helper()
	return parse(t, fmt.Sprintf(`{"uid":"v","title":"V","templating":{"list":[%s]},"panels":[{"id":1,`+
		`"type":"timeseries","targets":[{"refId":"A","expr":%q}]}]}`,
		strings.Join(variables, ","), expr))
}

func optionTexts(v Resolved) string {
	var all []string
	for _, o := range v.Options {
		if o.Text == o.Value {
			all = append(all, o.Text)
		} else {
			all = append(all, o.Text+"="+o.Value)
		}
	}
	return strings.Join(all, " ")
}

// The kinds of variables, and the options that each finds.
func TestVariableOptions(t *testing.T) {
	e := newEngine(t, variableSeries()...)
	for _, c := range []struct{ definition, options string }{
		{`"type":"query","query":"label_values(pod_up, namespace)"`, "Other batch shop"},
		{`"type":"query","query":"label_values(pod_up{cluster=\"one\"}, namespace)"`, "batch shop"},
		{`"type":"query","query":"label_values(node)"`, "n1"},
		{`"type":"query","query":{"query":"label_values(pod_up, cluster)","refId":"A"}`, "one two"},
		{`"type":"query","query":{"qryType":1,"metric":"pod_up","label":"cluster"}`, "one two"},
		{`"type":"query","query":"label_names(node_up)"`, "__name__ node"},
		{`"type":"query","query":"label_names()"`, "__name__ cluster namespace node pod"},
		{`"type":"query","query":"metrics(node_.*)"`, "node_load node_up"},
		{`"type":"query","query":"query_result(sum by (cluster) (pod_up))"`,
			`{cluster="one"} 3 1767322920000 {cluster="two"} 1 1767322920000`},
		{`"type":"query","query":"query_result(scalar(sum(pod_up)))"`, "4"},
		{`"type":"query","query":"node_up"`, `node_up{node="n1"}`},
		{`"type":"query","query":"{__name__=~\"node_.*\"}","sort":1`, `node_load{node="n1"} node_up{node="n1"}`},
		{`"type":"query","query":"query_result(sum by (cluster) (pod_up))","regex":"/cluster=\"(.*?)\"/"`, "one two"},
		{`"type":"query","query":"node_up","regex":"/(?<text>node_\\w+)\\{node=\"(?<value>[^\"]+)/"`, "node_up=n1"},
		{`"type":"query","query":"label_values(pod_up, namespace)","regex":"^[a-z]+$"`, "batch shop"},
		{`"type":"query","query":"label_values(pod_up, namespace)","regex":"/^o/i"`, "Other"},
		{`"type":"query","query":"label_values(pod_up, namespace)","regex":"/^(?!shop)/"`, "Other batch"},
		{`"type":"query","query":"label_values(pod_up, pod)","regex":"/-/","sort":1`, "job-1 web-10 web-9"},
		{`"type":"query","query":"label_values(pod_up, pod)","regex":"/-/","sort":2`, "web-9 web-10 job-1"},
		{`"type":"query","query":"label_values(pod_up, pod)","regex":"/-/","sort":3`, "job-1 web-9 web-10"},
		{`"type":"query","query":"label_values(pod_up, pod)","regex":"/-/","sort":4`, "web-10 web-9 job-1"},
		{`"type":"query","query":"label_values(pod_up, namespace)","sort":5`, "batch Other shop"},
		{`"type":"query","query":"label_values(pod_up, namespace)","sort":6`, "shop Other batch"},
		{`"type":"query","query":"label_values(pod_up, pod)","regex":"/-/","sort":7`, "job-1 web-9 web-10"},
		{`"type":"query","query":"label_values(pod_up, pod)","regex":"/-/","sort":8`, "web-10 web-9 job-1"},
		{`"type":"query","query":"label_values(pod_up, cluster)","includeAll":true`, "All=$__all one two"},
		{`"type":"custom","query":"a, b\\,c, Text : value"`, "a b,c Text=value"},
		{`"type":"custom","query":"None :  , By pod : \\,pod"`, "None= By pod=,pod"},
		{`"type":"custom","query":"a, ,b"`, "a  b"},
		{`"type":"query","query":{"label":"cluster","metric":"pod_up"}`, "one two"},
		{`"type":"query","query":{"label":"cluster"}`, "one two"},
		{`"type":"query","query":"node_up","regex":"/(?<text>node_\\w+)|node=\"(?<value>[^\"]+)/g"`, "node_up=n1"},
		{`"type":"query","query":"node_up","regex":"/\"(?<value>\\w+)|(?<text>node_\\w+)/g"`, "node_up=n1"},
		{`"type":"query","query":"label_values(pod_up, namespace)","regex":"/shop(.*)|batch/"`, ""},
		{`"type":"query","query":"label_values(pod_up, cluster)","regex":"/([a-z])/g"`, "o n e t w"},
		{`"type":"custom","valuesFormat":"json","query":"[\"a\",{\"text\":\"B\",\"value\":\"b\"}]"`, "a B=b"},
		{`"type":"constant","query":"c"`, "c"},
		{`"type":"interval","query":"1m,10m,\"1 h\"","auto":true`, "auto=$__auto 1m 10m 1 h"},
		{`"type":"datasource","query":"prometheus"`, "Prometheus=prometheus"},
		{`"type":"switch"`, "true false"},
		{`"type":"switch","enabledValue":"1","disabledValue":"0"`, "1 0"},
		{`"type":"switch","options":[{"text":"on","value":"on"},{"text":"","value":""}]`, "on "},
		{`"type":"textbox","query":"x"`, ""},
		{`"type":"adhoc"`, ""},
	} {
		v := e.Variables(t.Context(), withVariables(t, "up", `{"name":"v",`+c.definition+`}`), Request{Range: shown})[0]
		if got := optionTexts(v); got != c.options || v.Error != "" {
			t.Errorf("%s: %s, want %s; error %q", c.definition, got, c.options, v.Error)
		}
	}
}

// A variable that cannot be resolved says so, and the others still are.
func TestVariableErrors(t *testing.T) {
	e := newEngine(t, variableSeries()...)
	for definition, part := range map[string]string{
		`"type":"query","query":"label_values(pod_up{, namespace)"`:         "parse error",
		`"type":"query","query":"query_result(sum()"`:                       "parse",
		`"type":"query","query":"label_values(pod_up, pod)","regex":"/(/"`:  "regular expression",
		`"type":"query","query":"x","datasource":{"type":"loki","uid":"l"}`: `"l" of type loki cannot be asked`,
		`"type":"custom","valuesFormat":"json","query":"{"`:                 "no JSON list",
		`"type":"datasource","query":"loki"`:                                `no data source of type "loki"`,
		`"type":"datasource","query":"prometheus","regex":"/^prod/"`:        "no data source has a name",
		`"type":"mystery"`: `type "mystery" are not known`,
		`"type":"query","query":"label_values(pod_up{namespace=\"$v\"}, namespace)"`:           "depends on itself",
		`"type":"query","query":"label_values(pod_up, pod)","regex":"/(a+)+$/","includeAll":0`: "",
	} {
		d := withVariables(t, "up", `{"name":"v",`+definition+`}`, `{"name":"other","type":"constant","query":"c"}`)
		all := e.Variables(t.Context(), d, Request{Range: shown})
		if (part == "") != (all[0].Error == "") || !strings.Contains(all[0].Error, part) {
			t.Errorf("%s: error %q, want %q", definition, all[0].Error, part)
		}
		if optionTexts(all[1]) != "c" {
			t.Errorf("%s: the other variable has %v", definition, all[1].Options)
		}
	}
}

// chain are three variables that follow from each other; they are listed in
// another order than they depend.
func chain() []string {
	return []string{
		`{"name":"pod","type":"query","query":"label_values(pod_up{cluster=\"$cluster\",namespace=~\"$namespace\"}, pod)",` +
			`"multi":true,"includeAll":true,"sort":1}`,
		`{"name":"namespace","type":"query","query":"label_values(pod_up{cluster=\"$cluster\"}, namespace)","multi":true,` +
			`"includeAll":true,"current":{"value":["shop"]}}`,
		`{"name":"cluster","type":"query","query":"label_values(pod_up, cluster)","current":{"text":"one","value":"one"}}`,
	}
}

// What is chosen in one variable decides what there is to choose in the next;
// a value that is not there any more gives way.
func TestChainedVariables(t *testing.T) {
	e := newEngine(t, variableSeries()...)
	expr := `pod_up{namespace=~"$namespace",pod=~"$pod"}`
	for _, c := range []struct {
		asked map[string][]string
		pods  string
		sent  string
	}{
		{nil, "All=$__all web-10 web-9", `pod_up{namespace=~"shop",pod=~"(web-10|web-9)"}`},
		{map[string][]string{"namespace": {"$__all"}}, "All=$__all job-1 web-10 web-9",
			`pod_up{namespace=~"(batch|shop)",pod=~"(job-1|web-10|web-9)"}`},
		{map[string][]string{"namespace": {"batch"}}, "All=$__all job-1", `pod_up{namespace=~"batch",pod=~"job-1"}`},
		{map[string][]string{"cluster": {"two"}}, "All=$__all x.y|z\"\\",
			`pod_up{namespace=~"Other",pod=~"x\\.y\\|z\\\"\\\\"}`},
		{map[string][]string{"pod": {"web-9", "web-10"}}, "All=$__all web-10 web-9",
			`pod_up{namespace=~"shop",pod=~"(web-9|web-10)"}`},
		{map[string][]string{"pod": {"gone"}}, "All=$__all web-10 web-9", `pod_up{namespace=~"shop",pod=~"gone"}`},
	} {
		d := withVariables(t, expr, chain()...)
		all := e.Variables(t.Context(), d, Request{Range: shown, Variables: c.asked})
		if got := optionTexts(all[0]); got != c.pods {
			t.Errorf("%v: pods %s, want %s", c.asked, got, c.pods)
		}
		if !slices.Equal(all[0].DependsOn, []string{"cluster", "namespace"}) {
			t.Errorf("pod depends on %v", all[0].DependsOn)
		}
		result := run(t, e, d, Request{Variables: c.asked})
		if got := result.Queries[0].Expr; got != c.sent {
			t.Errorf("%v: sent %s, want %s", c.asked, got, c.sent)
		}
		if len(result.Results["A"].Frames) == 0 && c.asked["pod"] == nil {
			t.Errorf("%v: %s returns nothing", c.asked, result.Queries[0].Expr)
		}
	}
}

// How a value is found when none is sent, and what All becomes.
func TestVariableValues(t *testing.T) {
	e := newEngine(t, variableSeries()...)
	const pods = `"type":"query","query":"label_values(pod_up{cluster=\"one\"}, pod)"`
	for _, c := range []struct {
		definition string
		asked      []string
		want       string
	}{
		{pods, nil, "job-1"},
		{pods + `,"current":{"value":"web-9"}`, nil, "web-9"},
		{pods + `,"current":{"value":"gone"}`, nil, "job-1"},
		{pods + `,"current":{"value":"gone"}`, []string{"my own"}, "my own"},
		{pods, []string{"web-9", "web-10"}, "web-9"}, // not multi
		{pods + `,"includeAll":true,"current":{"text":"All","value":"$__all"}`, nil, "(job-1|web-10|web-9)"},
		{pods + `,"includeAll":true,"current":{"text":["All"],"value":["All"]}`, nil, "(job-1|web-10|web-9)"},
		{pods + `,"includeAll":true,"allValue":".*"`, []string{"$__all"}, ".*"},
		{pods + `,"includeAll":true,"allValue":"$other.+"`, []string{"$__all"}, "o.+"},
		{`"type":"custom","query":"One : 1, Two : 2","multi":true`, []string{"Two"}, "2"}, // a text of a URL
		{`"type":"textbox","query":"preset"`, nil, "preset"},
		{`"type":"textbox","query":"preset"`, []string{""}, ""},
		{`"type":"constant","query":"fixed"`, []string{"other"}, "fixed"},
		{`"type":"interval","query":"1m,5m","auto":true,"auto_count":4,"auto_min":"10s","current":{"value":"$__auto"}`, nil,
			"30s"},
		{`"type":"interval","query":"1m,5m","current":{"value":"5m"}`, nil, "5m"},
		{`"type":"switch","current":{"value":"false"}`, nil, "false"},
		{`"type":"custom","query":"By pod : pod, None :  ","current":{"text":"None","value":""}`, nil, ""},
		{`"type":"custom","query":"By pod : pod, None :  "`, []string{""}, ""},
		{`"type":"custom","query":"a, b","current":{"text":"","value":""}`, nil, "a"},
	} {
		d := withVariables(t, "$v", `{"name":"other","type":"constant","query":"o"}`, `{"name":"v",`+c.definition+`}`)
		asked := map[string][]string{}
		if c.asked != nil {
			asked["v"] = c.asked
		}
		_, scope := e.resolve(t.Context(), d, Request{Range: shown, Variables: asked},
			func(document.Variable) bool { return true })
		if got := scope.expand("$v", formatPromQL); got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.definition, c.asked, got, c.want)
		}
	}
}

// A panel's query asks for the options of a variable only if its value follows
// from them.
func TestVariablesWithoutOptions(t *testing.T) {
	nobody := &Engine{Prometheus: prometheus.NewClient("http://127.0.0.1:1"), ScrapeInterval: every}
	d := withVariables(t, `up{a=~"$a",b=~"$b"}`,
		`{"name":"a","type":"query","query":"label_values(up, a)","includeAll":true,"allValue":".+"}`,
		`{"name":"b","type":"query","query":"label_values(up{a=~\"$a\"}, b)","multi":true}`,
		`{"name":"unused","type":"query","query":"label_values(up, c)"}`)
	sent := run(t, nobody, d, Request{Variables: map[string][]string{"a": {"$__all"}, "b": {"x", "y"}}}).Queries[0]
	if want := `up{a=~".+",b=~"(x|y)"}`; sent.Expr != want {
		t.Errorf("sent %s, want %s", sent.Expr, want)
	}
	resolved, _ := nobody.resolve(t.Context(), d,
		Request{Range: shown, Variables: map[string][]string{"a": {"$__all"}, "b": {"x"}}},
		func(document.Variable) bool { return false })
	if a := resolved[0]; a.Error != "" || a.Current.Text[0] != "All" {
		t.Errorf("All is asked for: %+v", a)
	}
	if unused := resolved[2]; unused.Error == "" {
		t.Error("a value that nobody sent is not looked for")
	}
}

// A value's name is shown, its value is sent.
func TestVariableTextAndValue(t *testing.T) {
	e := newEngine(t)
	d := withVariables(t, "vector(${v})", `{"name":"v","label":"Choice","description":"D","type":"custom","hide":1,
		"refresh":2,"allowCustomValue":false,
		"query":"One : 1, Two : 2","current":{"text":"Two","value":"2"}}`)
	v := e.Variables(t.Context(), d, Request{Range: shown})[0]
	if v.Label != "Choice" || v.Description != "D" || v.Hide != 1 || v.Refresh != 2 || v.AllowCustomValue || v.Multi ||
		v.IncludeAll || !slices.Equal(v.Current.Text, []string{"Two"}) || !slices.Equal(v.Current.Value, []string{"2"}) {
		t.Errorf("%+v", v)
	}
}

// Filters of an ad hoc variable come into every selector.
func TestAdHocFilters(t *testing.T) {
	e := newEngine(t, variableSeries()...)
	d := withVariables(t, `sum(pod_up) / sum by (x) (rate(pod_up{a="b"}[1m]))`,
		`{"name":"f","type":"adhoc","filters":[{"key":"cluster","operator":"=","value":"one"}]}`)
	for _, c := range []struct {
		asked []string
		want  string
	}{
		{nil, `sum(pod_up{cluster="one"}) / sum by (x) (rate(pod_up{a="b",cluster="one"}[1m]))`},
		{[]string{"pod|=~|web.*", "cluster|!=|two"}, `sum(pod_up{cluster!="two",pod=~"web.*"}) / sum by (x) ` +
			`(rate(pod_up{a="b",cluster!="two",pod=~"web.*"}[1m]))`},
		{[]string{"pod|=__gfp__|a.b|c"},
			`sum(pod_up{pod=~"a\\.b|c"}) / sum by (x) (rate(pod_up{a="b",pod=~"a\\.b|c"}[1m]))`},
		{[]string{"pod|!=__gfp__|a"}, `sum(pod_up{pod!~"a"}) / sum by (x) (rate(pod_up{a="b",pod!~"a"}[1m]))`},
		{[]string{"nonsense"}, `sum(pod_up) / sum by (x) (rate(pod_up{a="b"}[1m]))`},
		{[]string{"pod|=|a__gfp__b"}, `sum(pod_up{pod="a|b"}) / sum by (x) (rate(pod_up{a="b",pod="a|b"}[1m]))`},
	} {
		asked := map[string][]string{}
		if c.asked != nil {
			asked["f"] = c.asked
		}
		if got := run(t, e, d, Request{Variables: asked}).Queries[0].Expr; got != c.want {
			t.Errorf("%q: %s, want %s", c.asked, got, c.want)
		}
	}
}

// A regular expression that would take for ever ends, and is named.
func TestEndlessRegex(t *testing.T) {
	_, err := applyRegex([]string{strings.Repeat("a", 40) + "!"}, `/^(a+)+$/`, "")
	if err == nil || !strings.Contains(err.Error(), "matching") {
		t.Errorf("error %v", err)
	}
}

// The variables that every dashboard has.
func TestBuiltInVariables(t *testing.T) {
	d := parse(t, `{"uid":"u","title":"Title"}`)
	e := &Engine{ScrapeInterval: 15 * time.Second}
	tokyo, err := ParseZone("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	end := begin.Add(90*time.Minute + 400*time.Millisecond).In(tokyo)
	r := Request{Range: prometheus.TimeRange{From: begin, To: end}, MaxDataPoints: 100}
	scope := Scope{e.builtIn(d, r)}
	for text, want := range map[string]string{
		"$__from $__to":                     "1767322800000 1767328200400",
		"${__from:date:YYYY-MM-DD}":         "2026-01-02",
		"${__to:date:seconds}":              "1767328200",
		"${__from:date:HH:mm Z}":            "03:00 +00:00",
		"${__to:date:D.M. HH:mm Z}":         "2.1. 13:30 +09:00",
		"${__to:date}":                      "2026-01-02T04:30:00.400Z",
		"$__range $__range_s $__range_ms":   "5400s 5400 5400400",
		"$__interval $__interval_ms":        "1m 60000",
		"$__rate_interval":                  "1m15s",
		"${__dashboard} ${__dashboard.uid}": "Title u",
		"${__url_time_range}":               "from=1767322800000&to=1767328200400",
		"${__user.login} ${__org.name}":     "anonymous Main Org.",
		"${__timezone}":                     "browser",
		"${__field.name} ${__value.raw}":    "${__field.name} ${__value.raw}",
	} {
		if got := scope.expand(text, formatGlob); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
