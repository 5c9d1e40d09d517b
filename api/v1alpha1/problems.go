package v1alpha1

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// FieldError is what is wrong with a field of an environment.
type FieldError struct {
	// Field is its path, such as cluster.nodes or backend.rules[1].
	Field string
	// Err is what follows its name: " is 0: a cluster has 1 to 5000 nodes".
	Err error
}

// Error names the field as the file does.
func (e *FieldError) Error() string { return e.Field + e.Err.Error() }

// Unwrap is what follows the name.
func (e *FieldError) Unwrap() error { return e.Err }

// failing collects what is wrong.
type failing []error

// add takes a field, and what follows its name.
func (f *failing) add(field, format string, args ...any) {
	*f = append(*f, &FieldError{Field: field, Err: fmt.Errorf(format, args...)})
}

// at takes a line, and what is wrong there.
func (f *failing) at(line int, format string, args ...any) {
	*f = append(*f, yamlfile.At(line, format, args...))
}

// Origin is where the fields of an environment were set: on lines of a file, or by
// flags. The zero value knows of neither.
type Origin struct {
	file string
	// root is the file's mapping.
	root *yaml.Node
	// flags are those that have set a field, by field.
	flags map[string]string
}

// SetBy notes that a flag has set a field.
func (o *Origin) SetBy(field, flag string) {
	if o.flags == nil {
		o.flags = map[string]string{}
	}
	o.flags[field] = flag
}

// Explain names the file and line, or the flag, of each problem of err that is one of
// a field.
func (o *Origin) Explain(err error) error {
	if all, ok := yamlfile.Joined(err); ok {
		for i, each := range all {
			all[i] = o.Explain(each)
		}
		return errors.Join(all...)
	}
	field := (*FieldError)(nil)
	if !errors.As(err, &field) || field.Error() != err.Error() {
		return err
	}
	path, _, _ := strings.Cut(field.Field, "[")
	if flag, given := o.flags[path]; given {
		return fmt.Errorf("%s%w", flag, field.Err)
	}
	if o.file == "" {
		return err
	}
	if line := o.line(field.Field); line > 0 {
		return fmt.Errorf("%s:%d: %w", o.file, line, err)
	}
	return fmt.Errorf("%s: %w", o.file, err)
}

// line is that of a field in the file, 0 if it is not there.
func (o *Origin) line(field string) int {
	if o.root == nil {
		return 0
	}
	return yamlfile.Line(o.root, field)
}

// oneOf lists words: a, b or c.
func oneOf[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	last := len(texts) - 1
	return strings.Join(slices.Concat([]string{strings.Join(texts[:last], ", ")}, texts[last:]), " or ")
}
