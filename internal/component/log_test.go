package component

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A process whose log is set aside while it writes loses no line: the old file has
// those before, the new one those after.
func TestProcessRotatesItsLog(t *testing.T) {
	p, _ := newChild(t, "chatty")
	defer stopped(t, p)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := p.config.Log
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
	log, err := OpenLog(path)
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
	log, err = OpenLog(path)
	if err != nil || log.size != 5 {
		t.Fatalf("a log of 5 bytes has %d, %v", log.size, err)
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
	RotateLog(context.Background()) // without a variable it starts nothing: see TestMain
}

func readLog(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
