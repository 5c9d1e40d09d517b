package nodes

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/utils/cel"
	"sigs.k8s.io/kwok/pkg/utils/expression"
	"sigs.k8s.io/kwok/pkg/utils/gotpl"
	"sigs.k8s.io/yaml"

	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// parseStages reads all documents of all files.
func parseStages(files []StageFile) ([]*v1alpha1.Stage, error) {
	var all []*v1alpha1.Stage
	for _, file := range files {
		decoder := yamlv3.NewDecoder(bytes.NewReader(file.Data))
		found := 0
		for {
			var doc yamlv3.Node
			err := decoder.Decode(&doc)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, yamlfile.In(file.Name, yamlfile.SyntaxError(file.Data, err))
			}
			if doc.IsZero() || len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
				continue
			}
			stage, err := parseStage(doc.Content[0])
			if err != nil {
				return nil, fmt.Errorf("%s:%w", file.Name, err)
			}
			all = append(all, stage)
			found++
		}
		if found == 0 {
			return nil, fmt.Errorf("%s: holds no Stage object", file.Name)
		}
	}
	return all, nil
}

// parseStage reads one Stage; its errors begin with the line.
func parseStage(node *yamlv3.Node) (*v1alpha1.Stage, error) {
	fail := func(path, format string, args ...any) error {
		return fmt.Errorf("%d: %s", lineOf(node, path), fmt.Sprintf(format, args...))
	}
	if node.Kind != yamlv3.MappingNode {
		return nil, fail("", "not a Kubernetes object")
	}
	if wrong := otherKind(node, v1alpha1.StageKind, v1alpha1.GroupVersion.String()); wrong != "" {
		return nil, fail("kind", "%s", wrong)
	}
	text, err := yamlv3.Marshal(node)
	if err != nil {
		return nil, fail("", "encode: %v", err)
	}
	stage := &v1alpha1.Stage{}
	if err := unmarshalStrict(text, stage); err != nil {
		return nil, fail(fieldIn(err), "%v", err)
	}
	if stage.Name == "" {
		return nil, fail("metadata", "the Stage has no metadata.name")
	}
	if path, err := checkStage(stage); err != nil {
		return nil, fail(path, "Stage %s: %v", stage.Name, err)
	}
	return stage, nil
}

// fieldPattern finds the path of an unknown or ill-typed field in the errors of
// strict decoding.
var fieldPattern = regexp.MustCompile(`unknown field "([^"]+)"|field (?:[A-Z]\w*\.)?([a-z][\w.]*) of type`)

func fieldIn(err error) string {
	m := fieldPattern.FindStringSubmatch(err.Error())
	switch {
	case m == nil:
		return ""
	case m[1] != "":
		return m[1]
	}
	return m[2]
}

// unmarshalStrict decodes YAML as the API server does: unknown and duplicate
// fields are errors, with their path.
func unmarshalStrict(text []byte, into any) error {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	strict, err := kjson.UnmarshalStrict(data, into)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return errors.Join(strict...)
}

// lineOf returns the line of the field at a path like spec.steps[1].patch, of the
// deepest field of it that exists, or of the node itself.
func lineOf(node *yamlv3.Node, path string) int {
	return cmp.Or(yamlfile.Line(node, path), node.Line)
}

