package dashboard

import (
	"encoding/json"
	"regexp"
	"strings"
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
	case "percentencode":
		text := strings.Join(v.Values, ",")
		if v.isList() {
			text = "{" + text + "}"
		}
		return percentEncode(text)
	case "uriencode":
		return uriEncode(formatGlob(name, v))
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
	if quote, doubled, ok := quotes(kind); ok {
		return formatQuoted(quote, doubled, v)
	}
	return formatGlob(name, v)
}

// isList tells whether a value is written as a list.
func (v Value) isList() bool { return len(v.Values) > 1 }

func quotes(kind string) (quote, escaped string, ok bool) {
	switch kind {
	case "doublequote":
		return `"`, `\"`, true
	case "singlequote":
		return `'`, `\'`, true
	case "sqlstring":
		return `'`, `''`, true
	}
	return "", "", false
}

func formatQuoted(quote, escaped string, v Value) string {
	return joinMapped(v.Values, ",", func(s string) string {
		return quote + strings.ReplaceAll(s, quote, escaped) + quote
	})
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

func formatJSON(v Value) string {
	var value any = v.Values
	if len(v.Values) == 1 && !v.List {
		value = v.Values[0]
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	// Texts can always be encoded.
	_ = encoder.Encode(value)
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
	escape := func(s string) string { return luceneSpecial.ReplaceAllString(s, `\$0`) }
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
		values = []string{allValue}
	}
	return joinMapped(values, "&", func(s string) string { return param + "=" + prefix + percentEncode(s) })
}

// percentEncode encodes all but letters, digits and - _ . ~
func percentEncode(text string) string {
	return encodeExcept(text, "-_.~")
}

// uriEncode keeps what has a meaning in a URI.
func uriEncode(text string) string {
	return encodeExcept(text, "-_.~!*'();/?:@&=+$,#")
}

func encodeExcept(text, keep string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		if c := text[i]; isWord(c) || strings.IndexByte(keep, c) >= 0 {
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
