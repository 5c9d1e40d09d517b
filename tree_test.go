package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/diorama-lab/diorama/"

// tableRow is a row of CONTRIBUTING.md's table of folders, and fileIn a file or
// folder that its second table names.
var (
	tableRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ")
	fileIn   = regexp.MustCompile("`((?:internal|dashboards|ui|api)/[^`]*)`")
)

// CONTRIBUTING.md's table has every folder that holds code, and an import goes
// down it, never up.
func TestImportsGoDownTheTable(t *testing.T) {
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range tableRow.FindAllStringSubmatch(string(text), -1) {
		rows = append(rows, row[1])
		if _, err := os.Stat(row[1]); err != nil && strings.Contains(row[1], "/") {
			t.Errorf("CONTRIBUTING.md has a row for %s, which is not there", row[1])
		}
	}
	for folder, imports := range importsOf(t) {
		from := rowOf(rows, folder)
		if from < 0 && folder != "." && !strings.HasPrefix(folder, "e2e") {
			t.Errorf("CONTRIBUTING.md has no row for %s", folder)
			continue
		}
		for _, to := range imports {
			if below := rowOf(rows, to); below < from {
				t.Errorf("%s imports %s, which stands above it in CONTRIBUTING.md's table", folder, to)
			}
		}
	}
}

// What CONTRIBUTING.md says people come to change is where it says.
func TestNamedPlacesAreThere(t *testing.T) {
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	places := fileIn.FindAllStringSubmatch(string(text), -1)
	for _, place := range places {
		if _, err := os.Stat(place[1]); err != nil {
			t.Errorf("CONTRIBUTING.md names %s: %v", place[1], err)
		}
	}
	if len(places) < 10 {
		t.Errorf("CONTRIBUTING.md names only %d places", len(places))
	}
}

// rowOf is the row of a folder, or of the nearest one above it that has a row; -1
// if there is none.
func rowOf(rows []string, folder string) int {
	for ; folder != "." && folder != "/"; folder = path.Dir(folder) {
		if i := slices.Index(rows, folder); i >= 0 {
			return i
		}
	}
	return -1
}

// importsOf are the folders of this module that each folder's code imports, apart
// from tests.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	walk := func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"node_modules", ".git", "testdata", "bin"}, entry.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return fmt.Errorf("reading the imports of %s: %w", file, err)
		}
		folder := filepath.ToSlash(filepath.Dir(file))
		all[folder] = append(all[folder], []string{}...)
		for _, imported := range parsed.Imports {
			name, err := strconv.Unquote(imported.Path.Value)
			if to, ours := strings.CutPrefix(name, module); ours {
				all[folder] = append(all[folder], to)
			} else if err != nil {
				return err
			}
		}
		return nil
	}
	if err := filepath.WalkDir(".", walk); err != nil {
		t.Fatal(err)
	}
	return all
}
