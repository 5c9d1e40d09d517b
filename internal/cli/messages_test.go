package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// about are the commands that are about one environment.
var about = regexp.MustCompile("`diorama (up|down|status|scale|logs|kubeconfig)\\b[^`]*`")

// A message that proposes a command about an environment names it: without, the
// command would be about another one, or end it. Messages are read from the sources.
func TestProposedCommandsNameTheEnvironment(t *testing.T) {
	// There is none to name.
	exempt := "there is no environment; `diorama up` brings one up"
	found := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			for _, command := range about.FindAllString(text, -1) {
				found++
				if !strings.Contains(command, "--name") && text != exempt {
					t.Errorf("%s: %q proposes %s, without --name", path, text, command)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 10 {
		t.Errorf("only %d commands are proposed: is this where the sources are?", found)
	}
}
