package form

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// groups reads rule groups that are kept under a key of the thing.
func (t thing) groups(what, key string) ([]Part, error) {
	groups := t.object.Objects(key)
	if managed(groups) {
		return t.alerts(groups)
	}
	notes := foreign(t.object, groups)
	data, lines := t.text(key, len(notes) > 0)
	made := any(map[string]any{"groups": t.object[key]})
	if len(t.where) == 0 && len(notes) == 0 {
		// The file is the rules: Prometheus says what is wrong with the rest of it, too.
		data, lines, made = t.source, t.source != nil, t.object
	}
	if data == nil {
		var err error
		if data, err = json.Marshal(made); err != nil {
			return nil, document.FileErrorf(t.file, "%s", err)
		}
	}
	p := t.part(Rules, what, data)
	p.Lines, p.Notes = lines, notes
	return []Part{p}, nil
}

// managed tells of rules that Grafana evaluates itself: each has queries in data, and a condition.
func managed(groups []document.Object) bool {
	return slices.ContainsFunc(groups, func(group document.Object) bool {
		return slices.ContainsFunc(group.Objects("rules"), func(rule document.Object) bool {
			return rule.List("data") != nil && rule["expr"] == nil
		})
	})
}

func (t thing) alerts(groups []document.Object) ([]Part, error) {
	data, err := json.Marshal(map[string]any{"groups": groups})
	if err != nil {
		return nil, document.FileErrorf(t.file, "%s", err)
	}
	p := t.part(Alerts, "alert rules of Grafana", data)
	p.Lines = false
	return []Part{p}, nil
}

// asGroups puts the rules of Grafana's API, which name their groups, into these; nil if they are none.
func asGroups(rules []document.Object) []document.Object {
	var names []string
	byGroup := map[string][]document.Object{}
	for _, rule := range rules {
		if rule.List("data") == nil || rule["condition"] == nil {
			return nil
		}
		name := rule.Text("ruleGroup")
		if byGroup[name] == nil {
			names = append(names, name)
		}
		byGroup[name] = append(byGroup[name], rule)
	}
	var groups []document.Object
	for _, name := range names {
		group := document.Object{"name": name}
		group.SetObjects("rules", byGroup[name])
		groups = append(groups, group)
	}
	return groups
}

// The fields that other rulers read in a rule file, and Prometheus refuses.
var (
	foreignFile  = []string{"namespace"}
	foreignGroup = []string{"source_tenants", "align_evaluation_time_on_interval", "evaluation_delay", "remote_write",
		"concurrency", "headers", "params", "tenant", "type", "partial_response_strategy"}
	foreignRule = []string{"debug", "update_entries_limit"}
)

// foreign takes away what only other rulers read, so that the rules can be read, and says what that was.
func foreign(file document.Object, groups []document.Object) []string {
	found := map[string]bool{}
	drop := func(o document.Object, keys []string) {
		for _, key := range keys {
			if _, there := o[key]; there {
				found[key] = true
				delete(o, key)
			}
		}
	}
	if file["kind"] == nil {
		drop(file, foreignFile)
	}
	for _, group := range groups {
		drop(group, foreignGroup)
		for _, rule := range group.Objects("rules") {
			drop(rule, foreignRule)
		}
	}
	var notes []string
	for _, key := range slices.Sorted(maps.Keys(found)) {
		notes = append(notes, fmt.Sprintf("Prometheus refuses the field %s, which other rulers read", key))
	}
	return notes
}

// text is the groups' own text, each line of it at its place; nil if there is none, or if fields had to be taken away.
func (t thing) text(key string, changed bool) (data []byte, lines bool) {
	at, groups := entry(t.node, key)
	if at == nil || changed || groups.Style&yaml.FlowStyle != 0 || groups.Kind != yaml.SequenceNode {
		return nil, false
	}
	all := bytes.SplitAfter(t.source, []byte("\n"))
	if at.Line > len(all) {
		return nil, false
	}
	indent := at.Column - 1
	var out bytes.Buffer
	out.WriteString(strings.Repeat("\n", at.Line-1))
	out.WriteString("groups:\n")
	if rest := bytes.TrimSpace(all[at.Line-1][indent:]); len(rest) == 0 || !bytes.HasSuffix(rest, []byte(":")) {
		return nil, false // something stands behind the key: an anchor, a comment
	}
	for _, line := range all[at.Line:] {
		if ends(line, indent) {
			break
		}
		out.Write(line[min(indent, len(line)-len(bytes.TrimLeft(line, " "))):])
	}
	return out.Bytes(), true
}

// ends tells that a line is behind the block of a key with that indentation.
func ends(line []byte, indent int) bool {
	text := bytes.TrimLeft(line, " ")
	depth := len(line) - len(text)
	switch {
	case len(bytes.TrimSpace(text)) == 0 || text[0] == '#':
		return false
	case depth > indent:
		return false
	case depth < indent:
		return true
	}
	return !bytes.HasPrefix(text, []byte("- ")) && !bytes.Equal(bytes.TrimSpace(text), []byte("-"))
}

func sortedKeys(o document.Object) []string { return slices.Sorted(maps.Keys(o)) }
