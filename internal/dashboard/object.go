package dashboard

import (
	"encoding/json"
	"strconv"
)

// Object is a JSON object.
type Object map[string]any

// text returns a field that is a text; numbers are written out.
func (o Object) text(key string) string {
	switch v := o[key].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// number returns a field that is a number, or a text that is one.
func (o Object) number(key string) float64 {
	switch v := o[key].(type) {
	case float64:
		return v
	case string:
		n, err := strconv.ParseFloat(v, 64)
		if err == nil {
			return n
		}
	}
	return 0
}

func (o Object) integer(key string) int { return int(o.number(key)) }

func (o Object) flag(key string) bool {
	v, _ := o[key].(bool)
	return v
}

// object returns a field that is an object; nil can be read like an empty one.
func (o Object) object(key string) Object { return asObject(o[key]) }

func asObject(v any) Object {
	switch v := v.(type) {
	case Object:
		return v
	case map[string]any:
		return v
	}
	return nil
}

// objects returns the objects of a field that is a list.
func (o Object) objects(key string) []Object {
	var all []Object
	for _, v := range o.list(key) {
		if object := asObject(v); object != nil {
			all = append(all, object)
		}
	}
	return all
}

// list returns a field that is a list.
func (o Object) list(key string) []any {
	list, _ := o[key].([]any)
	return list
}

// texts returns a field that is a text or a list of texts.
func (o Object) texts(key string) []string { return asTexts(o[key]) }

func asTexts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case bool:
		return []string{strconv.FormatBool(v)}
	case []any:
		all := make([]string, 0, len(v))
		for _, item := range v {
			all = append(all, asTexts(item)...)
		}
		return all
	}
	return nil
}

// setObjects is the inverse of objects.
func (o Object) setObjects(key string, list []Object) {
	all := make([]any, len(list))
	for i, item := range list {
		all[i] = map[string]any(item)
	}
	o[key] = all
}

// fill sets a field that is not there yet.
func (o Object) fill(key string, value any) {
	if _, there := o[key]; !there {
		o[key] = value
	}
}

// copyValue copies a JSON value, so that changing the copy leaves the
// original alone.
func copyValue(v any) any {
	switch v := v.(type) {
	case Object:
		return map[string]any(v.copy())
	case map[string]any:
		return map[string]any(Object(v).copy())
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = copyValue(item)
		}
		return list
	}
	return v
}

// copy copies an object; the copy of one that is nil is empty.
func (o Object) copy() Object {
	c := make(Object, len(o))
	for key, value := range o {
		c[key] = copyValue(value)
	}
	return c
}

// MarshalJSON writes an object that is nil as an empty one.
func (o Object) MarshalJSON() ([]byte, error) {
	if o == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]any(o))
}
