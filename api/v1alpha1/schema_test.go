package v1alpha1

import "testing"

// Each field has a description, and each description is of a field.
func TestDescriptions(t *testing.T) {
	left := descriptions()
	var walk func(path string, schema map[string]any)
	walk = func(path string, schema map[string]any) {
		if alternatives, ok := schema["oneOf"].([]any); ok {
			schema = alternatives[len(alternatives)-1].(map[string]any)
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, property := range properties {
			at := name
			if path != "" {
				at = path + "." + name
			}
			field := property.(map[string]any)
			if field["description"] == "" {
				t.Errorf("%s has no description", at)
			}
			delete(left, at)
			walk(at, field)
		}
	}
	walk("", Schema())
	for path := range left {
		t.Errorf("there is no field %s to describe", path)
	}
}
