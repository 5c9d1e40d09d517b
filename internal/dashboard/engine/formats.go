package engine

import (
	"encoding/json"
	"html"
	"regexp"
	"strconv"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

var (
	regexSpecial  = regexp.MustCompile(`[\\^$*+?.()|\[\]{}/]`)
	luceneSpecial = regexp.MustCompile(`[!*+\-=<>\s&|()\[\]{}^~?:\\/"]`)
	promSpecial   = regexp.MustCompile(`[$^*{}\[\]'+?.()|]`)
)

// formatAs writes a value in one of the formats of Grafana's documentation.
// A format that there is not is glob, the default.
func formatAs(kind, args, name string, v Value) string {
	switch kind {
	case "csv", "raw":
		return strings.Join(v.Values, ",")
	case "pipe":
		return strings.Join(v.Values, "|")
	case "join":
		if args == "" {
			args = ","
		}
		return strings.Join(v.Values, args)
	case "distributed":
		return strings.Join(v.Values, ","+name+"=")
	case "json":
		return formatJSON(v)
	case "text":
		return strings.Join(v.Texts, " + ")
	case "regex":
		return formatRegex(v)
	case "lucene":
		return formatLucene(v)
	case "html":
		return html.EscapeString(strings.Join(v.Values, ", "))
	case "percentencode":
		return percentEncode(v.inBraces())
	case "uriencode":
		return uriEncode(v.inBraces())
	case "date":
		return formatDate(args, v)
	case "queryparam":
		return formatParam("var-"+name, "", v)
	case "customqueryparam":
		param, prefix, _ := strings.Cut(args, ":")
		if param == "" {
			param = name
		}
		return formatParam(param, prefix, v)
	}
	switch kind {
	case "doublequote":
		return formatQuoted(`"`, v, `"`, `\"`)
	case "singlequote":
		return formatQuoted(`'`, v, `'`, `\'`)
	case "sqlstring":
		return formatQuoted(`'`, v, `'`, `''`, `"`, `\"`)
	}
	return formatGlob(name, v)
}

// isList tells whether a value is written as a list where one value needs none.
func (v Value) isList() bool { return len(v.Values) > 1 }

// inBraces writes a list in braces, also one of one value.
func (v Value) inBraces() string {
	text := strings.Join(v.Values, ",")
	if v.List {
		return "{" + text + "}"
	}
	return text
}

func formatQuoted(quote string, v Value, escapes ...string) string {
	replacer := strings.NewReplacer(escapes...)
	return joinMapped(v.Values, ",", func(s string) string { return quote + replacer.Replace(s) + quote })
}

func joinMapped(values []string, separator string, f func(string) string) string {
	mapped := make([]string, len(values))
	for i, value := range values {
		mapped[i] = f(value)
	}
	return strings.Join(mapped, separator)
}

func formatGlob(_ string, v Value) string {
	if v.isList() {
		return "{" + strings.Join(v.Values, ",") + "}"
	}
	return strings.Join(v.Values, "")
}

func formatText(_ string, v Value) string { return strings.Join(v.Texts, " + ") }

// formatJSON writes a list; a single value stays as it is.
func formatJSON(v Value) string {
	if !v.List {
		return strings.Join(v.Values, "")
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	// Texts can always be encoded.
	_ = encoder.Encode(v.Values)
	return strings.TrimSuffix(text.String(), "\n")
}

func formatRegex(v Value) string {
	escaped := joinMapped(v.Values, "|", func(s string) string { return regexSpecial.ReplaceAllString(s, `\$0`) })
	if v.isList() {
		return "(" + escaped + ")"
	}
	return escaped
}

func formatLucene(v Value) string {
	escape := func(s string) string {
		if _, err := strconv.ParseFloat(s, 64); err == nil { // a number, also a negative one
			return s
		}
		return luceneSpecial.ReplaceAllString(s, `\$0`)
	}
	switch {
	case len(v.Values) == 0:
		return "__empty__"
	case len(v.Values) == 1 && !v.List:
		return escape(v.Values[0])
	}
	return "(" + joinMapped(v.Values, " OR ", func(s string) string { return `"` + escape(s) + `"` }) + ")"
}

// formatParam writes URL parameters. All stays All there: the URL of a
// dashboard is to mean the same when there are more values.
func formatParam(param, prefix string, v Value) string {
	values := v.Values
	if v.All {
		values = []string{document.AllValue}
	}
	return joinMapped(values, "&", func(s string) string { return param + "=" + prefix + percentEncode(s) })
}

// unreserved are the characters that have no meaning in a URI, reserved those
// that have one.
const (
	unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	reserved   = ";/?:@&=+$,#"
)

// percentEncode encodes all that is not unreserved.
func percentEncode(text string) string { return encodeExcept(text, unreserved) }

// uriEncode keeps what has a meaning in a URI.
func uriEncode(text string) string { return encodeExcept(text, unreserved+reserved) }

func encodeExcept(text, keep string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		if c := text[i]; strings.IndexByte(keep, c) >= 0 {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}

// formatPromQL writes a value into PromQL, where it stands within a quoted
// text: as a plain text if the variable has one value, as a regular
// expression if it may have several.
func formatPromQL(_ string, v Value) string {
	if !v.Pattern {
		return joinMapped(v.Values, "", func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`)
		})
	}
	escaped := joinMapped(v.Values, "|", escapePromRegex)
	if len(v.Values) > 1 {
		return "(" + escaped + ")"
	}
	return escaped
}

// escapePromRegex escapes for a regular expression within double quotes:
// every backslash is itself escaped for the text.
func escapePromRegex(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\\\`)
	s = strings.ReplaceAll(s, `"`, `\\\"`)
	return promSpecial.ReplaceAllString(s, `\\$0`)
}
