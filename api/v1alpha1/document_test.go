package v1alpha1

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the defaults into the document")

const document = "../../docs/environment.md"

// elsewhere are the fields whose default is not in the file: the document says
// in words what becomes of them.
var elsewhere = []string{"dashboards.folder", "ports.*"}

// The document has each field once, with its default.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	missing := defaults()
	for number, line := range lines {
		cells := strings.SplitN(line, "|", 4)
		if !strings.HasPrefix(line, "| `") || len(cells) < 4 {
			continue
		}
		fields := fieldsOf(cells[1])
		for _, field := range fields {
			if _, known := missing[field]; !known {
				t.Errorf("docs/environment.md:%d: there is no field %s, or it stands twice", number+1, field)
			}
		}
		want := defaultOf(missing, fields)
		for _, field := range fields {
			delete(missing, field)
		}
		if slices.Contains(elsewhere, fields[0]) || want == strings.TrimSpace(cells[2]) {
			continue
		}
		cells[2] = " "
		if want != "" {
			cells[2] = " " + want + " "
		}
		lines[number] = strings.Join(cells, "|")
		if !*update {
			t.Errorf("docs/environment.md:%d: the default of %s has to be %q (-update writes it):\n\t%s",
				number+1, strings.Join(fields, ", "), want, line)
		}
	}
	for field := range missing {
		t.Errorf("docs/environment.md: the field %s is missing", field)
	}
	if *update {
		if err := os.WriteFile(document, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fieldsOf are the fields that a row is of; after the first a name may be short:
// `cluster.servers`, `.agents`.
func fieldsOf(cell string) []string {
	var fields []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		field := match[1]
		if strings.HasPrefix(field, ".") {
			field = fields[0][:strings.LastIndex(fields[0], ".")] + field
		}
		fields = append(fields, field)
	}
	return fields
}

// defaults are the defaults of each field, of each kind, as the document
// writes them.
func defaults() map[string]map[Kind]string {
	all := map[string]map[Kind]string{}
	for _, kind := range Kinds() {
		collect(reflect.ValueOf(DefaultOf(kind)), "", func(field, value string) {
			if all[field] == nil {
				all[field] = map[Kind]string{}
			}
			all[field][kind] = value
		})
	}
	return all
}

// collect visits the fields of a value; the ports are one.
func collect(value reflect.Value, path string, visit func(field, value string)) {
	for i := range value.NumField() {
		name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("yaml"), ",")
		field := value.Field(i)
		switch at := path + name; {
		case field.Type() == reflect.TypeFor[Ports]():
			visit(at+".*", "")
		case field.Kind() == reflect.Struct:
			collect(field, at+".", visit)
		default:
			visit(at, written(field))
		}
	}
}

// written is a value as the document writes it: numbers and switches as they
// are, text as code.
func written(field reflect.Value) string {
	switch v := field.Interface().(type) {
	case int, uint64, bool:
		return fmt.Sprint(v)
	case []string:
		return strings.Join(v, ", ")
	default:
		if field.IsZero() {
			return ""
		}
		return fmt.Sprintf("`%v`", v)
	}
}

// defaultOf is the default of the fields of a row: that of the embedded kind and
// those of other kinds that differ, or only those if the field is not for the
// embedded one.
func defaultOf(all map[string]map[Kind]string, fields []string) string {
	var texts []string
	for _, field := range fields {
		of := all[field]
		text, zero := of[Embedded], []string{"", "0", "false"}
		for _, kind := range Kinds() {
			switch {
			case of[kind] == of[Embedded]:
			case slices.Contains(zero, of[Embedded]):
				text = of[kind]
			case field != "kind":
				text += fmt.Sprintf("; %s: %s", kind, of[kind])
			}
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}
