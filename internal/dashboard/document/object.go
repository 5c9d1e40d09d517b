package document

import (
	"encoding/json"
	"strconv"
)

// Object is a JSON object.
type Object map[string]any

// Text returns a field that is a text; numbers are written out.
func (o Object) Text(key string) string {
	switch v := o[key].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// Number returns a field that is a number, or a text that is one.
func (o Object) Number(key string) float64 {
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

// Integer returns a field that is a number, without its fraction.
func (o Object) Integer(key string) int { return int(o.Number(key)) }

// Flag returns a field that is true or false.
func (o Object) Flag(key string) bool {
	v, _ := o[key].(bool)
	return v
}

// Object returns a field that is an object; nil can be read like an empty one.
func (o Object) Object(key string) Object { return asObject(o[key]) }

func asObject(v any) Object {
	switch v := v.(type) {
	case Object:
		return v
	case map[string]any:
		return v
	}
	return nil
}

// Objects returns the objects of a field that is a list.
func (o Object) Objects(key string) []Object {
	var all []Object
	for _, v := range o.List(key) {
		if object := asObject(v); object != nil {
			all = append(all, object)
		}
	}
	return all
}

// List returns a field that is a list.
func (o Object) List(key string) []any {
	list, _ := o[key].([]any)
	return list
}

// Texts returns a field that is a text or a list of texts.
func (o Object) Texts(key string) []string { return asTexts(o[key]) }

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

// SetObjects is the inverse of Objects.
func (o Object) SetObjects(key string, list []Object) {
	all := make([]any, len(list))
	for i, item := range list {
		all[i] = map[string]any(item)
	}
	o[key] = all
}

// Fill sets a field that is not there yet.
func (o Object) Fill(key string, value any) {
	if _, there := o[key]; !there {
		o[key] = value
	}
}

// drop removes fields.
func (o Object) drop(keys ...string) {
	for _, key := range keys {
		delete(o, key)
	}
}

// copyValue copies a JSON value, so that changing the copy leaves the
// original alone.
func copyValue(v any) any {
	switch v := v.(type) {
	case Object:
		return map[string]any(v.Copy())
	case map[string]any:
		return map[string]any(Object(v).Copy())
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = copyValue(item)
		}
		return list
	}
	return v
}

// Copy copies an object; the copy of one that is nil is empty.
func (o Object) Copy() Object {
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
