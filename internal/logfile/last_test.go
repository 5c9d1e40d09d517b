package logfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	chatter := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "level=info msg=\"%d errors\"\n", i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, log, first, absent string }{
		{"nothing else", "one\ntwo\n", "one", "…"},
		{"no error", chatter(20), `level=info msg="12 errors"`, "…"},
		{
			"logfmt", chatter(3) + "time=x level=ERROR err=\"no such rule\"\n" + chatter(20),
			`time=x level=ERROR err="no such rule"`, "msg=\"11 errors",
		},
		{"JSON", `{"level":"error","msg":"no port"}` + "\n" + chatter(20), `{"level":"error"`, ""},
		{"the collector", "2026-01-01\terror\tno port\n" + chatter(20), "2026-01-01\terror", ""},
		{"panic", "panic: no port\n" + chatter(20), "panic: no port", ""},
		{
			"the first and the last of many",
			"level=error 1\n" + strings.Repeat("level=error 2\n", 8) + "level=error 3\n" + chatter(20),
			strings.ReplaceAll("level=error 1|level=error 2|level=error 2|…|level=error 2|", "|", "\n  "), "",
		},
		{"error among the last", chatter(20) + "level=error at the end\n", `level=info msg="13 errors"`, "…"},
	} {
		got := LastLines([]byte(c.log))
		if !strings.HasPrefix(got, c.first) || c.absent != "" && strings.Contains(got, c.absent) {
			t.Errorf("%s: the last lines are\n  %s", c.name, got)
		}
	}
}

// Of a large log the end is read, in whole lines.
func TestReadEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int64]string{
		100: "one\ntwo\nthree\n", 14: "one\ntwo\nthree\n", 11: "two\nthree\n", 9: "three\n", 3: "",
	} {
		if got, err := readEnd(path, most); err != nil || string(got) != want {
			t.Errorf("of %d bytes it read %q, %v; want %q", most, got, err, want)
		}
	}
	if _, err := readEnd(path+".none", 10); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log that is not there gives %v", err)
	}
}
