// Package logfile keeps the logs of components small: one that has grown large is set
// aside, and what is written goes on in a new file of its name. And it reads what a log
// says last, and which error ended its program.
package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

const (
	// A log larger than this is set aside for the next one, and the one that was set
	// aside before goes: so a log takes twice as much at the most.
	logLimit = 16 << 20
	// logEvery is how often a process looks how large its log is.
	logEvery = 2 * time.Second
	// logEnv names the log of a process in its environment.
	logEnv = "DIORAMA_LOG"
)

// SetAside is the path of the log that came before the one at path.
func SetAside(path string) string { return path + ".1" }

// Variable is what a process has in its environment whose stdout and stderr are the
// log at path: with it, Rotate keeps that small.
func Variable(path string) string { return logEnv + "=" + path }

// Rotate sets the log of this process aside whenever it is large, until ctx ends.
// A process does it itself, since it writes to the file itself: a pipe to its parent
// would end what it says, and with it the process, when the parent is killed.
func Rotate(ctx context.Context) {
	path := os.Getenv(logEnv)
	if path == "" {
		return
	}
	// The children of this process have logs of their own.
	os.Unsetenv(logEnv)
	go wait.Every(ctx, logEvery, func(context.Context) {
		if err := rotateOwn(path, logLimit); err != nil {
			slog.Warn("the log is not set aside, and goes on growing", "error", err)
		}
	})
}

// rotateOwn lets stdout and stderr go on in a new file if they go to the one at path
// and that is larger than limit.
func rotateOwn(path string, limit int64) error {
	there, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the folder is being removed
	}
	own, ownErr := os.Stdout.Stat()
	if err := errors.Join(err, ownErr); err != nil || !os.SameFile(there, own) || own.Size() <= limit {
		return err
	}
	next, err := nextLog(path)
	if err != nil {
		return err
	}
	defer next.Close()
	// Nothing more is written to the old file when the new one takes its name: who
	// follows the log has all of it then.
	if err := errors.Join(redirect(next, os.Stdout), redirect(next, os.Stderr)); err != nil {
		return fmt.Errorf("writing to the next log: %w", err)
	}
	return setAside(path)
}

func nextLogPath(path string) string { return path + ".next" }

// nextLog makes the file that setAside gives the name of the log.
func nextLog(path string) (*os.File, error) {
	next, err := os.OpenFile(nextLogPath(path), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the next log: %w", err)
	}
	return next, nil
}

func setAside(path string) error {
	err := os.Rename(path, SetAside(path))
	if err == nil {
		if err = os.Rename(nextLogPath(path), path); err != nil {
			err = errors.Join(err, os.Rename(SetAside(path), path))
		}
	}
	if err != nil {
		return fmt.Errorf("setting the log aside: %w", err)
	}
	return nil
}

// OpenFile opens the log of a process that begins. One that has grown large is set aside.
// The folder of logs is made again if somebody has removed it, but not the one above it.
func OpenFile(path string) (*os.File, error) {
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("making the folder of logs: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		// A log that cannot be moved goes on growing; opening it will tell
		// if something is wrong with the folder.
		_ = os.Rename(path, SetAside(path))
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return log, nil
}

// Log is the log of something that is no process of this machine. It is for one
// goroutine at a time.
type Log struct {
	path  string
	file  *os.File
	size  int64
	limit int64
}

// Open opens a log to add to it.
func Open(path string) (*Log, error) {
	file, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the log: %w", err), file.Close())
	}
	return &Log{path: path, file: file, size: info.Size(), limit: logLimit}, nil
}

// Write adds to the log, and goes on in a new file when a line has ended and the log
// is large.
func (l *Log) Write(data []byte) (int, error) {
	n, err := l.file.Write(data)
	l.size += int64(n)
	if err != nil || l.size <= l.limit || !bytes.HasSuffix(data, []byte("\n")) {
		return n, err
	}
	// A log that cannot be set aside goes on growing.
	next, err := nextLog(l.path)
	if err != nil {
		return n, nil
	}
	if setAside(l.path) != nil {
		_ = next.Close()
		return n, nil
	}
	_ = l.file.Close() // all of it is written
	l.file, l.size = next, 0
	return n, nil
}

// Close ends the log.
func (l *Log) Close() error { return l.file.Close() }
