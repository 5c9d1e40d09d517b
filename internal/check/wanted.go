package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/dashboard/form"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// Wanted is what somebody asks to be checked.
type Wanted struct {
	// Places are dashboards, rule files and folders of them. Where none is named,
	// what is Served is checked.
	Places []string
	Served Served
	// JsonnetPaths are further folders that jsonnet imports are looked for in,
	// and Evaluate runs it.
	JsonnetPaths []string
	Evaluate     library.Evaluator
	// Declarations are further files of declared emptiness.
	Declarations []string
	// Kind is that of the environment that is asked; "" is somebody else's
	// Prometheus.
	Kind v1alpha1.Kind
}

// Served is what an environment serves.
type Served struct {
	// Library holds its dashboards, and those that come with diorama.
	Library *library.Library
	// Rules are the files of its own rules.
	Rules []string
}

// Read reads what is to be checked, with the declarations that hold there.
func (w Wanted) Read(ctx context.Context) (Sources, error) {
	var s Sources
	read := s.loadNamed
	if len(w.Places) == 0 {
		read = s.loadServed
	}
	if err := read(ctx, w); err != nil {
		return s, err
	}
	for _, file := range w.Declarations {
		more, err := LoadDeclarations(file)
		if err != nil {
			return s, err
		}
		s.Declarations.Add(more)
	}
	s.Declarations = s.Declarations.For(w.Kind)
	return s, nil
}

// loadNamed reads the places that are named: somebody expects something there.
func (s *Sources) loadNamed(ctx context.Context, w Wanted) error {
	if err := s.Load(ctx, w.Places, w.JsonnetPaths, w.Evaluate); err != nil {
		return err
	}
	switch {
	case len(s.Dashboards)+len(s.Rules) > 0:
		return nil
	case len(s.Problems) > 0: // and nothing that could be checked
		return errors.New(strings.Join(s.Problems, "\n"))
	default:
		return fmt.Errorf("no dashboard and no rule found in %s: a dashboard is a .json or .jsonnet file, "+
			"a rule file is YAML with groups", strings.Join(w.Places, ", "))
	}
}

// loadServed reads what an environment serves, and the rules that come with
// diorama.
func (s *Sources) loadServed(ctx context.Context, w Wanted) error {
	if err := s.LoadLibrary(ctx, w.Served.Library); err != nil {
		return err
	}
	// Rule files in that folder are not the environment's; rules of a mixin are checked
	// with its dashboards.
	s.Rules = slices.DeleteFunc(s.Rules, func(f RuleFile) bool { return form.Readable(f.Name) })
	shipped, err := dashboards.RuleFiles()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(shipped)) {
		s.AddRules(name, []byte(shipped[name]))
	}
	if err := s.Load(ctx, w.Served.Rules, nil, nil); err != nil {
		return err
	}
	declared, err := ParseDeclarations(DeclarationsFile, dashboards.Declarations)
	if err != nil {
		return err
	}
	s.Declarations.Add(declared)
	folder := w.Served.Library.Dir
	if folder == "" {
		return nil
	}
	return s.declaredIn(folder)
}

// declaredIn adds the declarations that are for a file or folder, if there are
// any.
func (s *Sources) declaredIn(place string) error {
	file := declarationsOf(place)
	if file == "" {
		return nil
	}
	more, err := LoadDeclarations(file)
	if err != nil {
		return err
	}
	s.Declarations.Add(more)
	return nil
}