// checkStage compiles what KWOK would compile when the first object arrives:
// there, a mistake is a line in the log of the controllers, and pods that stay
// Pending. It returns the path of the mistake.
func checkStage(stage *v1alpha1.Stage) (string, error) {
	internal, err := internalversion.ConvertToInternalStage(stage.DeepCopy())
	if err != nil {
		return "spec", err
	}
	spec := internal.Spec
	if spec.ResourceRef.Kind == "" {
		return "spec.resourceRef", errors.New("resourceRef.kind is missing")
	}
	if spec.Selector == nil {
		return "spec", errors.New("has no selector, so it would select nothing")
	}
	env, err := celEnvironment(spec.ResourceRef)
	if err != nil {
		return "spec.resourceRef", err
	}
	for i, match := range spec.Selector.MatchExpressions {
		path := fmt.Sprintf("spec.selector.matchExpressions[%d]", i)
		switch {
		case match.JQ != nil:
			if _, err := expression.NewRequirement(match.JQ.Key, match.JQ.Operator, match.JQ.Values); err != nil {
				return path, err
			}
		case match.CEL != nil:
			if _, err := env.Compile(match.CEL.Expression); err != nil {
				return path, err
			}
		default:
			return path, errors.New("has neither an expression nor a key")
		}
	}
	if spec.Delay != nil {
		if err := checkExpression(env, spec.Delay.DurationFrom); err != nil {
			return "spec.delay.durationFrom", err
		}
		if err := checkExpression(env, spec.Delay.JitterDurationFrom); err != nil {
			return "spec.delay.jitterDurationFrom", err
		}
	}
	if err := checkExpression(env, spec.WeightFrom); err != nil {
		return "spec.weightFrom", err
	}
	//lint:ignore SA1019 Users' files have it, and KWOK takes it.
	return checkSteps(spec.Steps, stage.Spec.Next != nil)
}

func checkExpression(env *cel.Environment, from *internalversion.ExpressionFrom) error {
	switch {
	case from == nil:
		return nil
	case from.CEL != nil:
		_, err := env.Compile(from.CEL.Expression)
		return err
	case from.JQ != nil:
		_, err := expression.NewQuery(from.JQ.Expression)
		return err
	}
	return nil
}

func checkSteps(steps []internalversion.StageStep, next bool) (string, error) {
	for i, step := range steps {
		path := fmt.Sprintf("spec.steps[%d]", i)
		if next {
			path = "spec.next"
		}
		var templates []string
		if step.Patch != nil {
			templates = append(templates, step.Patch.Template)
		}
		if step.Apply != nil {
			templates = append(templates, step.Apply.Template)
		}
		for _, text := range templates {
			if err := checkTemplate(text); err != nil {
				return path, err
			}
		}
	}
	return "", nil
}

// checkTemplate parses a template. KWOK's renderer parses and executes in one
// go; what executing on nothing says does not matter.
func checkTemplate(text string) error {
	_, err := gotpl.NewRenderer(stageFuncs()).ToText(text, nil)
	if err != nil && strings.HasPrefix(err.Error(), "build template: ") {
		return fmt.Errorf("template does not parse: %s",
			strings.TrimSuffix(strings.TrimPrefix(err.Error(), "build template: template: "), ": "))
	}
	return nil
}

// stageFuncs are the names that KWOK's controllers add to the functions of a
// template; only the names are needed to parse one.
func stageFuncs() gotpl.FuncMap {
	funcs := gotpl.FuncMap{}
	for _, name := range []string{
		"NodeIP", "NodeName", "NodePort", "PodIP",
		"NodeIPWith", "NodeIPsWith", "PodIPWith", "PodIPsWith",
	} {
		funcs[name] = func(...any) any { return nil }
	}
	return funcs
}

// celEnvironment returns the environment that KWOK compiles a stage's CEL in.
func celEnvironment(ref internalversion.StageResourceRef) (*cel.Environment, error) {
	var self any = map[string]any{}
	if ref.APIGroup == "v1" || ref.APIGroup == "" {
		switch ref.Kind {
		case "Pod":
			self = (*corev1.Pod)(nil)
		case "Node":
			self = (*corev1.Node)(nil)
		}
	}
	return cel.NewEnvironment(cel.EnvironmentConfig{
		Types:       cel.DefaultTypes,
		Conversions: cel.DefaultConversions,
		Methods:     cel.FuncsToMethods(cel.DefaultFuncs),
		Funcs:       cel.DefaultFuncs,
		Vars:        map[string]any{"self": self},
	})
}
