package engine

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

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
// and text name, or the first group: as metricNamesToVariableValues in
// Grafana's scenes.
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
		matches, err := matchesIn(text, matcher, everywhere)
		if err != nil {
			return nil, fmt.Errorf("matching %s: %w", pattern, err)
		}
		for _, option := range optionsOf(text, matches) {
			if applyTo == "text" {
				option.Value = text
			}
			options = append(options, option)
		}
	}
	return distinct(options), nil
}

// matchesIn are the first match, or with the flag g all of them.
func matchesIn(text string, matcher *regexp2.Regexp, everywhere bool) ([]*regexp2.Match, error) {
	var all []*regexp2.Match
	match, err := matcher.FindStringMatch(text)
	for ; match != nil && err == nil; match, err = matcher.FindNextMatch(match) {
		all = append(all, match)
		if !everywhere || match.Length == 0 {
			break
		}
	}
	return all, err
}

// optionsOf makes options of a text's matches. The groups value and text may be
// of different matches: /(?<text>…)|(?<value>…)/g.
func optionsOf(text string, matches []*regexp2.Match) []Option {
	if len(matches) == 0 {
		return nil
	}
	value, label := captured(matches, "value"), captured(matches, "text")
	switch {
	case value != "" || label != "":
		return []Option{{cmp.Or(label, value), cmp.Or(value, label)}}
	case matches[0].GroupCount() == 1:
		return []Option{{text, text}}
	}
	options := make([]Option, len(matches))
	for i, match := range matches {
		first := match.GroupByNumber(1).String()
		options[i] = Option{first, first}
	}
	return options
}

// captured is what the first match with a group of that name has for it.
func captured(matches []*regexp2.Match, name string) string {
	for _, match := range matches {
		if g := match.GroupByName(name); g != nil && g.Length > 0 {
			return g.String()
		}
	}
	return ""
}

// distinct drops options whose value was there before.
func distinct(options []Option) []Option {
	seen := map[string]bool{}
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
