package document

import (
	"regexp"
	"strings"
)

// reference matches $name, [[name:format]] and ${name.field:format}.
var reference = regexp.MustCompile(`\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}`)

// Reference is where a text names a variable. Field and Format are empty where
// it says neither.
type Reference struct{ Name, Field, Format string }

func referenceOf(parts []string) Reference {
	return Reference{Name: parts[1] + parts[2] + parts[4], Field: parts[5], Format: parts[3] + parts[6]}
}

// References are the names of the variables that a text refers to.
func References(text string) []string {
	var names []string
	for _, parts := range reference.FindAllStringSubmatch(text, -1) {
		names = append(names, referenceOf(parts).Name)
	}
	return names
}

// ReplaceReferences writes something else where a text refers to a variable.
func ReplaceReferences(text string, replace func(match string, r Reference) string) string {
	if !strings.ContainsAny(text, "$[") {
		return text
	}
	return reference.ReplaceAllStringFunc(text, func(match string) string {
		return replace(match, referenceOf(reference.FindStringSubmatch(match)))
	})
}
