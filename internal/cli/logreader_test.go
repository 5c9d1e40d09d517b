package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/logfile"
)

// A line is printed when it is whole; one that was begun when the log was set aside
// too, and what comes in the next file from its beginning.
func TestLogReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd.log")
	write := func(text string) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("one\ntw")
	log, err := openLog(path, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	reads := func(want ...string) {
		t.Helper()
		if got, err := log.lines(); err != nil || !slices.Equal(got, want) {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	reads("one")
	write("o\n\nthree\nfo")
	reads("two", "", "three")
	reads()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	reads() // the next one is not there yet
	write("five\nsi")
	reads("fo", "five")
	write("x\n")
	reads("six")
	write("seven")
	reads()
	if got := log.rest(); !slices.Equal(got, []string{"seven"}) || log.rest() != nil {
		t.Errorf("the rest is %q", got)
	}
	if _, err := openLog(path+".none", 1); err == nil {
		t.Error("a log that is not there is opened")
	}
}

// The last lines are found from the end, across blocks, lines that are not whole and
// the log that was set aside.
func TestLatestLines(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for name, test := range map[string]struct {
		before, log string
		wanted      int
		follow      bool
		want        []string
	}{
		"some":                         {log: "a\nb\nc\n", wanted: 2, want: []string{"b", "c"}},
		"none":                         {log: "a\nb\n", wanted: 0},
		"all of few":                   {log: "a\nb\n", wanted: 5, want: []string{"a", "b"}},
		"one not whole":                {log: "a\nb\nc", wanted: 2, want: []string{"b", "c"}},
		"one not whole, followed":      {log: "a\nb\nc", wanted: 2, follow: true, want: []string{"a", "b"}},
		"of long ones":                 {log: "a\n" + long + "\n" + long + "\nb\n", wanted: 2, want: []string{long, "b"}},
		"of an empty one":              {before: "a\nb\n", wanted: 1, want: []string{"b"}},
		"more than since the last":     {before: "a\nb\nc\n", log: "d\n", wanted: 3, want: []string{"b", "c", "d"}},
		"no more than since":           {before: "a\n", log: "b\nc\n", wanted: 2, want: []string{"b", "c"}},
		"everything":                   {before: "a\nb\n", log: "c\n", wanted: -1, want: []string{"a", "b", "c"}},
		"one that ended not whole":     {before: "a\nb", log: "c\n", wanted: -1, want: []string{"a", "b", "c"}},
		"none of one that is followed": {log: "a\n", wanted: 0, follow: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "etcd.log")
			for path, text := range map[string]string{path: test.log, logfile.SetAside(path): test.before} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			log, err := openLog(path, test.wanted)
			if err != nil {
				t.Fatal(err)
			}
			defer log.close()
			if got, err := log.latest(test.wanted, test.follow); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("it has %.50q, %v; want %.50q", got, err, test.want)
			}
		})
	}
}

// A log of which many lines are wanted may be large: only its end is read.
func TestLogIsReadFromItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd.log")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	// A hole of a terabyte, which nobody reads.
	if err := errors.Join(file.Truncate(1<<40), file.Close()); err != nil {
		t.Skip("the file system has no holes: ", err)
	}
	if file, err = os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0); err == nil {
		_, err = file.WriteString("\na\nb\nc\n")
	}
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	log, err := openLog(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	if got, err := log.latest(1, false); err != nil || !slices.Equal(got, []string{"c"}) {
		t.Errorf("it has %q, %v", got, err)
	}
}
