package v1alpha1

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/spelling"
)

// Load reads an environment file over the defaults of its kind. Fields that
// the file does not know are errors with their line; paths become absolute.
func Load(path string) (Environment, error) { return LoadAs(path, "") }

// LoadAs reads an environment file as one of a kind, whatever it says of that
// itself; "" leaves it to the file.
func LoadAs(path string, kind Kind) (Environment, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Environment{}, fmt.Errorf("reading the environment file: %w", err)
	}
	env, err := parse(data, kind)
	if err != nil {
		return Environment{}, fmt.Errorf("environment file %s: %w", path, err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Environment{}, fmt.Errorf("resolving the folder of %s: %w", path, err)
	}
	env.ResolvePaths(dir)
	return env, nil
}

// Parse reads an environment over the defaults of its kind. It does not
// validate: flags may still change what the file says.
func Parse(data []byte) (Environment, error) { return parse(data, "") }

func parse(data []byte, kind Kind) (Environment, error) {
	env := DefaultOf(cmp.Or(kind, Embedded))
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return env, nil
		}
		return env, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return env, errors.New("holds more than one YAML document; an environment is one")
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return env, fmt.Errorf("line %d: is no mapping; it starts with apiVersion: %s", root.Line, APIVersion)
	}
	var problems []error
	checkFields(root.Content[0], reflect.TypeFor[Environment](), "", &problems)
	if len(problems) > 0 {
		return env, errors.Join(problems...)
	}
	kind = cmp.Or(kind, kindOf(root.Content[0]))
	env = DefaultOf(kind)
	if err := root.Decode(&env); err != nil {
		return env, typeErrors(err)
	}
	env.Kind = kind
	for _, field := range env.foreign() {
		// What is not in the file itself is for Validate to report.
		if line := lineOf(root.Content[0], field.name); line > 0 {
			problems = append(problems, fmt.Errorf("line %d: %w", line, field.err))
		}
	}
	return env, errors.Join(problems...)
}

// lineOf is the line of a field, such as images.beyla, in a file's mapping; 0
// if it is not there.
func lineOf(mapping *yaml.Node, name string) int {
	first, rest, nested := strings.Cut(name, ".")
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		switch key := mapping.Content[i]; {
		case key.Value != first:
		case nested:
			return lineOf(mapping.Content[i+1], rest)
		default:
			return key.Line
		}
	}
	return 0
}

// kindOf is what a file says of its kind, whose defaults the rest is read over.
func kindOf(mapping *yaml.Node) Kind {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == "kind" {
			return Kind(mapping.Content[i+1].Value)
		}
	}
	return Embedded
}

// ResolvePaths makes the paths of the environment absolute, from dir.
func (e *Environment) ResolvePaths(dir string) {
	abs := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	abs(&e.Cluster.PodTemplate)
	abs(&e.Telemetry.Collectors.Cluster)
	abs(&e.Telemetry.Collectors.Nodes)
	abs(&e.Dashboards.Folder)
	abs(&e.Chart.Path)
	for i := range e.Dashboards.JsonnetPaths {
		abs(&e.Dashboards.JsonnetPaths[i])
	}
	for i := range e.Cluster.Stages {
		abs(&e.Cluster.Stages[i])
	}
	for i := range e.Backend.Rules {
		abs(&e.Backend.Rules[i])
	}
	for i := range e.Images.Load {
		abs(&e.Images.Load[i])
	}
}

// CheckFields reports the keys of a YAML document that a type does not have,
// with their lines.
func CheckFields(document *yaml.Node, typ reflect.Type) error {
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: is no mapping", document.Line)
	}
	var problems []error
	checkFields(document.Content[0], typ, "", &problems)
	return errors.Join(problems...)
}

// checkFields reports the keys of node that typ does not have, and keys that
// stand twice, with line, path and what was probably meant.
func checkFields(node *yaml.Node, typ reflect.Type, path string, problems *[]error) {
	if node.Kind == yaml.SequenceNode && typ.Kind() == reflect.Slice {
		for i, item := range node.Content {
			checkFields(item, typ.Elem(), fmt.Sprintf("%s[%d]", path, i), problems)
		}
	}
	if node.Kind != yaml.MappingNode || typ.Kind() != reflect.Struct {
		return
	}
	fields := map[string]reflect.Type{}
	for i := range typ.NumField() {
		if name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ","); name != "" {
			fields[name] = typ.Field(i).Type
		}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		field, known := fields[key.Value]
		switch {
		case !known:
			unknown := fmt.Errorf("line %d: unknown field %q%s", key.Line, at, suggestion(key.Value, fields))
			*problems = append(*problems, unknown)
		case seen[key.Value]:
			*problems = append(*problems, fmt.Errorf("line %d: field %q stands twice", key.Line, at))
		default:
			checkFields(value, field, at, problems)
		}
		seen[key.Value] = true
	}
}

// suggestion names the closest known field, or all of them if none is close.
func suggestion(name string, fields map[string]reflect.Type) string {
	names := slices.Sorted(maps.Keys(fields))
	closest := slices.MinFunc(names, func(a, b string) int {
		return cmp.Compare(spelling.Distance(a, name), spelling.Distance(b, name))
	})
	if spelling.Distance(closest, name) <= 2 {
		return fmt.Sprintf("; did you mean %q?", closest)
	}
	return "; known here: " + strings.Join(names, ", ")
}

// typeErrors joins what yaml found, each with its line, without Go's type names.
func typeErrors(err error) error {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	types := strings.NewReplacer(" into int", " as a whole number", " into uint64", " as a whole number from 0",
		" into []string", " as a list of texts", " into bool", " as true or false", " into string", " as a text")
	problems := make([]error, 0, len(te.Errors))
	for _, text := range te.Errors {
		text = strings.ReplaceAll(text, "cannot unmarshal !!str", "cannot read the text")
		text = strings.ReplaceAll(text, "cannot unmarshal !!map", "cannot read a mapping")
		text = strings.ReplaceAll(text, "cannot unmarshal !!seq", "cannot read a list")
		text = strings.ReplaceAll(text, "cannot unmarshal !!", "cannot read the ")
		problems = append(problems, errors.New(types.Replace(text)))
	}
	return errors.Join(problems...)
}
