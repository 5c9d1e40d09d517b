package component

import (
	"bytes"
	"fmt"

	"github.com/diorama-lab/diorama/internal/logfile"
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
		return logfile.LastError(logfile.Since(e.Log, e.begun))
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

// tail returns the last lines of a log file, indented, or "" if it has none.
func tail(path string) string {
	data, err := logfile.End(path)
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return ""
	}
	return "\nlast lines of its log:\n  " + logfile.LastLines(data)
}
