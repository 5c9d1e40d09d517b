package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// apiError is an error with the status it is answered with.
type apiError struct {
	status int
	err    error
}

func (e *apiError) Error() string { return e.err.Error() }

func (e *apiError) Unwrap() error { return e.err }

func failure(status int, format string, args ...any) error {
	return &apiError{status, fmt.Errorf(format, args...)}
}

// answers makes a handler of a function that returns what to answer.
func answers(f func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := f(r)
		if err != nil {
			respondError(w, err)
			return
		}
		respond(w, http.StatusOK, value)
	}
}

func respond(w http.ResponseWriter, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"message":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client being gone is the only error left, and there is nobody to report it to.
	_, _ = w.Write(data)
}

func respondError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var known *apiError
	if errors.As(err, &known) {
		status = known.status
	}
	respond(w, status, map[string]string{"message": err.Error()})
}

// readBody decodes a JSON body; an empty one leaves the value as it is.
func readBody(r *http.Request, into any) error {
	data, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return failure(http.StatusRequestEntityTooLarge, "the body is larger than %d MB", document.MaxBytes>>20)
	case err != nil:
		return failure(http.StatusBadRequest, "reading the body: %w", err)
	case len(data) == 0:
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return failure(http.StatusBadRequest, "the body cannot be read: %s", explainJSON(err))
	}
	return nil
}

// explainJSON says what is wrong with a body in the words of JSON, not of Go.
func explainJSON(err error) string {
	var mistyped *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &mistyped):
		what := "it"
		if mistyped.Field != "" {
			what = strconv.Quote(strings.TrimPrefix(mistyped.Field, "request."))
		}
		return fmt.Sprintf("%s is %s, and has to be %s", what, jsonValue(mistyped.Value), jsonKind(mistyped.Type.Kind()))
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON: %v (at byte %d)", syntax, syntax.Offset)
	}
	return err.Error()
}

// jsonValue names the kind of a value that was read; a number is given with what
// it is.
func jsonValue(value string) string {
	switch value {
	case "string":
		return "a text"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	case "object":
		return "an object"
	}
	return "a " + value
}

func jsonKind(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "a number"
}
