package docker

import (
	"errors"
	"fmt"
	"strings"
)

// Error is something that the engine did not do, and what can be done.
type Error struct {
	// Doing is what was tried, on what.
	Doing string
	Cause error
	// Hint is what to do; it may be empty.
	Hint string
}

// Error says what failed, why, and what to do.
func (e *Error) Error() string {
	text := e.Doing + ": " + e.Cause.Error()
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns what the engine said.
func (e *Error) Unwrap() error { return e.Cause }

// hints are what engines say when a machine lacks something, and what helps.
// They send texts, not codes.
var hints = []struct{ says, hint string }{
	{"no space left on device",
		"the disk of the engine is full: `docker system df` shows what takes the space, `docker system prune` frees it"},
	{"port is already allocated",
		"another container has published that port: end it, set another port in the environment file, or use --ports auto"},
	{"address already in use",
		"something else listens on that port: end it, set another port in the environment file, or use --ports auto"},
	{"ports are not available",
		"something else listens on that port: end it, set another port in the environment file, or use --ports auto"},
	{"non-overlapping IPv4 address pool",
		"the engine has no address range left for one more network: `docker network prune` removes unused ones"},
	{"fully subnetted",
		"the engine has no address range left for one more network: `docker network prune` removes unused ones"},
	{"mounts denied",
		"share the folder with Docker Desktop (Settings, Resources, File sharing), " +
			"or set DIORAMA_HOME to a folder that is shared"},
	{"bind source path does not exist", "the engine does not see this machine's files: is it a local one?"},
	{"exec format error", "the image is for another processor than the engine's"},
	{"toomanyrequests",
		"the registry limits how often it is asked: `docker login`, `docker pull` the image, and try again"},
}

// explain wraps what the engine said with what was being done; nil stays nil.
func explain(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	e := &Error{Doing: fmt.Sprintf(format, args...), Cause: err}
	text := strings.ToLower(err.Error())
	for _, known := range hints {
		if strings.Contains(text, strings.ToLower(known.says)) {
			e.Hint = known.hint
			return e
		}
	}
	return e
}

// hinted tells whether an error says what to do already.
func hinted(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Hint != ""
}
