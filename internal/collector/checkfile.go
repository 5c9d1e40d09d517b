package collector

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/spelling"
	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// types are the kinds of components that a collector has, by section. A collector
// whose components are not known has none of the sections.
type types map[string][]string

// sections are what a configuration's components are in, and service.
func sections() []string {
	return []string{"receivers", "processors", "exporters", "extensions", "connectors", "service"}
}

// builtIn are the components of the distribution.
func builtIn() (types, error) {
	factories, err := Factories()
	if err != nil {
		return nil, err
	}
	return types{
		"receivers": typeNames(factories.Receivers), "processors": typeNames(factories.Processors),
		"exporters": typeNames(factories.Exporters), "extensions": typeNames(factories.Extensions),
		"connectors": typeNames(factories.Connectors),
	}, nil
}

func typeNames[F any](factories map[component.Type]F) []string {
	names := []string{}
	for t := range factories {
		names = append(names, t.String())
	}
	slices.Sort(names)
	return names
}

// CheckStructure says what is wrong with a configuration file whatever components
// the collector has: that is no YAML, that a pipeline names what is not configured.
func CheckStructure(path string) error {
	_, err := checkStructure(path, nil)
	return err
}

// checkStructure returns the file's mapping too.
func checkStructure(path string, known types) (*yaml.Node, error) {
	if err := yamlfile.CheckRegular(path); err != nil {
		return nil, fmt.Errorf("reading the collector's configuration: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the collector's configuration: %w", err)
	}
	root, err := yamlfile.Mapping(data, "a collector's configuration")
	if err == nil && root == nil {
		err = errors.New("is empty; `diorama config collector cluster` prints a configuration to begin with")
	}
	if err == nil {
		err = yamlfile.Twice(root)
	}
	if err == nil {
		err = checkSections(root, known)
	}
	return root, yamlfile.In(path, err)
}

func checkSections(root *yaml.Node, known types) error {
	var problems []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch section := key.Value; {
		case section == mergeKey:
		case !slices.Contains(sections(), section):
			problems = append(problems, yamlfile.At(key.Line, "a collector's configuration has no %q; %s",
				section, closest(section, sections())))
		case section != "service":
			problems = append(problems, checkComponents(key, value, known))
		}
	}
	_, service := yamlfile.Get(root, "service")
	if service == nil && merges(root) {
		return errors.Join(problems...)
	}
	if service == nil {
		problems = append(problems, errors.New("has no service.pipelines: what no pipeline names does not run"))
	} else {
		problems = append(problems, checkService(root, service))
	}
	return errors.Join(problems...)
}

