package engine

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

var (
	regexSpecial  = regexp.MustCompile(`[\\^$*+?.()|\[\]{}/]`)
	luceneSpecial = regexp.MustCompile(`[!*+\-=<>\s&|()\[\]{}^~?:\\/"]`)
	promSpecial   = regexp.MustCompile(`[$^*{}\[\]'+?.()|]`)
	// jsNumber is what JavaScript reads as a number.
	jsNumber    = regexp.MustCompile(`^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?Infinity|0[xX][0-9a-fA-F]+)$`)
	htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&quot;")
)

// formatAs writes a value in one of the formats of Grafana's documentation,
// with its arguments: join:+. A format that there is not is glob, the default.
func formatAs(format, name string, v Value) string {
	args := strings.Split(format, ":")
	kind, args := args[0], args[1:]
	if v.Custom {
		return formatCustom(kind, name, v)
	}
	switch kind {
	case "csv", "raw":
		return strings.Join(v.Values, ",")
	case "pipe":
		return strings.Join(v.Values, "|")
	case "join":
		return strings.Join(v.Values, append(args, ",")[0])
	case "distributed":
		return strings.Join(v.Values, ","+name+"=")
	case "json":
		return formatJSON(v)
	case "text":
		return formatText(name, v)
	case "regex":
		return formatRegex(v)
	case "lucene":
		return formatLucene(v)
	case "html":
		return htmlEscapes.Replace(strings.Join(v.Values, ", "))
	case "date":
		return formatDate(args, v)
	}
	return formatQuotedOrURL(kind, args, name, v)
}

// formatQuotedOrURL is formatAs for what goes between quotes, or into URLs.
func formatQuotedOrURL(kind string, args []string, name string, v Value) string {
	switch kind {
	case "doublequote":
		return formatQuoted(`"`, v, `"`, `\"`)
	case "singlequote":
		return formatQuoted(`'`, v, `'`, `\'`)
	case "sqlstring":
		return formatQuoted(`'`, v, `'`, `''`, `"`, `\"`)
	case "percentencode":
		return percentEncode(v.inBraces())
	case "uriencode":
		return uriEncode(v.inBraces())
	case "queryparam":
		return formatParam(name, v)
	case "customqueryparam":
		return formatCustomParam(args, name, v)
	}
	return formatGlob(name, v)
}

// formatCustom writes the author's own value for All: as it is, but where
// people read it and in URLs.
func formatCustom(kind, name string, v Value) string {
	own := strings.Join(v.Values, "")
	switch kind {
	case "text":
		return formatText(name, v)
	case "percentencode":
		return percentEncode(own)
	case "queryparam":
		return formatParam(name, v)
	}
	return own
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

// formatJSON writes a list; a value that is none stays as it is.
func formatJSON(v Value) string {
	if !v.List {
		return strings.Join(v.Values, "")
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	// Texts can always be encoded.
	_ = encoder.Encode(append([]string{}, v.Values...))
	return strings.TrimSuffix(text.String(), "\n")
}

// formatRegex writes alternatives. Those of no value match nothing but the
// empty text.
func formatRegex(v Value) string {
	escaped := joinMapped(v.Values, "|", func(s string) string { return regexSpecial.ReplaceAllString(s, `\$0`) })
	if len(v.Values) != 1 {
		return "(" + escaped + ")"
	}
	return escaped
}

func formatLucene(v Value) string {
	escape := func(s string) string {
		if jsNumber.MatchString(s) { // also a negative one
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

// formatParam writes URL parameters as dashboards read them. All stays All
// there: the URL is to mean the same when there are more values.
func formatParam(name string, v Value) string {
	values := v.Values
	if v.All {
		values = []string{document.AllValue}
	}
	return joinMapped(values, "&", func(s string) string { return "var-" + name + "=" + paramEncode(s) })
}

// formatCustomParam writes URL parameters of any name, with something before
// each value.
func formatCustomParam(args []string, name string, v Value) string {
	args = append(args, "", "")
	if args[0] != "" {
		name = args[0]
	}
	start := percentEncode(name) + "=" + percentEncode(args[1])
	return joinMapped(v.Values, "&", func(s string) string { return start + percentEncode(s) })
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

// paramEncode keeps what Grafana leaves in the parameters of its own URLs.
func paramEncode(text string) string { return encodeExcept(text, unreserved+"@:$,;") }

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
func formatPromQL(name string, v Value) string {
	if v.Custom {
		return formatCustom("", name, v)
	}
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
