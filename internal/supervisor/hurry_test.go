package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// Who is in a hurry has configurations written again, and what has ended started.
func TestHurry(t *testing.T) {
	l := newLab(t)
	config := filepath.Join(l.folder.ConfigDir(), "child.yaml")
	l.plan.Files[config] = "a: 1\n"
	l.plan.Add(plan.Component{Name: "child", Runs: plan.Process{Args: []string{"serves"}}})
	client := l.up(t).ready(t)
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	if err := client.Hurry(t.Context()); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "the configuration is there again", func() bool { return !gone(config) })
}

// A phase that could not be written down is written as soon as it can be.
func TestPhaseIsWrittenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.plan.Add(plan.Component{
			Name: "cluster", Runs: plan.Step{Do: func(context.Context, func(string)) error { return nil }},
		})
		s := l.made(t)
		err := s.start(t.Context())
		path := filepath.Join(l.folder.Path, "state.json")
		// A folder in the place of the record keeps it from being replaced.
		if err := errors.Join(err, os.Remove(path), os.MkdirAll(filepath.Join(path, "x"), 0o700)); err != nil {
			t.Fatal(err)
		}
		s.setPhase(state.Ready, "")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		followed := make(chan struct{})
		go func() { s.followHealth(ctx); close(followed) }()
		time.Sleep(time.Minute) // of the bubble's clock
		end()
		<-followed
		if gone(path) || s.unwritten {
			t.Error("the record was not written")
		}
		if err := s.shutdown(); err != nil {
			t.Error(err)
		}
	})
}
