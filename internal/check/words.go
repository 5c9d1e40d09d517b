package check

import (
	"regexp"
	"slices"
)

var word = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// metricNames are the words of a text that may be metrics' names: a query that
// has variables in it cannot be parsed.
func metricNames(text string) []string {
	names := word.FindAllString(text, -1)
	slices.Sort(names)
	return slices.Compact(names)
}
