// Package shape holds the limits that keep the code readable: how long lines,
// functions and files are, and how large a package is. It has only this test.
package shape

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	mostColumns       = 119
	mostFileLines     = 400
	mostFunctionLines = 60
	// Nine of ten functions are no longer than this.
	mostFunctionLinesP90 = 30
	mostPackageLines     = 1500
)

// limited are the packages that may not outgrow mostPackageLines, and what is
// below them: those that an environment is made of.
func limited() []string {
	return []string{
		"internal/beyla", "internal/cluster", "internal/component", "internal/containers", "internal/contrib",
		"internal/control", "internal/environment", "internal/helm", "internal/k3d", "internal/kinds",
		"internal/lgtm", "internal/plan", "internal/rollout", "internal/supervisor", "internal/telemetry",
	}
}

// A file is a source file of the repository.
type file struct {
	path  string
	lines []string
	text  []byte
}

// files are all Go files, whatever platform or tag they are for.
func files(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []file
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root {
			if name := entry.Name(); strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" {
				return filepath.SkipDir
			}
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		all = append(all, file{path: filepath.ToSlash(name), lines: lines, text: text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go files were found")
	}
	return all
}

func TestLines(t *testing.T) {
	for _, f := range files(t) {
		for i, line := range f.lines {
			if n := utf8.RuneCountInString(line); n > mostColumns {
				t.Errorf("%s:%d: the line has %d columns, of at most %d: name a part of it, or give each its own line",
					f.path, i+1, n, mostColumns)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	for _, f := range files(t) {
		if n := len(f.lines); n > mostFileLines {
			t.Errorf("%s:1: the file has %d lines, of at most %d: move what belongs together into a file of its own",
				f.path, n, mostFileLines)
		}
	}
}

func TestFunctions(t *testing.T) {
	var lengths []int
	for _, f := range files(t) {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, f.path, f.text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			first, last := set.Position(function.Pos()).Line, set.Position(function.End()).Line
			// A function in one line has one, and the line of the last brace is none.
			n := max(last-first, 1)
			lengths = append(lengths, n)
			if n > mostFunctionLines {
				t.Errorf("%s:%d: %s has %d lines, of at most %d: give a step of it a name",
					f.path, first, function.Name.Name, n, mostFunctionLines)
			}
		}
	}
	slices.Sort(lengths)
	if p90 := lengths[len(lengths)*9/10]; p90 > mostFunctionLinesP90 {
		t.Errorf("a tenth of the functions has %d lines and more, of at most %d", p90, mostFunctionLinesP90)
	}
}

func TestPackages(t *testing.T) {
	lines := map[string]int{}
	for _, f := range files(t) {
		if !strings.HasSuffix(f.path, "_test.go") {
			lines[f.path[:max(strings.LastIndex(f.path, "/"), 0)]] += len(f.lines)
		}
	}
	for name, n := range lines {
		for _, parent := range limited() {
			if (name == parent || strings.HasPrefix(name, parent+"/")) && n > mostPackageLines {
				t.Errorf("%s: the package has %d lines without its tests, of at most %d: "+
					"divide it into packages that each hold one thing", name, n, mostPackageLines)
			}
		}
	}
}
