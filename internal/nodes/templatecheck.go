package nodes

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podapi "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install" // conversion and defaults, as the API server has them
	"k8s.io/kubernetes/pkg/apis/apps/validation"
	_ "k8s.io/kubernetes/pkg/apis/core/install"

	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// refusals are what the API server would say of the Deployment that runs a template:
// its own defaults and validation.
func refusals(pod *corev1.Pod) field.ErrorList {
	objects := templateObjects(pod.DeepCopy(), 1)
	deployment := objects[len(objects)-1]
	legacyscheme.Scheme.Default(deployment)
	internal := &apps.Deployment{}
	if err := legacyscheme.Scheme.Convert(deployment, internal, nil); err != nil {
		return field.ErrorList{field.InternalError(nil, err)}
	}
	options := podapi.GetValidationOptionsFromPodTemplate(&internal.Spec.Template, nil)
	return validation.ValidateDeployment(internal, options)
}

var (
	wrongType   = regexp.MustCompile(`cannot unmarshal (\w+) into Go struct field (?:[A-Z]\w*\.)?(\S+) of type (\S+)`)
	unknownKeys = regexp.MustCompile(`unknown field "([^"]+)"`)
)

// decodingError says where a template cannot be decoded, without Go's names.
func decodingError(root *yamlv3.Node, err error) error {
	if match := wrongType.FindStringSubmatch(err.Error()); match != nil {
		kinds := map[string]string{
			"number": "a number", "string": "a text", "object": "a mapping", "array": "a list", "bool": "true or false",
		}
		return yamlfile.At(lineOf(root, match[2]), "%s is %s, and has to be %s", match[2], kinds[match[1]], kindOf(match[3]))
	}
	if path, value := wrongQuantity(root, ""); path != "" {
		return yamlfile.At(lineOf(root, path), "%s is %q; write a quantity, as 250m, 2 or 64Mi", path, value)
	}
	var problems []error
	for _, match := range unknownKeys.FindAllStringSubmatch(err.Error(), -1) {
		problems = append(problems, yamlfile.At(lineOf(root, match[1]), "a Pod has no field %q", match[1]))
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	return yamlfile.At(lineOf(root, fieldIn(err)), "%w", err)
}

// kindOf is how a Go type is written in YAML.
func kindOf(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == "string":
		return "a text"
	case goType == "bool":
		return "true or false"
	case strings.Contains(goType, "int"):
		return "a whole number"
	}
	return "a mapping"
}

// wrongQuantity finds a request or limit that is no quantity: decoding does not say
// which.
func wrongQuantity(node *yamlv3.Node, path string) (string, string) {
	for i, child := range node.Content {
		at := path
		switch {
		case node.Kind == yamlv3.SequenceNode:
			at += fmt.Sprintf("[%d]", i)
		case node.Kind == yamlv3.MappingNode && i%2 == 0:
			continue
		case node.Kind == yamlv3.MappingNode:
			at = strings.TrimPrefix(path+"."+node.Content[i-1].Value, ".")
		}
		if regexp.MustCompile(`\.(requests|limits)\.[^.]+$`).MatchString(at) && child.Kind == yamlv3.ScalarNode {
			if _, err := resource.ParseQuantity(child.Value); err != nil {
				return at, child.Value
			}
		}
		if found, value := wrongQuantity(child, at); found != "" {
			return found, value
		}
	}
	return "", ""
}
