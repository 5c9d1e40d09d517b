package v1alpha1

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// checkValue reports what cannot be read as typ, with line, path and how it is
// written. What is left empty keeps its default.
func checkValue(node *yaml.Node, typ reflect.Type, path string, problems *failing) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Tag == "!!null" {
		return
	}
	switch {
	case node.Kind == yaml.MappingNode && typ.Kind() == reflect.Struct:
		checkFields(node, typ, path, problems)
	case node.Kind == yaml.SequenceNode && typ.Kind() == reflect.Slice:
		for i, item := range node.Content {
			checkValue(item, typ.Elem(), fmt.Sprintf("%s[%d]", path, i), problems)
		}
	default:
		if wanted := want(node, typ); wanted != "" {
			problems.at(node.Line, "%s is %s: %s", path, asWritten(node), wanted)
		}
	}
}

// want says how a value of the type is written; "" if it is written so.
func want(node *yaml.Node, typ reflect.Type) string {
	scalar := node.Kind == yaml.ScalarNode
	switch typ {
	case reflect.TypeFor[Duration]():
		if _, err := time.ParseDuration(node.Value); !scalar || err != nil {
			return "write a duration with its unit, as 5s, 10m or 24h"
		}
		return ""
	case reflect.TypeFor[Ports]():
		if !scalar || node.Value != "auto" {
			return "write a mapping of ports, or the word auto, which picks free ones"
		}
		return ""
	}
	switch typ.Kind() {
	case reflect.Struct:
		return "write a mapping, with " + strings.Join(slices.Sorted(maps.Keys(typesOf(typ))), ", ")
	case reflect.Slice:
		return "write a list, in brackets: [a, b]"
	case reflect.String:
		if !scalar {
			return "write a text"
		}
	default:
		// The decoder would cut a fraction off.
		fraction := node.Tag == "!!float" && typ.Kind() != reflect.Bool
		if fraction || node.Decode(reflect.New(typ).Interface()) != nil {
			return map[reflect.Kind]string{
				reflect.Int: "write a whole number", reflect.Uint64: "write a whole number from 0",
				reflect.Bool: "write true or false",
			}[typ.Kind()]
		}
	}
	return ""
}

// mostWritten is how much of a wrong value is repeated.
const mostWritten = 40

// asWritten is a value as people call it.
func asWritten(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case len(node.Value) > mostWritten:
		return strconv.Quote(strings.ToValidUTF8(node.Value[:mostWritten], "") + "…")
	case node.Tag == "!!str":
		return strconv.Quote(node.Value)
	}
	return node.Value
}
