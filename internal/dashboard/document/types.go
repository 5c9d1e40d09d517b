package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A mistyped field is of another JSON type than what reads it: it would be
// passed over in silence, and what it holds would never be checked or shown.
type mistyped struct {
	path []any // of keys (string) and places in lists (int)
	text string
}

func (m *mistyped) Error() string { return fmt.Sprintf("%s %s", pathText(m.path), m.text) }

// pathText writes a path as jsonnet and JavaScript do.
func pathText(path []any) string {
	var text strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&text, "[%d]", step)
		case string:
			if text.Len() > 0 {
				text.WriteByte('.')
			}
			text.WriteString(step)
		}
	}
	return text.String()
}

// checkTypes finds the first field of what a file holds that is of another type
// than it has to be; nil if there is none.
func checkTypes(object Object, path ...any) *mistyped {
	if version := object.Text("apiVersion"); strings.HasPrefix(version, "dashboard.grafana.app/") {
		if strings.HasPrefix(version, "dashboard.grafana.app/v2") {
			return nil // v2 is read by classicOfV2, field by field
		}
		return checkTypes(object.Object("spec"), under(path, "spec")...)
	}
	if inner := object.Object("dashboard"); inner != nil && object["panels"] == nil {
		return checkTypes(inner, under(path, "dashboard")...)
	}
	if object.Object("elements") != nil && object.Object("layout") != nil {
		return nil
	}
	return checkClassic(object, path)
}

// checkClassic looks at the fields that decide about what is asked.
func checkClassic(d Object, path []any) *mistyped {
	if wrong := d.want("title", path, "a text"); wrong != nil {
		return wrong
	}
	for _, name := range []string{"time", "templating", "annotations"} {
		if wrong := d.want(name, path, "an object"); wrong != nil {
			return wrong
		}
	}
	for _, name := range []string{"templating", "annotations"} {
		if wrong := d.Object(name).each("list", under(path, name), nothing); wrong != nil {
			return wrong
		}
	}
	if wrong := d.each("rows", path, checkPanels); wrong != nil {
		return wrong
	}
	return checkPanels(d, path)
}

func nothing(Object, []any) *mistyped { return nil }

// checkPanels looks at the panels of a dashboard, or of a row.
func checkPanels(of Object, path []any) *mistyped {
	return of.each("panels", path, func(panel Object, at []any) *mistyped {
		if wrong := panel.each("targets", at, checkTarget); wrong != nil {
			return wrong
		}
		return checkPanels(panel, at)
	})
}

func checkTarget(target Object, path []any) *mistyped {
	if _, isNumber := target["expr"].(float64); isNumber {
		return nil // as good as the text
	}
	return target.want("expr", path, "a text")
}

// each looks at all objects of a list that may be missing.
func (o Object) each(key string, path []any, check func(Object, []any) *mistyped) *mistyped {
	if wrong := o.want(key, path, "a list"); wrong != nil {
		return wrong
	}
	for i, item := range o.List(key) {
		at := under(path, key, i)
		object := asObject(item)
		if object == nil {
			return &mistyped{at, "is " + typeName(item) + ", and has to be an object"}
		}
		if wrong := check(object, at); wrong != nil {
			return wrong
		}
	}
	return nil
}

// want says that a field is of another type; one that is missing or null is
// not.
func (o Object) want(key string, path []any, kind string) *mistyped {
	if list, isList := o[key].([]any); isList && len(list) == 0 {
		return nil // there is nothing in it to pass over
	}
	if is := typeName(o[key]); is != kind && o[key] != nil {
		return &mistyped{under(path, key), "is " + is + ", and has to be " + kind}
	}
	return nil
}

func under(path []any, steps ...any) []any {
	return append(append(make([]any, 0, len(path)+len(steps)), path...), steps...)
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	}
	return "an object"
}

// place adds where in a file a field is.
func (m *mistyped) place(file string, data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	offset, err := offsetOf(data, m.path)
	if err != nil {
		return FileErrorf(file, "%s", m)
	}
	return fileErrorAt(file, data, offset, m.Error())
}

var errNoPlace = errors.New("there is no such field")

// offsetOf finds where the value behind a path begins: where its first token
// does. The data has been read as JSON before.
func offsetOf(data []byte, path []any) (int64, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for _, step := range path {
		if _, err := decoder.Token(); err != nil { // the { or [ that it is in
			return 0, err
		}
		if err := advance(decoder, step); err != nil {
			return 0, err
		}
	}
	begin := decoder.InputOffset()
	rest := bytes.TrimLeft(data[begin:], " \t\r\n:,")
	return int64(len(data)-len(rest)) + 1, nil
}

// advance passes over what is before a key, or a place in a list.
func advance(decoder *json.Decoder, step any) error {
	for i := 0; decoder.More(); i++ {
		at := any(i)
		if _, named := step.(string); named {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			at = key
		}
		if at == step {
			return nil
		}
		var passed json.RawMessage
		if err := decoder.Decode(&passed); err != nil {
			return err
		}
	}
	return errNoPlace
}
