package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// MaxBytes bounds a dashboard's JSON.
const MaxBytes = 20 << 20

// A FileError says where in a file something is wrong. Line and Column count
// from 1; they are 0 where the place is not known.
type FileError struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	// cause is ErrNoDashboard or nil.
	cause error
}

// ErrNoDashboard is the cause where a file is in order, but no dashboard.
var ErrNoDashboard = errors.New("is JSON, but no dashboard: it has neither title nor panels")

// Unwrap returns the cause, if it matters.
func (e *FileError) Unwrap() error { return e.cause }

func (e *FileError) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// FileErrorf makes an error for a file of which no place is known.
func FileErrorf(file, format string, args ...any) *FileError {
	return &FileError{File: file, Message: fmt.Sprintf(format, args...)}
}

// fileErrorAt makes an error for a place given as an offset into data.
func fileErrorAt(file string, data []byte, offset int64, message string) *FileError {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	return &FileError{File: file, Line: line, Column: max(column, 1), Message: message}
}

// Decode reads one JSON object. Its errors name line and column.
func Decode(file string, data []byte) (Object, error) {
	if len(data) > MaxBytes {
		return nil, FileErrorf(file, "is %d MB large; a dashboard may have %d MB", len(data)>>20, MaxBytes>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	decoder := json.NewDecoder(bytes.NewReader(data))
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, jsonError(file, data, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fileErrorAt(file, data, decoder.InputOffset(), "there is more after the end of the JSON")
	}
	object := asObject(value)
	if object == nil {
		return nil, fileErrorAt(file, data, 1, "is no JSON object; a dashboard is one")
	}
	return object, nil
}

func jsonError(file string, data []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return &FileError{File: file, Line: 1, Column: 1, Message: "is empty"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fileErrorAt(file, data, int64(len(data)), "the JSON ends in the middle")
	case errors.As(err, &syntax):
		return fileErrorAt(file, data, syntax.Offset, "no JSON: "+syntax.Error())
	}
	return &FileError{File: file, Message: "no JSON: " + err.Error()}
}

// Parse reads a dashboard: classic JSON, as it is or as Grafana's API and
// its resources wrap it, or a v2 resource. file names it in errors, and gives
// it a uid if it has none.
func Parse(file string, data []byte) (*Dashboard, error) {
	object, err := Decode(file, data)
	if err != nil {
		return nil, err
	}
	if wrong := checkTypes(object); wrong != nil {
		return nil, wrong.place(file, data)
	}
	return FromObject(file, object)
}

// FromObject reads a dashboard as Parse does. The object becomes the dashboard's,
// and is changed.
func FromObject(file string, object Object) (*Dashboard, error) {
	if wrong := checkTypes(object); wrong != nil {
		return nil, FileErrorf(file, "%s", wrong)
	}
	object, err := unwrap(object)
	if err != nil {
		return nil, &FileError{File: file, Message: err.Error(), cause: err}
	}
	object.Fill("uid", "")
	if object.Text("uid") == "" {
		object["uid"] = UIDOf(file)
	}
	if uid := object.Text("uid"); !validUID(uid) {
		return nil, FileErrorf(file, "uid %q: use 1 to 100 letters, digits, dots, dashes and underscores", uid)
	}
	migrate(object)
	return &Dashboard{File: file, JSON: object}, nil
}

// unwrap returns the classic form of what a file may hold.
func unwrap(object Object) (Object, error) {
	if version := object.Text("apiVersion"); strings.HasPrefix(version, "dashboard.grafana.app/") {
		spec := object.Object("spec")
		if spec == nil {
			return nil, fmt.Errorf("a %s resource without a spec", version)
		}
		if strings.HasPrefix(version, "dashboard.grafana.app/v2") {
			spec = classicOfV2(spec)
		}
		spec.Fill("uid", object.Object("metadata").Text("name"))
		return spec, nil
	}
	if inner := object.Object("dashboard"); inner != nil && object["panels"] == nil {
		return unwrap(inner)
	}
	if object.Object("elements") != nil && object.Object("layout") != nil {
		return classicOfV2(object), nil
	}
	if object["panels"] == nil && object["rows"] == nil && object["title"] == nil {
		return nil, ErrNoDashboard
	}
	return object, nil
}

// maxMadeUID is how long a uid is that is made; Grafana takes 40 characters.
const maxMadeUID = 40

// UIDOf makes a uid of a file's path, of characters that Grafana takes: the same
// for the same path, and another for another one. Where the path has more than
// these can say, folders for instance, a part of its hash does.
func UIDOf(file string) string {
	name := strings.TrimSuffix(file, ".gz")
	name = strings.TrimSuffix(name, path.Ext(name))
	clean := strings.Map(func(r rune) rune {
		if r < 0x80 && (isWord(byte(r)) || r == '-') {
			return r
		}
		return '-'
	}, name)
	if clean == name && name != "" && len(name) <= maxMadeUID {
		return name
	}
	sum := sha256.Sum256([]byte(file))
	hash := hex.EncodeToString(sum[:4])
	return strings.Trim(clean[:min(len(clean), maxMadeUID-len(hash)-1)], "-") + "-" + hash
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// validUID keeps uids usable in URLs and as file names.
func validUID(uid string) bool {
	for i := range len(uid) {
		if c := uid[i]; !isWord(c) && c != '-' && (c != '.' || i == 0) {
			return false
		}
	}
	return len(uid) > 0 && len(uid) <= 100
}
