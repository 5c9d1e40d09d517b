package component

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastError(t *testing.T) {
	const klog = "1128 19:45:10.123456   123 run.go:72] "
	for name, test := range map[string]struct{ log, want string }{
		"none": {"level=info msg=fine\n", ""},
		"slog": {
			`time=1 level=ERROR msg="no storage" err="open x: no space left on device"` + "\n",
			"no storage: open x: no space left on device",
		},
		"slog, two": {"level=ERROR msg=first\nlevel=ERROR msg=second\nlevel=INFO msg=bye\n", "second"},
		"etcd": {
			`{"level":"fatal","msg":"failed to read WAL","error":"EOF","stacktrace":"a\nb"}` + "\n",
			"failed to read WAL: EOF",
		},
		"a cut line": {
			`{"level":"error","msg":"writ{"level":"fatal","msg":"no WAL","error":"no space left"}` + "\n",
			"no WAL: no space left",
		},
		"klog": {
			"E" + klog + "\"command failed\" err=\"no port\"\nI" + klog + "bye\n", `"command failed" err="no port"`,
		},
		"the collector": {
			"2026-11-28T19:45:10Z\terror\tservice/x.go:12\tcannot start\t{\"kind\": \"x\"}\n", `cannot start {"kind": "x"}`,
		},
		"a verb's": {"error: listening on :1: address already in use\n", "listening on :1: address already in use"},
		"a panic": {
			"panic: runtime error: index\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: runtime error: index",
		},
		"what ended it":  {"error: no port\nE" + klog + "late\n", "no port"},
		"level, not end": {"E" + klog + "early\nI" + klog + "errors here\n", "early"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lastError([]byte(test.log)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := lastError([]byte("error: " + strings.Repeat("é", 1000))); len([]rune(got)) != mostOfCause+1 {
		t.Errorf("a long error has %d runes", len([]rune(got)))
	}
}

// What a run that ended has said is in the status; what the one before said is not.
func TestTheCauseReachesTheStatus(t *testing.T) {
	s, patience := &stage{}, hurried
	patience.RestartFirst = 1 << 40 // as if for ever
	c := s.supervised(t, patience)
	c.config.Log = filepath.Join(t.TempDir(), "log")
	say := func(text string) {
		file, err := os.OpenFile(c.config.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = file.WriteString(text)
		}
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	say("error: long ago\n")
	started(t, c)
	say("level=ERROR msg=\"no space left on device\"\nlevel=INFO msg=bye\n")
	s.runs()[0].exit()
	want := "ended: exit status 9: no space left on device"
	if status := reaches(t, c, Restarting); !strings.HasPrefix(status.Message, want) {
		t.Errorf("it says %q, want %q", status.Message, want)
	}
	// Somebody who is in a hurry does not wait for the delay.
	c.Hurry()
	reaches(t, c, Ready)
	s.runs()[1].exit()
	if status := reaches(t, c, Restarting); !strings.HasPrefix(status.Message, "ended: exit status 9") ||
		strings.Contains(status.Message, "on device") {
		t.Errorf("the second time it says %q", status.Message)
	}
	if got := why("signal: killed", c.config.Log, 0); strings.Contains(got, "long ago") {
		t.Errorf("of one that was killed it says %q", got)
	}
}

// What answers that something outside keeps it from working is reported, and not
// started again.
func TestWhatIsBlockedIsNotStartedAgain(t *testing.T) {
	s := &stage{}
	c := s.supervised(t, hurried)
	started(t, c)
	s.set(nil, &BlockedError{Reason: "no room"})
	if status := reaches(t, c, NotReady); !strings.HasPrefix(status.Message, "not working since ") ||
		!strings.HasSuffix(status.Message, ": no room") {
		t.Errorf("it says %q", status.Message)
	}
	s.waitAsked(t, 3*c.patience.GivenUp)
	if len(s.runs()) != 1 {
		t.Errorf("%d runs were launched", len(s.runs()))
	}
	s.set(nil, nil)
	reaches(t, c, Ready)
}

// Nobody waits for one that is not to be started.
func TestHurryOfOneThatRuns(t *testing.T) {
	launch := func(context.Context) (Run, error) { return newPlayed(), nil }
	c := NewSupervised(SupervisedConfig{Name: "x", Launch: launch})
	c.Hurry()
	started(t, c)
	c.Hurry()
	if len(c.hurry) != 0 {
		t.Error("the next delay would be passed over")
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
