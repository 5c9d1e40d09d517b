package engine

import (
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Value is what a variable stands for: its values, and how people read them.
type Value struct {
	Texts  []string
	Values []string
	// List tells that the value is a list, also when it holds one value.
	List bool
	// Pattern tells that the variable may have several values: in PromQL it
	// is then a regular expression.
	Pattern bool
	// Custom is the dashboard author's own value for All. It is used as it is.
	Custom bool
	// All tells that All is chosen; the values are then those of all options.
	All bool
	// Fields are what ${name.field} can name, other than text and value.
	Fields map[string]string
	// Zone is the time zone in which a time is written; nil is UTC.
	Zone *time.Location
}

func single(value string) Value { return Value{Texts: []string{value}, Values: []string{value}} }

// Scope knows the values of variables. A later scope hides an earlier one.
type Scope []map[string]Value

func (s Scope) lookup(name string) (Value, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if v, ok := s[i][name]; ok {
			return v, true
		}
	}
	return Value{}, false
}

// with returns a scope in which values hide those of s.
func (s Scope) with(values map[string]Value) Scope {
	return append(s[:len(s):len(s)], values)
}

// Formatter writes a value into a text. name is the variable's.
type Formatter func(name string, v Value) string

// expand fills in the variables of a text. A reference that names its own
// format is written in that, any other by format. What is no variable stays.
func (s Scope) expand(text string, format Formatter) string {
	return document.ReplaceReferences(text, func(match string, r document.Reference) string {
		value, ok := s.lookup(r.Name)
		if !ok {
			return match
		}
		return write(r.Name, value, r.Field, r.Format, format)
	})
}

// write writes one value: its field, in the format that is asked for.
func write(name string, v Value, field, format string, otherwise Formatter) string {
	if field != "" && field != "value" {
		if field == "text" {
			v = Value{Texts: v.Texts, Values: v.Texts, List: v.List, Pattern: v.Pattern}
		} else if text, ok := v.Fields[field]; ok {
			v = single(text)
		} else {
			return ""
		}
	}
	if format == "" {
		return otherwise(name, v)
	}
	return formatAs(format, name, v)
}
