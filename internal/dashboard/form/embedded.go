package form

import (
	"encoding/base64"
	"errors"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// embedded reads a text that the thing keeps under a key, as a file of a name. What is neither dashboard nor rules
// there has another use, and is not mentioned.
func (t thing) embedded(key, name, text string, node *yaml.Node) ([]Part, error) {
	guessed := path.Ext(name) == "" && strings.HasPrefix(strings.TrimSpace(text), "{")
	if guessed {
		name += ".json"
	}
	if !Readable(name) || strings.TrimSpace(text) == "" {
		return nil, nil
	}
	parts, err := Read(name, []byte(text))
	if err != nil {
		if guessed || path.Ext(name) == ".yaml" || path.Ext(name) == ".yml" {
			return nil, nil // an application's own
		}
		return nil, t.within(key, err, node)
	}
	var all []Part
	above := strings.Repeat("\n", linesAbove(node))
	for _, p := range parts {
		if p.Kind == Other {
			continue
		}
		p.Where = strings.Join(append(t.where[:len(t.where):len(t.where)], key), ", ") + after(p.Where)
		p.Name, p.Lines = key, p.Lines && above != ""
		if p.Lines {
			p.Data = append([]byte(above), p.Data...)
		}
		if p.Folder == "" {
			p.Folder = t.folder
		}
		all = append(all, p)
	}
	return all, nil
}

// after is what follows the names of what is around a part.
func after(where string) string {
	if where == "" {
		return ""
	}
	return ", " + where
}

// linesAbove is how many lines of the file precede the first one of a text that is written as a literal block; 0 if it
// is written in another way, in which lines of the text are no lines of the file.
func linesAbove(node *yaml.Node) int {
	if node == nil || node.Style&yaml.LiteralStyle == 0 {
		return 0
	}
	return node.Line
}

// within says where in the file an error of a text is.
func (t thing) within(key string, err error, node *yaml.Node) error {
	var wrong *document.FileError
	if !errors.As(err, &wrong) {
		return err
	}
	at := *wrong
	at.File = t.file
	if above := linesAbove(node); at.Line > 0 && above > 0 {
		at.Line += above
	} else {
		at.Line, at.Column = 0, 0
		if node != nil {
			at.Line, at.Column = node.Line, node.Column
		}
	}
	at.Message = strings.Join(append(t.where[:len(t.where):len(t.where)], key), ", ") + ": " + at.Message
	return &at
}

// grafanaDashboard reads the operator's object: JSON as it is, or compressed. What it only points to is not read.
func (t thing) grafanaDashboard(spec document.Object) ([]Part, error) {
	t.folder = spec.Text("folder")
	if t.folder == "" {
		t.folder = spec.Text("customFolderName")
	}
	key, text, node := "spec.json", spec.Text("json"), child(t.node, "spec", "json")
	if packed := spec.Text("gzipJson"); packed != "" {
		plain, err := base64.StdEncoding.DecodeString(packed)
		if err == nil {
			plain, err = unzip(plain)
		}
		if err != nil {
			return nil, document.FileErrorf(t.file, "%s, spec.gzipJson: cannot be unpacked: %s",
				strings.Join(t.where, ", "), err)
		}
		key, text, node = "spec.gzipJson", string(plain), nil
	}
	if text == "" {
		return t.other("GrafanaDashboard that points elsewhere"), nil
	}
	parts, err := t.embedded(key, "dashboard.json", text, node)
	for i := range parts {
		parts[i].Name = t.name
	}
	return parts, err
}
