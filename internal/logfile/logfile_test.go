package logfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

// TestMain lets this test binary play the process whose log is in its environment.
func TestMain(m *testing.M) {
	if path := os.Getenv(logEnv); path != "" {
		os.Exit(chat(path))
	}
	os.Exit(m.Run())
}

// chat writes numbered lines to stdout and stderr, until its log was set aside and some
// more.
func chat(path string) int {
	rotated := make(chan error)
	go func() {
		rotated <- wait.Until(context.Background(), time.Millisecond, func(context.Context) (bool, error) {
			err := rotateOwn(path, 10_000)
			_, moved := os.Stat(SetAside(path))
			return err != nil || moved == nil, err
		})
	}()
	for i, more := 0, 100; more > 0; i++ {
		fmt.Fprintf([]*os.File{os.Stdout, os.Stderr}[i%2], "line %d\n", i)
		if rotated == nil {
			more--
			continue
		}
		select {
		case err := <-rotated:
			if err != nil {
				fmt.Println(err)
				return 1
			}
			rotated = nil
		default:
		}
	}
	return 0
}

// A process whose log is set aside while it writes loses no line: the old file has
// those before, the new one those after.
func TestProcessRotatesItsLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd.log")
	log, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), Variable(path)), log, log
	if err := errors.Join(cmd.Run(), log.Close()); err != nil {
		t.Fatal(err)
	}
	before, after := readLog(t, SetAside(path)), readLog(t, path)
	if len(before) <= 10_000 || len(after) == 0 {
		t.Errorf("%d bytes are set aside, %d are in the log", len(before), len(after))
	}
	lines := strings.Split(strings.TrimSuffix(before+after, "\n"), "\n")
	for i, line := range lines {
		if line != fmt.Sprint("line ", i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if !strings.HasPrefix(after, "line ") || !strings.HasSuffix(before, "\n") {
		t.Errorf("a line is in both: %q, %q", before[len(before)-10:], after[:10])
	}
}

// What is no process is set aside when a line has ended.
func TestLogIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lgtm.log")
	log, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	log.limit = 10
	for _, part := range []string{"12345678\n", "half of ", "a line\n", "next\n"} {
		if n, err := log.Write([]byte(part)); err != nil || n != len(part) {
			t.Fatalf("%q: %d, %v", part, n, err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if before, after := readLog(t, SetAside(path)), readLog(t, path); before != "12345678\nhalf of a line\n" ||
		after != "next\n" {
		t.Errorf("it has %q, and %q set aside", after, before)
	}
	log, err = Open(path)
	if err != nil || log.size != 5 {
		t.Fatalf("a log of 5 bytes has %d, %v", log.size, err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// A log that cannot be set aside goes on growing, and what is written is in it.
func TestLogThatCannotBeSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lgtm.log")
	log, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	log.limit = 10
	if err := os.Mkdir(nextLogPath(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"12345678901234\n", "next\n"} {
		if n, err := log.Write([]byte(line)); err != nil || n != len(line) {
			t.Errorf("%q: %d, %v", line, n, err)
		}
	}
	if got := readLog(t, path); got != "12345678901234\nnext\n" {
		t.Errorf("the log has %q", got)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// A log that is not where a process writes to is not its own to set aside, nor is one
// that is gone.
func TestRotateOwnLeavesOthersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "another.log")
	if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, path + ".none"} {
		if err := rotateOwn(path, 10); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(SetAside(path)); err == nil {
		t.Error("it is set aside")
	}
	Rotate(context.Background()) // without a variable it starts nothing
}

func readLog(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A folder of logs that was removed is made again; one above it is not.
func TestFolderIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	file, err := OpenFile(filepath.Join(dir, "logs", "a.log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(filepath.Join(dir, "gone", "logs", "a.log")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is gone it says %v", err)
	}
}
