package form

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// release reads the values that an object gives to a chart: an object, or YAML as a text.
func (t thing) release(kind string, spec document.Object) ([]Part, error) {
	for _, keys := range [][]string{
		{"values"}, {"valuesContent"}, {"source", "helm", "valuesObject"}, {"source", "helm", "values"},
	} {
		at := spec
		for _, key := range keys[:len(keys)-1] {
			at = at.Object(key)
		}
		last, node := keys[len(keys)-1], child(t.node, append([]string{"spec"}, keys...)...)
		if values := at.Object(last); values != nil {
			inner := t
			inner.object, inner.node = values, node
			return inner.values(kind)
		}
		if text := at.Text(last); text != "" {
			return t.embedded(last, "values.yaml", text, node)
		}
	}
	return t.other(kind), nil
}

// values looks for the dashboards and rules that values give to a chart: they are dashboards, or texts of them, and
// rule groups, wherever they are.
func (t thing) values(what string) ([]Part, error) {
	var all []Part
	err := t.walk(t.object, t.node, nil, &all)
	if err == nil && len(all) == 0 {
		return t.other(what), nil
	}
	return all, err
}

func (t thing) walk(o document.Object, node *yaml.Node, keys []string, all *[]Part) error {
	if o.List("groups") != nil && len(o.Objects("groups")) > 0 && o.Objects("groups")[0].List("rules") != nil {
		parts, err := t.at(keys, o, node).groups("rules", "groups")
		*all = append(*all, parts...)
		return err
	}
	if len(keys) > 0 && isDashboard(o) && (o.List("panels") != nil || o.List("rows") != nil) {
		parts, err := t.at(keys, o, node).dashboard("dashboard")
		*all = append(*all, parts...)
		return err
	}
	for _, key := range sortedKeys(o) {
		path, value := append(keys[:len(keys):len(keys)], key), child(node, key)
		if inner := o.Object(key); inner != nil {
			if err := t.walk(inner, value, path, all); err != nil {
				return err
			}
			continue
		}
		text := o.Text(key)
		if strings.HasPrefix(strings.TrimSpace(text), "{") && strings.Contains(text, `"panels"`) {
			parts, err := t.at(keys, o, node).embedded(key, key+".json", text, value)
			if err != nil {
				return err
			}
			// charts name a dashboard, not its text: json
			for i := range parts {
				if key == "json" && len(keys) > 0 {
					parts[i].Name = keys[len(keys)-1]
				}
			}
			*all = append(*all, parts...)
		}
	}
	return nil
}

// at is a thing within the values.
func (t thing) at(keys []string, o document.Object, node *yaml.Node) thing {
	if len(keys) == 0 {
		t.object, t.node = o, node
		return t
	}
	inner := t.inside(strings.Join(keys, "."), o, node)
	inner.name = keys[len(keys)-1]
	return inner
}
