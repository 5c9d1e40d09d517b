package v1alpha1

import (
	"reflect"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of an environment file, from
// the types and their tags.
func Schema() map[string]any {
	schema := schemaOf(reflect.TypeFor[Environment]())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "diorama environment"
	return schema
}

func schemaOf(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`}
	case reflect.TypeFor[Ports]():
		return map[string]any{"oneOf": []any{map[string]any{"const": "auto"}, objectSchema(t)}}
	case reflect.TypeFor[Kind]():
		return map[string]any{"enum": Kinds()}
	}
	switch t.Kind() {
	case reflect.Struct:
		return objectSchema(t)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	default:
		return map[string]any{"type": "string"}
	}
}

func objectSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		property := schemaOf(field.Type)
		property["description"] = field.Tag.Get("jsonschema")
		properties[name] = property
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
