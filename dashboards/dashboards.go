// Package dashboards holds the dashboards and rules that come with diorama, as
// Grafana and Prometheus read them. The dashboards are written in Go, in
// package set; their JSON is generated from there.
package dashboards

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:generate go run ./generate

// FS has the dashboards in json/NAME.json.
//
//go:embed json/*.json
var FS embed.FS

// Rules has the recording and alert rules in rules/NAME.yaml.
//
//go:embed rules/*.yaml
var Rules embed.FS

// Declarations say which panels and rules may be empty, and why: what
// `diorama check` reads.
//
//go:embed diorama-check.yaml
var Declarations []byte

// RuleFiles returns the rule files by name.
func RuleFiles() (map[string]string, error) {
	names, err := fs.Glob(Rules, "rules/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing the rule files: %w", err)
	}
	files := map[string]string{}
	for _, name := range names {
		content, err := Rules.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the rules: %w", err)
		}
		files[strings.TrimPrefix(name, "rules/")] = string(content)
	}
	return files, nil
}

// AllRules returns all rules as one file.
func AllRules() (string, error) {
	files, err := RuleFiles()
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for i, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		if i > 0 {
			// The groups go on; a document has the key once.
			text = "\n" + strings.Replace(text, "groups:\n", "", 1)
		}
		all.WriteString(text)
	}
	return all.String(), nil
}
