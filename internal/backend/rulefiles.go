package backend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// watchEvery is how often rule files are looked at.
const watchEvery = 2 * time.Second

// RuleFiles are the files that paths and globs name, sorted and each once, and
// an error for what is no glob and for paths that are not there. A glob may
// match nothing.
func RuleFiles(patterns []string) ([]string, error) {
	var files []string
	var errs []error
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("rule files %q: %w", pattern, err))
		case len(found) == 0 && !strings.ContainsAny(pattern, "*?["):
			errs = append(errs, fmt.Errorf("rule file %s does not exist", pattern))
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), errors.Join(errs...)
}

// goodRuleFiles are the files without faults, and an error for the others.
func goodRuleFiles(patterns []string) ([]string, error) {
	files, err := RuleFiles(patterns)
	errs := []error{err}
	files = slices.DeleteFunc(files, func(file string) bool {
		data, err := os.ReadFile(file)
		if err != nil {
			err = fmt.Errorf("reading a rule file: %w", err)
		} else {
			_, err = ParseRules(file, data)
		}
		errs = append(errs, err)
		return err != nil
	})
	return files, errors.Join(errs...)
}

// stamp tells one state of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// stamps are those of the files that there are now.
func stamps(patterns []string) map[string]stamp {
	all := map[string]stamp{}
	files, _ := RuleFiles(patterns) // what is wrong with the patterns is reported when they are loaded
	for _, file := range files {
		all[file] = stamp{}
		if info, err := os.Stat(file); err == nil {
			all[file] = stamp{info.ModTime(), info.Size()}
		}
	}
	return all
}