// closest names what was probably meant, or all that there is.
func closest(word string, words []string) string {
	if len(words) == 0 {
		return "it has none"
	}
	nearest := slices.MinFunc(words, func(a, b string) int {
		return spelling.Distance(a, word) - spelling.Distance(b, word)
	})
	if spelling.Distance(nearest, word) <= 2 {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	return "known are " + strings.Join(words, ", ")
}

// checkComponents reports the components of a section that have no options, and
// those that the collector does not have, if its components are known.
func checkComponents(section, components *yaml.Node, known types) error {
	if !mapping(components) {
		return yamlfile.At(section.Line, "%s has to be a mapping of components and their options", section.Value)
	}
	var problems []error
	for i := 0; components.Kind == yaml.MappingNode && i+1 < len(components.Content); i += 2 {
		key, options := components.Content[i], components.Content[i+1]
		kind, _, _ := strings.Cut(key.Value, "/")
		kind = strings.TrimSpace(kind)
		if key.Value == mergeKey {
			continue
		}
		if known != nil && !slices.Contains(known[section.Value], kind) {
			problems = append(problems, yamlfile.At(key.Line, "the collector that is built in has no %s %q; %s",
				strings.TrimSuffix(section.Value, "s"), kind, closest(kind, known[section.Value])))
		} else if !mapping(options) {
			problems = append(problems, yamlfile.At(key.Line, "%s.%s has to be a mapping of options", section.Value, key.Value))
		}
	}
	return errors.Join(problems...)
}

// mapping tells whether a value is one, is left out, or comes from elsewhere.
func mapping(value *yaml.Node) bool {
	return value.Kind == yaml.MappingNode || value.Tag == "!!null" || elsewhere(value)
}

// checkService reports what the service names that is not configured.
func checkService(root, service *yaml.Node) error {
	problems := []error{checkKeys("service", service, "extensions", "pipelines", "telemetry")}
	_, extensions := yamlfile.Get(service, "extensions")
	problems = append(problems, checkNamed(root, "service", extensions, "extensions"))
	key, pipelines := yamlfile.Get(service, "pipelines")
	switch {
	case elsewhere(service) || elsewhere(pipelines):
	case pipelines == nil || len(pipelines.Content) == 0:
		return errors.Join(append(problems, yamlfile.At(service.Line,
			"service has no pipelines: what no pipeline names does not run"))...)
	case pipelines.Kind != yaml.MappingNode:
		return errors.Join(append(problems, yamlfile.At(key.Line, "service.pipelines is no mapping of pipelines"))...)
	default:
		for i := 0; i+1 < len(pipelines.Content); i += 2 {
			problems = append(problems, checkPipeline(root, pipelines.Content[i], pipelines.Content[i+1]))
		}
	}
	return errors.Join(problems...)
}

func checkPipeline(root, key, pipeline *yaml.Node) error {
	at := "service.pipelines." + key.Value
	if elsewhere(pipeline) {
		return nil
	}
	signal, _, _ := strings.Cut(key.Value, "/")
	if known := []string{"metrics", "logs", "traces", "profiles"}; !slices.Contains(known, signal) {
		return yamlfile.At(key.Line, "service.pipelines has %q, which is no signal; %s", signal, closest(signal, known))
	}
	if err := checkKeys(at, pipeline, "receivers", "processors", "exporters"); err != nil {
		return err
	}
	var problems []error
	for _, list := range []struct {
		name   string
		needed bool
		in     []string
	}{
		{"receivers", true, []string{"receivers", "connectors"}}, {"processors", false, []string{"processors"}},
		{"exporters", true, []string{"exporters", "connectors"}},
	} {
		_, names := yamlfile.Get(pipeline, list.name)
		if list.needed && (names == nil || names.Kind == yaml.SequenceNode && len(names.Content) == 0) {
			problems = append(problems, yamlfile.At(key.Line, "%s has no %s; name one at least", at, list.name))
		}
		problems = append(problems, checkNamed(root, at, names, list.in...))
	}
	return errors.Join(problems...)
}

// checkKeys reports the keys of a mapping that it does not have.
func checkKeys(at string, mapping *yaml.Node, known ...string) error {
	var problems []error
	for i := 0; mapping.Kind == yaml.MappingNode && i+1 < len(mapping.Content); i += 2 {
		if key := mapping.Content[i]; key.Value != mergeKey && !slices.Contains(known, key.Value) {
			problems = append(problems, yamlfile.At(key.Line, "%s has no %q; %s", at, key.Value, closest(key.Value, known)))
		}
	}
	return errors.Join(problems...)
}

// checkNamed reports the names of a list that none of some sections has.
func checkNamed(root *yaml.Node, at string, names *yaml.Node, in ...string) error {
	if names == nil || names.Tag == "!!null" || elsewhere(names) {
		return nil
	}
	if names.Kind != yaml.SequenceNode {
		return yamlfile.At(names.Line, "%s has to name its %s in a list, as [a, b]", at, in[0])
	}
	configured := map[string]bool{}
	for _, section := range in {
		_, components := yamlfile.Get(root, section)
		if components != nil && (elsewhere(components) || !mapping(components)) {
			return nil
		}
		for i := 0; components != nil && i+1 < len(components.Content); i += 2 {
			configured[components.Content[i].Value] = true
		}
	}
	var problems []error
	for _, name := range names.Content {
		if name.Kind != yaml.ScalarNode || configured[name.Value] || elsewhere(name) {
			continue
		}
		hint := "none is"
		if len(configured) > 0 {
			hint = closest(name.Value, slices.Sorted(maps.Keys(configured)))
		}
		problems = append(problems, yamlfile.At(name.Line, "%s names the %s %q, which is not configured under %s; %s",
			at, strings.TrimSuffix(in[0], "s"), name.Value, strings.Join(in, " or "), hint))
	}
	return errors.Join(problems...)
}

// elsewhere tells whether a value is taken from a variable or another file, which
// may have anything, or is merged or repeated.
func elsewhere(value *yaml.Node) bool {
	return value != nil && (strings.Contains(value.Value, "${") || value.Kind == yaml.AliasNode || merges(value))
}

// mergeKey is YAML's for what another mapping has.
const mergeKey = "<<"

func merges(value *yaml.Node) bool {
	key, _ := yamlfile.Get(value, mergeKey)
	return value.Kind == yaml.MappingNode && key != nil
}
