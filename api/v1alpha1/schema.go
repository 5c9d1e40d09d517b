package v1alpha1

import (
	"reflect"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of an environment file, from
// the types, their tags and descriptions.
func Schema() map[string]any {
	schema := schemaOf(reflect.TypeFor[Environment](), "", descriptions())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "diorama environment"
	return schema
}

// schemaOf is the schema of the field at a path of the file.
func schemaOf(t reflect.Type, path string, about map[string]string) map[string]any {
	switch t {
	case reflect.TypeFor[Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`}
	case reflect.TypeFor[Ports]():
		return map[string]any{"oneOf": []any{map[string]any{"const": "auto"}, objectSchema(t, path, about)}}
	case reflect.TypeFor[Kind]():
		return map[string]any{"enum": Kinds()}
	}
	switch t.Kind() {
	case reflect.Struct:
		return objectSchema(t, path, about)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), path, about)}
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

func objectSchema(t reflect.Type, path string, about map[string]string) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		at := strings.TrimPrefix(path+"."+name, ".")
		property := schemaOf(field.Type, at, about)
		property["description"] = about[at]
		properties[name] = property
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
