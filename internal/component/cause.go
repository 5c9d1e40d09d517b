package component

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// BlockedError is what a probe returns of a component that answers, but cannot work
// for a reason outside of it, such as a full disk: it is not Ready, and another run
// would be no better.
type BlockedError struct{ Reason string }

// Error returns the reason.
func (e *BlockedError) Error() string { return e.Reason }

func blocked(err error) bool { return errors.As(err, new(*BlockedError)) }

// ExitDamaged is what a process ends with that cannot read its data: that is what
// sysexits.h calls EX_DATAERR. Its last error says all that there is to say.
const ExitDamaged = 65

// SpaceNeeded is how much has to be free on the disk of an environment's folder: with
// less, etcd cannot begin a new log, and the backend takes no samples.
const SpaceNeeded = 64 << 20

// CheckSpace returns an error if a disk has less space left than SpaceNeeded.
func CheckSpace(dir string) error {
	var stat unix.Statfs_t
	if unix.Statfs(dir, &stat) != nil {
		return nil // a folder that cannot be asked is no full disk
	}
	// The types of the fields differ between systems.
	free := uint64(stat.Bavail) * uint64(stat.Bsize)
	if free >= SpaceNeeded {
		return nil
	}
	return fmt.Errorf("no space left: %d MiB are free in %s, at least %d are needed", free>>20, dir, SpaceNeeded>>20)
}

// why adds to how a run ended what its log, which had begun bytes before it, gives as
// the reason, and that the disk is full. What was ended by a signal did not say why.
func why(reason, log string, begun int64) string {
	said := ""
	if !strings.HasPrefix(reason, "signal:") {
		said = lastError(saidSince(log, begun))
	}
	if said != "" {
		reason += ": " + said
	}
	if err := CheckSpace(filepath.Dir(log)); err != nil && log != "" {
		// The log is on that disk, too, and may lack its end.
		reason += "; " + err.Error()
	}
	return reason
}

// saidSince is the end of what a log has been given since it had so many bytes.
func saidSince(log string, begun int64) []byte {
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

// sizeOf is the size of a log, 0 if it is not there.
func sizeOf(log string) int64 {
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

// lastError is the last error of a log, by level: one that ended the program if there
// is one. It is "" if the log has none.
func lastError(log []byte) string {
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
