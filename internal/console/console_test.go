package console

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

func TestPlainLinesWithoutATerminal(t *testing.T) {
	var out, err bytes.Buffer
	c := New(&out, &err)
	p := c.Progress()
	p.Started("etcd")
	p.Detail("etcd", "electing itself")
	p.Done("etcd", 1500*time.Millisecond)
	p.Started("backend")
	p.Failed("backend")
	p.Close()
	p.Close()
	c.Warn("a %s", "warning")
	c.Fail(errors.Join(errors.New("first"), errors.New("second")))
	want := "✓ etcd                          1.5s\n✗ backend                     failed\n" +
		"warning: a warning\nerror: first\n  second\n"
	if err.String() != want {
		t.Errorf("stderr is\n%q\nwant\n%q", err.String(), want)
	}
	if out.Len() != 0 {
		t.Errorf("progress is on stdout: %q", out.String())
	}
}

func TestDataIsOnStdout(t *testing.T) {
	var out, err bytes.Buffer
	c := New(&out, &err)
	e := errors.Join(c.Table([][]string{{"NAME", "KIND"}, {"longer-name", "b"}}), c.JSON(map[string]int{"a": 1}))
	if e != nil {
		t.Fatal(e)
	}
	want := "NAME          KIND\nlonger-name   b\n{\n  \"a\": 1\n}\n"
	if out.String() != want || err.Len() != 0 {
		t.Errorf("stdout is %q, stderr %q, want %q", out.String(), err.String(), want)
	}
}

// onTerminal returns what a terminal shows of what write does.
func onTerminal(t *testing.T, write func(*Console)) string {
	t.Helper()
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 1)
	go func() {
		// Reading ends with an error when the other end is closed.
		data, _ := io.ReadAll(screen)
		shown <- string(data)
	}()
	write(New(io.Discard, terminal))
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	return <-shown
}

func TestColoursOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	fail := func(c *Console) { c.Fail(errors.New("broke")) }
	if got := onTerminal(t, fail); !strings.Contains(got, "\x1b[31merror:\x1b[0m broke") {
		t.Errorf("it shows %q", got)
	}
	t.Setenv("NO_COLOR", "1")
	if got := onTerminal(t, fail); strings.Contains(got, "\x1b[") {
		t.Errorf("with NO_COLOR it shows %q", got)
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if got := onTerminal(t, fail); strings.Contains(got, "\x1b[") {
		t.Errorf("on a dumb terminal it shows %q", got)
	}
}

// The last line tells what is under way, fits the terminal, and is gone at the end.
func TestLiveLine(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	got := onTerminal(t, func(c *Console) {
		p := c.Progress()
		p.Started("kube-apiserver")
		p.Detail("kube-apiserver", strings.Repeat("very long ", 10))
		p.mu.Lock()
		p.draw(0)
		p.mu.Unlock()
		p.Close()
	})
	if !strings.Contains(got, "kube-apiserver (very long") || !strings.HasSuffix(got, "\r\x1b[2K") {
		t.Errorf("it shows %q", got)
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(got, "\x1b[2K", ""), "\r") {
		if n := len([]rune(line)); n >= 40 {
			t.Errorf("a line of %d characters wraps on a terminal of 40: %q", n, line)
		}
	}
}
