package component

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// ExitError tells that a process ended before it was ready.
type ExitError struct {
	Reason string
	Log    string
	// begun is how large the log was before.
	begun int64
}

// Error ends with the last lines of the log, unless one says it all.
func (e *ExitError) Error() string {
	if e.Reason == fmt.Sprintf("exit status %d", ExitDamaged) {
		return lastError(saidSince(e.Log, e.begun))
	}
	return "ended before it was ready: " + e.Reason + tail(e.Log)
}

// NotReadyError tells that a process did not become ready in time.
type NotReadyError struct {
	Cause error
	// Last is what the probe said last.
	Last error
	Log  string
}

// Error ends with the last lines of the log.
func (e *NotReadyError) Error() string {
	return fmt.Sprintf("is not ready (%v), its probe said last: %v%s", e.Cause, e.Last, tail(e.Log))
}

// Unwrap makes a cancelled start recognisable.
func (e *NotReadyError) Unwrap() error { return e.Cause }

// How much of a log an error message carries.
const (
	tailLines  = 8
	tailErrors = 3
	tailBytes  = 64 << 10
)

// tail returns the last lines of a log file, indented, or "" if it has none.
func tail(path string) string {
	data, err := readEnd(path, tailBytes)
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return ""
	}
	return "\nlast lines of its log:\n  " + LastLines(data)
}

// readEnd returns the last whole lines of a file, of so many bytes at the most: a
// log may be large.
func readEnd(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	begin := max(0, info.Size()-most)
	data, err := io.ReadAll(io.NewSectionReader(file, begin, most))
	if begin > 0 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return data, err
}

// LastLines returns the last lines of a log, as many as a message bears, after
// errors in what is before them: what ends a program is often said before
// others say that they end too. Of many errors the first and the last are kept.
func LastLines(log []byte) string {
	log = stackTrace.ReplaceAll(log[max(0, len(log)-tailBytes):], nil)
	if at := panics.FindIndex(log); at != nil {
		log = log[:at[1]] // what goroutines did says nothing to who reads it
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	end := max(0, len(lines)-tailLines)
	harmless := func(line string) bool { return !saysError.MatchString(line) }
	failures := slices.DeleteFunc(slices.Clone(lines[:end]), harmless)
	if len(failures) > 2*tailErrors {
		failures = slices.Concat(failures[:tailErrors], []string{"…"}, failures[len(failures)-tailErrors:])
	}
	if len(failures) > 0 {
		failures = append(failures, "…")
	}
	return strings.Join(append(failures, lines[end:]...), "\n  ")
}

// saysError knows an error in the log formats of the programs that run here.
var saysError = regexp.MustCompile(
	`(?i)\blevel"?[=:]\s*"?(error|fatal|crit)|\t(error|fatal)\t|^(error|panic|fatal error)\b|^[EF]\d{4} `,
)

// panics is a line after which Go writes what all goroutines did.
var panics = regexp.MustCompile(`(?m)^(?:panic|fatal error): .*$`)

// stackTrace is one in a line of JSON.
var stackTrace = regexp.MustCompile(`,"stacktrace":"(?:[^"\\]|\\.)*"`)
