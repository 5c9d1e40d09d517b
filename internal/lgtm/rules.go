package lgtm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/state"
)

// WriteRules writes the rules that come with diorama, and the user's, into LGTM's
// folder dir.
func WriteRules(dir string, globs []string) error {
	dir = filepath.Join(dir, "rules")
	if err := state.CreatePublic(dir); err != nil {
		return err
	}
	files, err := dashboards.RuleFiles()
	if err != nil {
		return err
	}
	own, err := userRules(globs)
	if err != nil {
		return err
	}
	for i, path := range own {
		data, err := readRules(path)
		if err != nil {
			return refusedRules(err)
		}
		files[fmt.Sprintf("own-%d-%s.yaml", i, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))] = string(data)
	}
	for name, text := range files {
		if err := state.WritePublicFile(filepath.Join(dir, name), []byte(text)); err != nil {
			return err
		}
	}
	// An earlier run may have had other files.
	left, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the folder of the rules: %w", err)
	}
	for _, entry := range left {
		if _, wanted := files[entry.Name()]; !wanted {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("removing a rule file of an earlier run: %w", err)
			}
		}
	}
	return nil
}

// userRules are the files that the user's rule globs name. They are copied
// once: a glob that matches nothing now would never match.
func userRules(globs []string) ([]string, error) {
	var files []string
	for _, glob := range globs {
		found, err := filepath.Glob(glob)
		if err != nil {
			return nil, fmt.Errorf("backend.rules %q: %w", glob, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("backend.rules: %s: %w", glob, os.ErrNotExist)
		}
		files = append(files, found...)
	}
	return files, nil
}

// readRules reads a rule file that Prometheus will load: a bad one would keep it
// from starting.
func readRules(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a rule file: %w", err)
	}
	_, err = backend.ParseRules(path, data)
	return data, err
}

// CheckRules says early which of the user's rule files would keep Prometheus from
// starting.
func CheckRules(globs []string) error {
	files, err := userRules(globs)
	if err != nil {
		return err
	}
	var problems []error
	for _, path := range files {
		_, err := readRules(path)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return refusedRules(err)
	}
	return nil
}

func refusedRules(err error) error {
	return fmt.Errorf("backend.rules: Prometheus would not start; mend it, or leave the file out:\n%w", err)
}
