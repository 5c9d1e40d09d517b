package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// RuleFile is a file of rules that could be read.
type RuleFile struct {
	Name   string
	Groups []rulefmt.RuleGroup
}

// Sources is what is read from files.
type Sources struct {
	Dashboards   []*document.Dashboard
	Rules        []RuleFile
	Declarations Declarations
	// Problems are files that could not be read, with the reason.
	Problems []string
}

// Load reads dashboards, rules and declarations from files and folders.
// Imports of jsonnet are looked for in paths too. The error is for a path that
// cannot be looked at, and for declarations that are wrong; what is wrong with
// a dashboard or a rule file is a problem.
func (s *Sources) Load(ctx context.Context, places, paths []string, evaluate library.Evaluator) error {
	for _, place := range places {
		info, err := lookAt(place)
		if err != nil {
			return err
		}
		folder, only := place, ""
		if !info.IsDir() {
			folder, only = filepath.Split(filepath.Clean(place))
			folder = filepath.Clean(folder)
		}
		boards := &library.Library{Dir: folder, Paths: paths, Evaluate: evaluate}
		if isRules(only) {
			s.loadRules(place, true)
		} else if err := s.loadDashboards(ctx, boards, only); err != nil {
			return err
		}
		if only == "" {
			if err := s.findRules(folder); err != nil {
				return err
			}
		}
		if err := s.declaredIn(place); err != nil {
			return err
		}
	}
	return nil
}

// lookAt finds a place that somebody has named.
func lookAt(place string) (os.FileInfo, error) {
	if place == "" {
		return nil, errors.New(`the path "" is empty: name a file or a folder`)
	}
	info, err := os.Stat(place)
	var named *os.PathError
	if errors.As(err, &named) {
		return nil, fmt.Errorf("looking for dashboards and rules: %s: %w", place, named.Err)
	}
	return info, err
}

func isRules(name string) bool {
	return filepath.Ext(name) == ".yaml" || filepath.Ext(name) == ".yml"
}

func isDashboards(name string) bool {
	return slices.Contains([]string{".json", ".jsonnet", ".libsonnet"}, filepath.Ext(name))
}

// loadDashboards reads a folder, or one file of it. What is read is named by
// the path from here, as whoever shows a report needs it.
func (s *Sources) loadDashboards(ctx context.Context, boards *library.Library, only string) error {
	var read Sources
	if only == "" {
		if err := read.LoadLibrary(ctx, boards); err != nil {
			return err
		}
	} else if !isDashboards(only) {
		read.Problems = append(read.Problems,
			only+": it is neither a dashboard (.json, .jsonnet, .libsonnet) nor a rule file (.yaml, .yml)")
	} else {
		found, rules, wrong := boards.Read(ctx, only)
		read.Dashboards = found
		if wrong != nil {
			read.Problems = append(read.Problems, wrong.Error())
		}
		if rules != nil {
			read.addMadeRules(only, rules)
		}
		// Who names a file means something that is in it.
		if len(read.Problems)+len(read.Dashboards)+len(read.Rules) == 0 && ctx.Err() == nil {
			read.Problems = append(read.Problems, only+": it has no dashboard and no rules")
		}
	}
	from := func(name string) string {
		if filepath.IsAbs(name) || boards.Dir == "." {
			return name
		}
		return boards.Dir + "/" + name
	}
	for _, d := range read.Dashboards {
		named := *d
		named.File = from(d.File)
		s.Dashboards = append(s.Dashboards, &named)
	}
	for _, rules := range read.Rules {
		rules.Name = from(rules.Name)
		s.Rules = append(s.Rules, rules)
	}
	for _, problem := range read.Problems {
		s.Problems = append(s.Problems, from(problem))
	}
	return ctx.Err()
}

// LoadLibrary reads all that a library holds.
func (s *Sources) LoadLibrary(ctx context.Context, boards *library.Library) error {
	if _, err := boards.Load(ctx); err != nil {
		return fmt.Errorf("reading the dashboards: %w", err)
	}
	s.Dashboards = append(s.Dashboards, boards.List()...)
	for _, wrong := range boards.Errors() {
		s.Problems = append(s.Problems, wrong.Error())
	}
	rules := boards.Rules()
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		s.addMadeRules(name, rules[name])
	}
	return ctx.Err()
}

// findRules reads the rule files of a folder: YAML that has groups.
func (s *Sources) findRules(folder string) error {
	return filepath.WalkDir(folder, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			if name == folder {
				return fmt.Errorf("looking for rules: %w", err)
			}
			s.Problems = append(s.Problems, err.Error())
			return nil
		}
		if entry.IsDir() && name != folder && library.Skipped(entry.Name()) {
			return filepath.SkipDir
		}
		if !entry.IsDir() && isRules(name) && entry.Name() != DeclarationsFile {
			s.loadRules(name, false)
		}
		return nil
	})
}

// loadRules reads one rule file. One that was not named is passed over if it
// is none.
func (s *Sources) loadRules(name string, named bool) {
	data, err := library.ReadFile(name)
	if err != nil {
		s.Problems = append(s.Problems, name+": "+err.Error())
		return
	}
	if !named && !strings.HasPrefix(string(data), "groups:") && !strings.Contains(string(data), "\ngroups:") {
		return
	}
	s.AddRules(name, data)
}

// AddRules takes over the rules of a file; what is wrong with it is a problem.
func (s *Sources) AddRules(name string, data []byte) {
	groups, err := backend.ParseRules(name, data)
	if err != nil {
		s.Problems = append(s.Problems, strings.Split(err.Error(), "\n")...)
		return
	}
	s.Rules = append(s.Rules, RuleFile{Name: name, Groups: groups})
}

// addMadeRules takes over the rules that jsonnet has made. Lines of what it made
// are nobody's to look at.
func (s *Sources) addMadeRules(name string, data []byte) {
	made := Sources{}
	made.AddRules(name, data)
	s.Rules = append(s.Rules, made.Rules...)
	line := regexp.MustCompile(`^` + regexp.QuoteMeta(name) + `(:\d+)+: `)
	for _, problem := range made.Problems {
		s.Problems = append(s.Problems, line.ReplaceAllString(problem, name+": "))
	}
}
