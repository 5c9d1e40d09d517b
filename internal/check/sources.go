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
	"github.com/diorama-lab/diorama/internal/dashboard/form"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// RuleFile are the rules of a file, or of a part of one.
type RuleFile struct {
	Name string
	// Part says where in the file they are; empty where they are the file.
	Part   string
	Groups []rulefmt.RuleGroup
	// Notes say what only other rulers than Prometheus read there.
	Notes []string
}

// Passed is something that is no dashboard and no rules.
type Passed struct {
	File string `json:"file"`
	Part string `json:"part,omitempty"`
	// What names it: Deployment, Helm template.
	What string `json:"what"`
}

// Sources is what is read from files.
type Sources struct {
	Dashboards   []*document.Dashboard
	Rules        []RuleFile
	Declarations Declarations
	// Problems are files that could not be read, with the reason.
	Problems []string
	// Passed are the things in the files that are neither dashboards nor rules.
	Passed []Passed
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
		if err := s.loadFrom(ctx, boards, only); err != nil {
			return err
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

// named tells of a file that somebody has named that it can be looked into.
func named(name string) bool {
	return filepath.Ext(name) == ".libsonnet" || library.Readable(name)
}

// loadFrom reads a folder, or one file of it. What is read is named by the path
// from here, as whoever shows a report needs it.
func (s *Sources) loadFrom(ctx context.Context, boards *library.Library, only string) error {
	var read Sources
	if only == "" {
		if err := read.LoadLibrary(ctx, boards); err != nil {
			return err
		}
	} else if !named(only) {
		read.Problems = append(read.Problems,
			only+": it is no file that has dashboards or rules (.json, .jsonnet, .libsonnet, .yaml, .yml, .rules)")
	} else {
		read.loadFile(ctx, boards, only)
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
	for _, passed := range read.Passed {
		passed.File = from(passed.File)
		s.Passed = append(s.Passed, passed)
	}
	for _, problem := range read.Problems {
		s.Problems = append(s.Problems, from(problem))
	}
	return ctx.Err()
}

// loadFile reads a file that somebody has named, who means something that is in
// it.
func (s *Sources) loadFile(ctx context.Context, boards *library.Library, name string) {
	content := boards.Read(ctx, name)
	s.Dashboards = content.Dashboards
	for _, wrong := range content.Wrong {
		s.Problems = append(s.Problems, wrong.Error())
	}
	s.addParts(name, content.Parts)
	if len(s.Dashboards)+len(s.Rules)+len(s.Problems) > 0 || ctx.Err() != nil {
		return
	}
	problem := name + ": it has no dashboard and no rules"
	if len(s.Passed) > 0 && s.Passed[0].What != "" {
		problem += " (" + s.Passed[0].What + ")"
	}
	s.Problems = append(s.Problems, problem)
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
	contents := boards.Contents()
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		s.addParts(name, contents[name].Parts)
	}
	return ctx.Err()
}

// addParts takes over what a file has besides dashboards.
func (s *Sources) addParts(name string, parts []form.Part) {
	for _, p := range parts {
		if p.Kind == form.Rules {
			s.addRules(name, p)
			continue
		}
		s.Passed = append(s.Passed, Passed{File: name, Part: p.Where, What: p.What})
	}
}

// AddRules takes over the rules of a rule file; what is wrong with it is a problem.
func (s *Sources) AddRules(name string, data []byte) {
	s.addRules(name, form.Part{Data: data, Lines: true})
}

// addRules takes over the rules of a part. Lines that are not those of the file,
// because jsonnet has made them for instance, are nobody's to look at.
func (s *Sources) addRules(name string, p form.Part) {
	groups, err := backend.ParseRules(name, p.Data)
	if err == nil {
		s.Rules = append(s.Rules, RuleFile{Name: name, Part: p.Where, Groups: groups, Notes: p.Notes})
		return
	}
	line := regexp.MustCompile(`^` + regexp.QuoteMeta(name) + `(:\d+)*: `)
	for _, problem := range strings.Split(err.Error(), "\n") {
		place := line.FindString(problem)
		problem = strings.TrimPrefix(problem, place)
		if !p.Lines || place == "" {
			place = name + ": "
		}
		if p.Where != "" {
			place += p.Where + ": "
		}
		s.Problems = append(s.Problems, place+problem)
	}
}
