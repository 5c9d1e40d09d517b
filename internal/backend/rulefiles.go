package backend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
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
			err = ParseRules(file, data)
		}
		errs = append(errs, err)
		return err != nil
	})
	return files, errors.Join(errs...)
}

// ParseRules says what keeps Prometheus from loading a rule file, each fault as
// FILE:LINE: text.
func ParseRules(file string, data []byte) error {
	_, faults := rulefmt.Parse(data, false, model.UTF8Validation, parser.NewParser(parser.Options{}))
	var lines []string
	for _, fault := range faults {
		for _, text := range single(fault.Error()) {
			// Prometheus reads a file twice, the second time into nodes.
			line := strings.ReplaceAll(placed(file, text), "rulefmt.RuleNode", "rulefmt.Rule")
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
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

// lineOf finds where a fault is: rules have LINE:COLUMN before their text, YAML
// names a line within it. What has no place is at 0:0.
var (
	lineOf     = regexp.MustCompile(`^(\d+:\d+): `)
	yamlLineOf = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
)

func placed(file, text string) string {
	text = strings.TrimPrefix(text, "0:0: ")
	for _, place := range []*regexp.Regexp{lineOf, yamlLineOf} {
		if found := place.FindStringSubmatch(text); found != nil {
			return file + ":" + found[1] + ": " + strings.TrimPrefix(text, found[0])
		}
	}
	return file + ": " + text
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
