package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
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
	log, err := openLog(path)
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
	if _, err := openLog(path + ".none"); err == nil {
		t.Error("a log that is not there is opened")
	}
}
