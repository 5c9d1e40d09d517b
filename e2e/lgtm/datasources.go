package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// source is a data source as Grafana's API shows it.
type source struct {
	ID        int            `json:"id" yaml:"-"`
	UID       string         `json:"uid" yaml:"uid"`
	Name      string         `json:"name" yaml:"name"`
	Type      string         `json:"type" yaml:"type"`
	URL       string         `json:"url" yaml:"url"`
	IsDefault bool           `json:"isDefault" yaml:"isDefault"`
	Editable  bool           `json:"-" yaml:"editable"`
	ReadOnly  bool           `json:"readOnly" yaml:"-"`
	JSONData  map[string]any `json:"jsonData" yaml:"jsonData"`
}

// readSources reads the files of a folder in the order of their names. The
// same name again takes the place of what was there, whole; more than one
// default is refused.
func readSources(dir string) ([]source, error) {
	files, err := yamlFiles(dir)
	if err != nil {
		return nil, err
	}
	var all []source
	defaults := 0
	for _, file := range files {
		var read struct {
			Datasources       []source         `yaml:"datasources"`
			DeleteDatasources []map[string]any `yaml:"deleteDatasources"`
		}
		if err := readYAML(file, &read); err != nil {
			return nil, err
		}
		for _, gone := range read.DeleteDatasources {
			all = slices.DeleteFunc(all, func(s source) bool { return s.Name == gone["name"] })
		}
		for _, s := range read.Datasources {
			if s.IsDefault {
				defaults++
			}
			if all, err = upsert(all, s); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	if defaults > 1 {
		return nil, errors.New("only one data source can be marked as default")
	}
	return all, nil
}

func upsert(all []source, s source) ([]source, error) {
	s.ReadOnly = !s.Editable
	s.JSONData, _ = expand(s.JSONData).(map[string]any)
	at := slices.IndexFunc(all, func(other source) bool { return other.Name == s.Name })
	if other := slices.IndexFunc(all, func(other source) bool { return other.UID == s.UID }); other >= 0 && other != at {
		return nil, fmt.Errorf("the uid %s is taken by another data source", s.UID)
	}
	if at < 0 {
		s.ID = len(all) + 1
		return append(all, s), nil
	}
	s.ID = all[at].ID
	all[at] = s
	return all, nil
}

// expand fills in variables of the environment, as in all values of the files;
// two dollar signs are one.
func expand(v any) any {
	switch v := v.(type) {
	case string:
		parts := strings.Split(v, "$$")
		for i := range parts {
			parts[i] = os.ExpandEnv(parts[i])
		}
		return strings.Join(parts, "$")
	case map[string]any:
		filled := map[string]any{}
		for key, value := range v {
			filled[key] = expand(value)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i := range v {
			filled[i] = expand(v[i])
		}
		return filled
	}
	return v
}

func yamlFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
			files = append(files, filepath.Join(dir, name))
		}
	}
	return files, nil
}

func readYAML(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
