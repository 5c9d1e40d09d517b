package engine

import "testing"

func list(values ...string) Value {
	return Value{Texts: values, Values: values, List: true, Pattern: true}
}

// The examples of Grafana's documentation of variable formats
// (grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax), and
// what its formatters do beyond them.
func TestFormats(t *testing.T) {
	servers := list("test1", "test2")
	all := Value{Texts: []string{"All"}, Values: []string{"a", "b"}, List: true, All: true}
	production := Value{Texts: []string{"Prod"}, Values: []string{"p1"}, Fields: map[string]string{"uid": "u"}}
	for _, c := range []struct {
		text  string
		value Value
		want  string
	}{
		{"${servers:csv}", servers, "test1,test2"},
		{"${servers:distributed}", servers, "test1,servers=test2"},
		{"${servers:doublequote}", servers, `"test1","test2"`},
		{"${servers:doublequote}", single(`a"b`), `"a\"b"`},
		{"${servers:glob}", servers, "{test1,test2}"},
		{"${servers:glob}", list("test1"), "test1"},
		{"${servers:json}", servers, `["test1","test2"]`},
		{"${servers:json}", list("<a>"), `["<a>"]`},
		{"${servers:json}", single("test1"), "test1"},
		{"${servers:lucene}", servers, `("test1" OR "test2")`},
		{"${servers:lucene}", single("a b:c"), `a\ b\:c`},
		{"${servers:lucene}", single("-5"), "-5"},
		{"${servers:lucene}", Value{List: true}, "__empty__"},
		{"${servers:percentencode}", list("foo()bar BAZ", "test2"), "%7Bfoo%28%29bar%20BAZ%2Ctest2%7D"},
		{"${servers:percentencode}", single("foo()bar BAZ"), "foo%28%29bar%20BAZ"},
		{"${servers:percentencode}", single("grün"), "gr%C3%BCn"},
		{"${servers:uriencode}", single("/a b?c=d!"), "/a%20b?c=d%21"},
		{"${servers:pipe}", list("test1.", "test2"), "test1.|test2"},
		{"${servers:raw}", list("test.1", "test2"), "test.1,test2"},
		{"${servers:regex}", list("test1.", "test2"), `(test1\.|test2)`},
		{"${servers:regex}", list("a/b"), `a\/b`},
		{"${servers:singlequote}", servers, "'test1','test2'"},
		{"${servers:singlequote}", single("it's"), `'it\'s'`},
		{"${servers:sqlstring}", list("test'1", "test2"), "'test''1','test2'"},
		{"${servers:html}", list("<a>", "b"), "&lt;a&gt;, b"},
		{"${servers:text}", servers, "test1 + test2"},
		{"${servers:text}", all, "All"},
		{"${servers:queryparam}", servers, "var-servers=test1&var-servers=test2"},
		{"${servers:queryparam}", all, "var-servers=$__all"},
		{"${servers:customqueryparam:host}", servers, "host=test1&host=test2"},
		{"${servers:customqueryparam:host:is-}", servers, "host=is-test1&host=is-test2"},
		{"${servers:join}", servers, "test1,test2"},
		{"${servers:date}", single("1594671549254"), "2020-07-13T20:19:09.254Z"},
		{"${servers:date:iso}", single("1594671549254"), "2020-07-13T20:19:09.254Z"},
		{"${servers:date:seconds}", single("1594671549254"), "1594671549"},
		{"${servers:date:ms}", single("1594671549254"), "1594671549254"},
		{"${servers:date:YYYY-MM}", single("1594671549254"), "2020-07"},
		{"${servers:date:HH:mm:ss.SSS [at] D/M/YY}", single("1594671549254"), "20:19:09.254 at 13/7/20"},
		{"${servers:date}", single("now"), "NaN"},
		{"${servers:nosuchformat}", servers, "{test1,test2}"},
		{"[[servers:csv]] $servers. ${servers}x", servers, "test1,test2 {test1,test2}. {test1,test2}x"},
		{"$server $serversx ${other:csv}", servers, "$server $serversx ${other:csv}"},
		{"${servers.text} ${servers.value} ${servers.uid}", production, "Prod p1 u"},
	} {
		if got := (Scope{{"servers": c.value}}).expand(c.text, formatGlob); got != c.want {
			t.Errorf("%s of %q: %s, want %s", c.text, c.value.Values, got, c.want)
		}
	}
}

// What a variable becomes within a quoted text of PromQL: see "Use of regular
// expressions" in Grafana's documentation of Prometheus template variables.
func TestPromQLEscaping(t *testing.T) {
	for _, c := range []struct {
		value Value
		want  string
	}{
		{single("a.b"), "a.b"},
		{single(`C:\x "y"`), `C:\\x \"y\"`},
		{list("a.b"), `a\\.b`},
		{list("a", "b|c"), `(a|b\\|c)`},
		{list(`[a]*{2}+?^$'()`), `\\[a\\]\\*\\{2\\}\\+\\?\\^\\$\\'\\(\\)`},
		{list(`a\b`), `a\\\\b`},
		{list(`a"b`), `a\\\"b`},
		{Value{Values: []string{".+"}, List: true, Pattern: true, All: true, Custom: true}, ".+"},
	} {
		if got := (Scope{{"v": c.value}}).expand("$v", formatPromQL); got != c.want {
			t.Errorf("%q: %s, want %s", c.value.Values, got, c.want)
		}
	}
}
