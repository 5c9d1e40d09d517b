package v1alpha1

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/spelling"
	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// LoadAs reads an environment file over the defaults of its kind. Fields that the
// file does not know are errors with their line; paths become absolute. A kind takes
// the place of what the file says of that itself; "" leaves it to the file.
func LoadAs(path string, kind Kind) (Environment, Origin, error) {
	origin := Origin{file: path}
	data, err := readFile(path)
	if err != nil {
		return Environment{}, origin, fmt.Errorf("reading the environment file: %w", err)
	}
	env, root, err := parse(data, kind)
	if err != nil {
		return Environment{}, origin, yamlfile.In(path, err)
	}
	origin.root = root
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Environment{}, origin, fmt.Errorf("resolving the folder of %s: %w", path, err)
	}
	env.ResolvePaths(dir)
	return env, origin, nil
}

// readFile takes pipes too: it reads once.
func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case path == "-" && err != nil:
		return nil, errors.New("- is no file; standard input is /dev/stdin")
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", path)
	case errors.Is(err, syscall.EISDIR):
		return nil, fmt.Errorf("%s is a folder; name a file", path)
	}
	return data, err
}

// Parse reads an environment over the defaults of its kind. It does not
// validate: flags may still change what the file says.
func Parse(data []byte) (Environment, error) {
	env, _, err := parse(data, "")
	return env, err
}

// parse returns the file's mapping too, nil if it is empty.
func parse(data []byte, kind Kind) (Environment, *yaml.Node, error) {
	env := DefaultOf(cmp.Or(kind, Embedded))
	root, err := yamlfile.Mapping(data, "an environment file")
	if err != nil || root == nil {
		return env, nil, err
	}
	var problems failing
	checkValue(root, reflect.TypeFor[Environment](), "", &problems)
	if len(problems) > 0 {
		return env, nil, errors.Join(problems...)
	}
	kind = cmp.Or(kind, kindOf(root))
	env = DefaultOf(kind)
	if err := root.Decode(&env); err != nil {
		return env, nil, yamlfile.SyntaxError(data, err)
	}
	env.Kind = kind
	return env, root, nil
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
		return yamlfile.At(document.Line, "is no mapping")
	}
	var problems failing
	checkFields(document.Content[0], typ, "", &problems)
	return errors.Join(problems...)
}

// checkFields reports the keys of a mapping that typ does not have, and keys that
// stand twice, with line, path and what was probably meant.
func checkFields(node *yaml.Node, typ reflect.Type, path string, problems *failing) {
	fields, seen := typesOf(typ), map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		field, known := fields[key.Value]
		switch first, twice := seen[key.Value]; {
		case !known:
			problems.at(key.Line, "unknown field %q%s", at, suggestion(key.Value, fields))
		case twice:
			problems.at(key.Line, "field %q stands twice, first on line %d; remove one", at, first)
		default:
			checkValue(value, field, at, problems)
			seen[key.Value] = key.Line
		}
	}
}

// typesOf are the types of a mapping's fields, by name.
func typesOf(typ reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range typ.NumField() {
		if name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ","); name != "" {
			fields[name] = typ.Field(i).Type
		}
	}
	return fields
}

// suggestion names the field of a section that is called so, the closest one, or all
// of them if none is close.
func suggestion(name string, fields map[string]reflect.Type) string {
	names := slices.Sorted(maps.Keys(fields))
	for _, section := range names {
		if typ := fields[section]; typ.Kind() == reflect.Struct && typesOf(typ)[name] != nil {
			return fmt.Sprintf("; did you mean %q?", section+"."+name)
		}
	}
	closest := slices.MinFunc(names, func(a, b string) int {
		return cmp.Compare(spelling.Distance(a, name), spelling.Distance(b, name))
	})
	if spelling.Distance(closest, name) <= 2 {
		return fmt.Sprintf("; did you mean %q?", closest)
	}
	return "; known here: " + strings.Join(names, ", ")
}
