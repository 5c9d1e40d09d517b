package logfile

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
)

// Since is the end of what a log has been given since it had so many bytes.
func Since(log string, begun int64) []byte {
	info, err := os.Stat(log)
	if err != nil {
		return nil
	}
	if info.Size() < begun {
		begun = 0 // it was set aside, and begun anew
	}
	// Its first line follows the end of another one.
	data, err := readEnd(log, min(tailBytes, info.Size()-begun+1))
	if err != nil {
		return nil
	}
	return data
}

// Size is the size of a log, 0 if it is not there.
func Size(log string) int64 {
	info, err := os.Stat(log)
	if err != nil {
		return 0
	}
	return info.Size()
}

// mostOfCause bounds what is quoted of a log in a line.
const mostOfCause = 500

// saysFatal knows the errors that a program ends with.
var saysFatal = regexp.MustCompile(
	`(?i)\blevel"?[=:]\s*"?(fatal|panic|crit)|\tfatal\t|^(error|panic|fatal error): |^F\d{4} `,
)

// LastError is the last error of a log, by level: one that ended the program if there
// is one. It is "" if the log has none.
func LastError(log []byte) string {
	ends, last := "", ""
	for line := range bytes.Lines(log) {
		text := strings.TrimSpace(string(line))
		// A line that found no space has no end: the next follows in it.
		if at := strings.LastIndex(text, `{"level":"`); at > 0 {
			text = text[at:]
		}
		switch {
		case saysFatal.MatchString(text):
			ends = text
		case saysError.MatchString(text):
			last = text
		}
	}
	if ends != "" {
		last = ends
	}
	runes := []rune(message(last))
	if len(runes) > mostOfCause {
		return string(runes[:mostOfCause]) + "…"
	}
	return string(runes)
}

var (
	// Go's slog, as text.
	slogMessage = regexp.MustCompile(`\bmsg=("(?:[^"\\]|\\.)*"|\S+)`)
	slogError   = regexp.MustCompile(`\b(?:err|error)=("(?:[^"\\]|\\.)*"|\S+)`)
	// klog: a letter and the day, the time, the thread, the place.
	klogPrefix = regexp.MustCompile(`^[EF]\d{4} \S+\s+\d+ [^\]]+\] `)
	// zap's console: the time, the level, the place, the message, fields.
	zapPrefix = regexp.MustCompile(`^\S+\t(?:error|fatal)\t(?:\S+:\d+\t)?`)
)

// message is what an error's line says, without when and where.
func message(line string) string {
	var fields struct{ Msg, Error string }
	if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &fields) == nil {
		return strings.TrimSuffix(fields.Msg+": "+fields.Error, ": ")
	}
	if msg := slogMessage.FindStringSubmatch(line); msg != nil {
		if err := slogError.FindStringSubmatch(line); err != nil {
			return unquoted(msg[1]) + ": " + unquoted(err[1])
		}
		return unquoted(msg[1])
	}
	for _, prefix := range []*regexp.Regexp{klogPrefix, zapPrefix} {
		if at := prefix.FindStringIndex(line); at != nil {
			return strings.ReplaceAll(line[at[1]:], "\t", " ")
		}
	}
	return strings.TrimPrefix(line, "error: ")
}

func unquoted(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return strings.ReplaceAll(text, "\n", " ")
	}
	return value
}
