// Package yamlfile says where in a YAML file something is, and what keeps a text
// from being one document of YAML.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// LineError is what is wrong on a line of a text.
type LineError struct {
	Line int
	Err  error
}

// Error begins with the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap is what is wrong there.
func (e *LineError) Unwrap() error { return e.Err }

// At is an error on a line.
func At(line int, format string, args ...any) error {
	return &LineError{Line: line, Err: fmt.Errorf(format, args...)}
}

// In names the file of each problem of err: FILE:LINE where the line is known.
func In(file string, err error) error {
	if all, ok := Joined(err); ok {
		for i, each := range all {
			all[i] = In(file, each)
		}
		return errors.Join(all...)
	}
	line := (*LineError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &line):
		return fmt.Errorf("%s:%d: %w", file, line.Line, line.Err)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// Joined are the errors that err joins, and adds nothing to.
func Joined(err error) ([]error, bool) {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil, false
	}
	all := slices.Clone(joined.Unwrap())
	return all, errors.Join(all...).Error() == err.Error()
}

// CheckRegular says why a file cannot be read again and again.
func CheckRegular(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s", path)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder; name a file", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file; it is read several times, so a pipe does not do", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return file.Close()
}

// Mapping is that of the only document of a text, which is to be one of what; nil
// if the text is empty.
func Mapping(data []byte, what string) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	if err := decoder.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, SyntaxError(data, err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, At(second.Line, "a second YAML document begins; %s is one: remove it", what)
	case !errors.Is(err, io.EOF):
		return nil, SyntaxError(data, err)
	}
	switch content := root.Content[0]; {
	case content.Tag == "!!null":
		return nil, nil
	case content.Kind != yaml.MappingNode:
		return nil, At(root.Line, "this is no mapping (key: value), as %s is", what)
	default:
		return content, nil
	}
}

// Twice reports the keys that stand twice in a mapping, anywhere in a node.
func Twice(node *yaml.Node) error {
	var problems []error
	first := map[string]int{}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			if line, twice := first[child.Value]; twice && child.Kind == yaml.ScalarNode {
				problems = append(problems, At(child.Line, "%q stands twice, first on line %d; remove one", child.Value, line))
			}
			first[child.Value] = child.Line
		}
		problems = append(problems, Twice(child))
	}
	return errors.Join(problems...)
}

// Line is that of a field, such as images.beyla or backend.rules[1], or of the
// deepest part of its path that is there; 0 if none is.
func Line(node *yaml.Node, path string) int {
	separators := func(r rune) bool { return strings.ContainsRune(".[]", r) }
	return LineOf(node, strings.FieldsFunc(path, separators)...)
}

// LineOf is Line for keys that may have dots in them.
func LineOf(node *yaml.Node, keys ...string) int {
	line := 0
	for _, name := range keys {
		key, value := Get(node, name)
		if value == nil {
			break
		}
		line, node = key.Line, value
	}
	return line
}

// Get is the key and the value of a name in a mapping, or the item of a number in a
// list, or of the list's first mapping with the name; nil if there is none.
func Get(node *yaml.Node, name string) (key, value *yaml.Node) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if i, err := strconv.Atoi(name); err == nil && node.Kind == yaml.SequenceNode && i < len(node.Content) {
		return node.Content[i], node.Content[i]
	}
	for _, item := range node.Content {
		if node.Kind == yaml.SequenceNode && value == nil && item.Kind == yaml.MappingNode {
			key, value = Get(item, name)
		}
	}
	for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
		if node.Content[i].Value == name {
			key, value = node.Content[i], node.Content[i+1]
		}
	}
	return key, value
}

var (
	lineInError   = regexp.MustCompile(`^line (\d+): (.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced`)
	tabIndents    = regexp.MustCompile(`^ *\t`)
)

// SyntaxError says what keeps a text from being YAML, with its line; err is the
// parser's.
func SyntaxError(data []byte, err error) error {
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	match := lineInError.FindStringSubmatch(said)
	if anchor := unknownAnchor.FindStringSubmatch(said); anchor != nil {
		before, _, _ := strings.Cut(string(data), "*"+anchor[1])
		return At(1+strings.Count(before, "\n"), "*%s repeats &%s, which is not there", anchor[1], anchor[1])
	}
	if match == nil {
		if line, found := lineOfNoText(data); found {
			return At(line, "holds what is no text; give a YAML file, in UTF-8")
		}
		return errors.New(said)
	}
	line, err := strconv.Atoi(match[1])
	if err != nil {
		return errors.New(said)
	}
	// The parser names the line that it has come to, which may be the one before.
	lines := strings.Split(string(data), "\n")
	for _, i := range []int{line - 1, line} {
		if i < len(lines) && tabIndents.MatchString(lines[i]) {
			return At(i+1, "a tab indents this line; YAML wants spaces")
		}
	}
	return At(line, "this is no YAML: %s", match[2])
}

// lineOfNoText finds the first line with a byte that no text in UTF-8 has.
func lineOfNoText(data []byte) (int, bool) {
	line := 1
	for _, r := range string(data) {
		switch {
		case r == '\n':
			line++
		case r == '\uFFFD' || r < ' ' && r != '\t' && r != '\r':
			return line, true
		}
	}
	return 0, false
}
