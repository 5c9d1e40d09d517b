package backend

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// ParseRules reads a rule file as Prometheus does, and says what keeps it from
// loading one: each fault once, as FILE:LINE: text.
func ParseRules(file string, data []byte) ([]rulefmt.RuleGroup, error) {
	groups, faults := rulefmt.Parse(data, false, model.UTF8Validation, parser.NewParser(parser.Options{}))
	if len(faults) == 0 {
		return groups.Groups, nil
	}
	var root yaml.Node
	// What is no YAML has no nodes; the faults say so already.
	_ = yaml.Unmarshal(data, &root)
	found := ruleNodes(&root)
	var lines []string
	for _, fault := range faults {
		for _, text := range found.explain(fault) {
			text = inWords(placed(file, text))
			if !slices.Contains(lines, text) {
				lines = append(lines, text)
			}
		}
	}
	return nil, errors.New(strings.Join(lines, "\n"))
}

var (
	noField  = regexp.MustCompile(`field (\S+) not found in type (\S+)`)
	noFit    = regexp.MustCompile("cannot unmarshal !!\\w+ (?:(`.*`) )?into (\\S+)")
	ruleType = map[string]string{
		"rulefmt.RuleGroups": "a rule file", "rulefmt.ruleGroups": "a rule file",
		"rulefmt.RuleGroup": "a group", "[]rulefmt.RuleGroup": "a list of groups",
		"rulefmt.Rule": "a rule", "[]rulefmt.Rule": "a list of rules",
		"string": "a text", "int": "a number", "map[string]string": "a mapping of texts",
	}
)

// inWords says what YAML says of Go's types. Prometheus reads a file twice, the
// second time into nodes.
func inWords(text string) string {
	name := func(goType string) string {
		if word, known := ruleType[strings.Replace(goType, "Node", "", 1)]; known {
			return word
		}
		return goType
	}
	if found := noField.FindStringSubmatch(text); found != nil {
		return strings.Replace(text, found[0], fmt.Sprintf("%s has no field %q", name(found[2]), found[1]), 1)
	}
	if found := noFit.FindStringSubmatch(text); found != nil {
		value := found[1]
		if value == "" {
			value = "this"
		}
		return strings.Replace(text, found[0], value+" is not "+name(found[2]), 1)
	}
	return text
}

// single takes apart what YAML says of several values at once.
func single(text string) []string {
	several, found := strings.CutPrefix(text, "yaml: unmarshal errors:\n")
	if !found {
		return []string{text}
	}
	var all []string
	for line := range strings.Lines(several) {
		all = append(all, strings.TrimSpace(line))
	}
	return all
}

// lineOf finds where a fault is: rules have LINE:COLUMN before their text, once
// or twice, YAML names a line within it, if it is not the first. What has no
// place is at 0:0.
var (
	lineOf     = regexp.MustCompile(`^(\d+:\d+): (?:\d+:\d+: )*`)
	nowhere    = regexp.MustCompile(`^(?:0:0: )+`)
	yamlLineOf = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	yamlFirst  = regexp.MustCompile(`^yaml: ()`)
)

func placed(file, text string) string {
	text = nowhere.ReplaceAllString(text, "")
	for _, place := range []*regexp.Regexp{lineOf, yamlLineOf, yamlFirst} {
		if found := place.FindStringSubmatch(text); found != nil {
			line := found[1]
			if line == "" {
				line = "1"
			}
			return file + ":" + line + ": " + strings.TrimPrefix(text, found[0])
		}
	}
	return file + ": " + text
}

// groupNode is where a group of rules is written.
type groupNode struct {
	node  *yaml.Node
	rules []*yaml.Node
}

// fileNodes are the groups of a file. Of many faults Prometheus does not say
// where they are.
type fileNodes []groupNode

func ruleNodes(root *yaml.Node) fileNodes {
	var all fileNodes
	if len(root.Content) == 0 {
		return nil
	}
	for _, group := range items(field(root.Content[0], "groups")) {
		all = append(all, groupNode{node: group, rules: items(field(group, "rules"))})
	}
	return all
}

// explain says what a fault is, and where, as LINE:COLUMN: text.
func (f fileNodes) explain(fault error) []string {
	text := fault.Error()
	var ofRule *rulefmt.Error
	switch {
	case strings.Contains(text, "duration string"), strings.Contains(text, "duration out of range"):
		if all := f.durations(); len(all) > 0 {
			return all
		}
	case errors.As(fault, &ofRule) && !placeKnown(text):
		if rule := f.rule(ofRule.Group, ofRule.Rule); rule != nil {
			return []string{at(rule, nowhere.ReplaceAllString(text, ""))}
		}
	case strings.HasPrefix(text, "0:0: "), strings.HasPrefix(text, "invalid label "):
		if group := f.faulty(); group != nil {
			return []string{at(group, strings.TrimPrefix(text, "0:0: "))}
		}
	}
	return single(text)
}

func placeKnown(text string) bool { return lineOf.MatchString(nowhere.ReplaceAllString(text, "")) }

func (f fileNodes) rule(group string, number int) *yaml.Node {
	for _, g := range f {
		if name := field(g.node, "name"); name != nil && name.Value == group && number <= len(g.rules) {
			return g.rules[number-1]
		}
	}
	return nil
}

// faulty is the first group whose name is missing or taken, or whose labels
// Prometheus does not take.
func (f fileNodes) faulty() *yaml.Node {
	names := map[string]bool{}
	for _, g := range f {
		name := field(g.node, "name")
		if name == nil || name.Value == "" {
			return g.node
		}
		if names[name.Value] {
			return name
		}
		names[name.Value] = true
	}
	for _, g := range f {
		labels := field(g.node, "labels")
		for i := 0; labels != nil && i+1 < len(labels.Content); i += 2 {
			key, value := labels.Content[i], labels.Content[i+1]
			if !model.UTF8Validation.IsValidLabelName(key.Value) || key.Value == model.MetricNameLabel ||
				!model.LabelValue(value.Value).IsValid() {
				return key
			}
		}
	}
	return nil
}

// durations are all the durations that are none: YAML tells of the first, and
// not where it is.
func (f fileNodes) durations() []string {
	var all []string
	for _, g := range f {
		all = append(all, durationsIn(g.node, "interval", "query_offset")...)
		for _, rule := range g.rules {
			all = append(all, durationsIn(rule, "for", "keep_firing_for")...)
		}
	}
	return all
}

func durationsIn(node *yaml.Node, names ...string) []string {
	var all []string
	for _, name := range names {
		value := field(node, name)
		if value == nil || value.Kind != yaml.ScalarNode {
			continue
		}
		if _, err := model.ParseDuration(value.Value); err != nil {
			all = append(all, at(value, fmt.Sprintf("%s: %v; use one such as 5m", name, err)))
		}
	}
	return all
}

func at(node *yaml.Node, text string) string {
	return fmt.Sprintf("%d:%d: %s", node.Line, node.Column, text)
}

// field is a value of a mapping; nil if there is none.
func field(node *yaml.Node, name string) *yaml.Node {
	node = target(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return target(node.Content[i+1])
		}
	}
	return nil
}

// items are those of a sequence.
func items(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

// target is what an alias stands for.
func target(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}
