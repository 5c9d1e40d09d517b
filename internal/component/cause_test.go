package component

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
