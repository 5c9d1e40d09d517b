package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// thing is an object of a file, before it is known what it is.
type thing struct {
	file   string
	where  []string // from the outside to the inside
	name   string
	folder string
	object document.Object
	// node is the object where it was read from YAML, source the text of its lines; else they are nil.
	node   *yaml.Node
	source []byte
}

// part makes a part of what the thing is.
func (t thing) part(kind Kind, what string, data []byte) Part {
	return Part{
		Kind: kind, Where: strings.Join(t.where, ", "), Name: t.name, Folder: t.folder, Data: data, What: what,
		Lines: len(t.where) == 0,
	}
}

func (t thing) other(what string) []Part { return []Part{t.part(Other, what, nil)} }

// inside is a thing within the thing.
func (t thing) inside(where string, object document.Object, node *yaml.Node) thing {
	t.where = append(slices.Clone(t.where), where)
	t.object, t.node = object, node
	return t
}

// readJSON reads an object, or an array of objects.
func readJSON(name string, data []byte) ([]Part, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		object, err := document.Decode(name, data)
		if err != nil {
			return nil, err
		}
		parts, err := thing{file: name, object: object}.parts()
		if len(parts) == 1 && parts[0].Kind == Dashboard && parts[0].Where == "" {
			parts[0].Data, parts[0].Lines = data, true // its own text has the lines that errors name
		}
		return parts, err
	}
	wrapped := slices.Concat([]byte(`{"items":`), data, []byte("}"))
	object, err := document.Decode(name, wrapped)
	if err != nil {
		return nil, shifted(err, len(`{"items":`))
	}
	return thing{file: name, object: object}.list()
}

// shifted takes back what stands before a text on its first line.
func shifted(err error, by int) error {
	var wrong *document.FileError
	if errors.As(err, &wrong) && wrong.Line == 1 {
		wrong.Column = max(1, wrong.Column-by)
	}
	return err
}

// readYAML reads the documents of a file.
func readYAML(name string, data []byte) ([]Part, error) {
	documents, err := decodeYAML(data)
	if err != nil {
		if bytes.Contains(data, []byte("{{")) {
			return thing{file: name}.other("Helm template"), nil
		}
		return nil, yamlError(name, err)
	}
	var all []Part
	for i, node := range documents {
		t := thing{file: name, node: node, source: data}
		if len(documents) > 1 {
			t.where = []string{fmt.Sprintf("document %d", i+1)}
		}
		parts, err := t.decoded()
		if err != nil {
			return all, err
		}
		all = append(all, parts...)
	}
	return all, nil
}

// decodeYAML returns the root of every document that is not empty.
func decodeYAML(data []byte) ([]*yaml.Node, error) {
	var all []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		if len(node.Content) > 0 && node.Content[0].Tag != "!!null" {
			all = append(all, node.Content[0])
		}
	}
}

// yamlError names the file, and the line that the parser names in its text.
func yamlError(name string, err error) error {
	wrong := &document.FileError{File: name, Message: strings.TrimPrefix(err.Error(), "yaml: ")}
	if _, scan := fmt.Sscanf(wrong.Message, "line %d:", &wrong.Line); scan == nil {
		_, wrong.Message, _ = strings.Cut(wrong.Message, ": ")
	}
	wrong.Message = "no YAML: " + wrong.Message
	return wrong
}

// decoded looks at a document as an object. A list of objects is their parts.
func (t thing) decoded() ([]Part, error) {
	var value, plain any
	err := t.node.Decode(&value)
	var text []byte
	if err == nil {
		// YAML knows types that JSON does not, times for one.
		text, err = json.Marshal(withTextKeys(value))
	}
	if err == nil {
		err = json.Unmarshal(text, &plain)
	}
	if err != nil { // a key twice, no number: it has another use, and readers of its own
		return t.other(""), nil
	}
	switch plain := plain.(type) {
	case map[string]any:
		t.object = plain
		return t.parts()
	case []any:
		t.object = document.Object{"items": plain}
		return t.list()
	}
	return t.other(""), nil
}

// withTextKeys makes texts of the keys of mappings, which may be numbers in YAML.
func withTextKeys(value any) any {
	switch value := value.(type) {
	case map[any]any:
		texts := map[string]any{}
		for key, inner := range value {
			texts[fmt.Sprint(key)] = withTextKeys(inner)
		}
		return texts
	case map[string]any:
		for key, inner := range value {
			value[key] = withTextKeys(inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = withTextKeys(inner)
		}
	}
	return value
}

// list reads each object of a list.
func (t thing) list() ([]Part, error) {
	items := t.object.Objects("items")
	if alerts := asGroups(items); alerts != nil {
		return t.alerts(alerts)
	}
	var nodes []*yaml.Node
	if t.node != nil && t.node.Kind == yaml.SequenceNode {
		nodes = t.node.Content
	} else if list := child(t.node, "items"); list != nil {
		nodes = list.Content
	}
	var all []Part
	for i, item := range items {
		var node *yaml.Node
		if i < len(nodes) && len(nodes) == len(t.object.List("items")) {
			node = nodes[i]
		}
		parts, err := t.inside(fmt.Sprintf("item %d", i+1), item, node).parts()
		if err != nil {
			return all, err
		}
		all = append(all, parts...)
	}
	if len(all) == 0 {
		return t.other("list"), nil
	}
	return all, nil
}

// child is the value of a key of a mapping, or nil.
func child(node *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		_, node = entry(node, key)
	}
	return node
}

// entry is a key of a mapping and its value, or nil.
func entry(node *yaml.Node, key string) (k, v *yaml.Node) {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node == nil || node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}
