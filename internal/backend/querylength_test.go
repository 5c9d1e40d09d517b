package backend

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A query may name many pods, and must not be made of brackets alone.
func TestLongQueries(t *testing.T) {
	b := start(t, Options{})
	var pods []string
	for i := range 20_000 {
		pods = append(pods, fmt.Sprintf("pod-%05d-abcdefghij", i))
	}
	brackets := strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000)
	for _, c := range []struct {
		path, name, text string
		code             int
	}{
		{"query", "query", `up{pod=~"` + strings.Join(pods, "|") + `"}`, 200},
		{"query", "query", strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000), 200},
		{"query", "query", brackets, 400}, {"query_range", "query", brackets, 400},
		{"format_query", "query", brackets, 400}, {"parse_query", "query", brackets, 400},
		{"series", "match[]", brackets, 400}, {"labels", "match[]", brackets, 400},
		{"query", "query", `up{pod="` + strings.Repeat("x", 1<<20) + `"}`, 400},
		{"query", "query", "1" + strings.Repeat("+1", 100_000), 400},
	} {
		values := url.Values{c.name: {c.text}}
		code, _, answer := post(t, b.url+"/api/v1/"+c.path, "application/x-www-form-urlencoded", []byte(values.Encode()))
		if code != c.code || code != http.StatusOK && (!strings.Contains(string(answer), `"errorType":"bad_data"`) ||
			!strings.Contains(string(answer), " and may have ")) {
			t.Errorf("%s of %d bytes: %d %.200s", c.path, len(c.text), code, answer)
		}
	}
}

func TestBareBytes(t *testing.T) {
	for query, want := range map[string]int{
		``: 0, `up`: 2, `up{a="b"}`: 6, `a"\"b"c`: 2, "a`\\`b": 2, `"open`: 0, `'a"b'c`: 1, `"\`: 0,
		"# don't\n((": 9, "'open\n((": 2, "`a\nb`c": 1,
	} {
		if got := bareBytes(query); got != want {
			t.Errorf("%s has %d, want %d", query, got, want)
		}
	}
}
