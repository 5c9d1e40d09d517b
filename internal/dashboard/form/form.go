// Package form knows the forms that dashboards and rules are kept in: files of Grafana and Prometheus, objects of
// Kubernetes that carry them (ConfigMap, PrometheusRule, GrafanaDashboard, …), lists, bundles and values of charts. It
// finds the dashboards and rules in them, and says of everything else what it is.
package form

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Kind is what a part of a file is.
type Kind int

const (
	// Other is neither dashboard nor rules: Part.What says what it is.
	Other Kind = iota
	// Dashboard is JSON that document.Parse reads.
	Dashboard
	// Rules is a rule file as Prometheus reads it.
	Rules
	// Alerts are alert rules that Grafana manages itself: groups as its provisioning files have them, as JSON.
	Alerts
)

// Part is one thing that a file holds.
type Part struct {
	Kind Kind
	// Where says which part of the file it is, "document 2, ConfigMap monitoring/nodes, nodes.json"; empty where the
	// file is the thing itself.
	Where string
	// Name is what it is called where it is kept: the key of a ConfigMap, the name of a GrafanaDashboard. Empty for the
	// file itself.
	Name string
	// Folder is Grafana's folder, where the form has one.
	Folder string
	// Data is the part in the form of its kind. If Lines is set, a line of it is the same line of the file.
	Data  []byte
	Lines bool
	// What names the form: "dashboard", "PrometheusRule", "Helm template", "Deployment". It is empty for what is not
	// known.
	What string
	// Notes say what of it Prometheus itself would not read.
	Notes []string
}

// Read finds the parts of a file. name is its path, as the reader knows it: it tells what the content cannot, values
// of a chart for instance. The error names the file and, where it is known, the line.
func Read(name string, data []byte) ([]Part, error) {
	if strings.HasSuffix(name, ".gz") {
		plain, err := unzip(data)
		if err != nil {
			return nil, document.FileErrorf(name, "cannot be unpacked: %s", err)
		}
		name, data = strings.TrimSuffix(name, ".gz"), plain
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	text := bytes.TrimSpace(data)
	switch {
	case len(text) == 0 && path.Ext(name) == ".json":
		return nil, &document.FileError{File: name, Line: 1, Column: 1, Message: "is empty"}
	case len(text) == 0:
		return nil, nil
	case text[0] == '{' && !templated(text), path.Ext(name) == ".json":
		return readJSON(name, data)
	}
	return readYAML(name, data)
}

// Evaluated finds the parts of what a jsonnet file yields, as JSON: one thing, several by the names of files, or the
// text of a file of YAML.
func Evaluated(name string, data []byte) ([]Part, error) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		parts, err := readYAML(name, []byte(text))
		for i := range parts {
			parts[i].Lines = false
		}
		return parts, err
	}
	object, err := document.Decode(name, data)
	if err != nil {
		return nil, err
	}
	t := thing{file: name, object: object}
	if parts, err := t.parts(); err != nil || len(parts) > 0 && parts[0].What != "" {
		return parts, err
	}
	return t.files()
}

// Readable tells that a file of that name may hold dashboards or rules.
func Readable(name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || base == "jsonnetfile.json" || base == "jsonnetfile.lock.json" {
		return false
	}
	switch path.Ext(strings.TrimSuffix(base, ".gz")) {
	case ".json", ".yaml", ".yml", ".rules":
		return true
	}
	return false
}

func unzip(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(reader, document.MaxBytes+1))
	if err == nil && len(plain) > document.MaxBytes {
		err = fmt.Errorf("it has more than %d MB", document.MaxBytes>>20)
	}
	return plain, errors.Join(err, reader.Close())
}

// templated tells of a text that begins like a Helm template, which a brace does too.
func templated(text []byte) bool { return bytes.HasPrefix(text, []byte("{{")) }
