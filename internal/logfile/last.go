package logfile

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// How much of a log an error message carries.
const (
	tailLines  = 8
	tailErrors = 3
	tailBytes  = 64 << 10
)

// End returns the last whole lines of a log, as many as one looks through.
func End(path string) ([]byte, error) { return readEnd(path, tailBytes) }

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
