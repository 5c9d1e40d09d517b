package yamlfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestMapping(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"# nothing\n":             "",
		"a: 1\n":                  "",
		"\ufeffa: 1\n":            "",
		"---\na: 1\n":             "",
		"a: 1\n---\nb: 1\n":       "line 2: a second YAML document begins; a lab is one: remove it",
		"a: 1\n---\nb: [\n":       "line 3: this is no YAML",
		"- a\n":                   "line 1: this is no mapping (key: value), as a lab is",
		"hello\n":                 "line 1: this is no mapping",
		"a:\n\tb: 1\n":            "line 2: a tab indents this line; YAML wants spaces",
		"a:\n  b: 1\n \tc: 1\n":   "line 3: a tab indents this line",
		"a: 1\nb: \x00\n":         "line 2: holds what is no text",
		"a: 1\n\nb: \xff\xff\n":   "line 3: holds what is no text",
		"a: {b: 1\n":              "line 1: this is no YAML: did not find expected",
		"a: 1\nb: *there\nc: 1\n": "line 2: *there repeats &there, which is not there",
	} {
		node, err := Mapping([]byte(text), "a lab")
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", text, err, want)
		}
		if err == nil && (node == nil) != !strings.Contains(text, ":") {
			t.Errorf("%q gives %v", text, node)
		}
	}
}

func TestLines(t *testing.T) {
	node, err := Mapping([]byte("a:\n  b:\n  - c: 1\n  - d.e/f:\n      g: 1\nx: &x\n  y: 1\nz: *x\n"), "a lab")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"a": 1, "a.b": 2, "a.b[0]": 3, "a.b[0].c": 3, "a.b[1]": 4, "a.b.c": 3, "z.y": 7, "a.none.c": 1, "none": 0, "": 0,
		"a.b[7]": 2,
	} {
		if got := Line(node, path); got != want {
			t.Errorf("%s is on line %d, want %d", path, got, want)
		}
	}
	if got := LineOf(node, "a", "b", "1", "d.e/f", "g"); got != 5 {
		t.Errorf("a key with dots is on line %d", got)
	}
}

func TestTwice(t *testing.T) {
	var node yaml.Node
	if err := yaml.Unmarshal([]byte("a: 1\nb:\n- {c: 1, d: 1}\n- {c: 1, c: 2}\na: 1\n"), &node); err != nil {
		t.Fatal(err)
	}
	const want = "my.yaml:4: \"c\" stands twice, first on line 4; remove one\n" +
		"my.yaml:5: \"a\" stands twice, first on line 1; remove one"
	if err := In("my.yaml", Twice(&node)); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestIn(t *testing.T) {
	if err := In("my.yaml", nil); err != nil {
		t.Error(err)
	}
	cause := errors.New("is empty")
	err := In("my.yaml", errors.Join(cause, At(3, "a %w", cause)))
	if err == nil || err.Error() != "my.yaml: is empty\nmy.yaml:3: a is empty" || !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestCheckRegular(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		file: "", dir: dir + " is a folder; name a file", dir + "/b": "there is no file " + dir + "/b",
		os.DevNull: "is no regular file",
	} {
		err := CheckRegular(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", path, err, want)
		}
	}
}
