package supervisor

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

func TestHealth(t *testing.T) {
	is := func(name string, phase component.Phase, message string) control.ComponentStatus {
		return control.ComponentStatus{Status: component.Status{Name: name, Phase: phase, Message: message}}
	}
	etcd := is("etcd", component.Ready, "")
	for name, test := range map[string]struct {
		components []control.ComponentStatus
		phase      state.Phase
		message    string
	}{
		"all work": {[]control.ComponentStatus{etcd, is("lgtm", component.Ready, "")}, state.Ready, ""},
		"one hangs": {
			[]control.ComponentStatus{etcd, is("lgtm", component.NotReady, "not answering since 13:05:02: no")},
			state.Degraded, "lgtm not answering since 13:05:02: no",
		},
		"one ended": {
			[]control.ComponentStatus{is("etcd", component.Restarting, "ended: exit status 1")},
			state.Degraded, "etcd ended: exit status 1",
		},
		"two, one why": {
			[]control.ComponentStatus{is("a", component.Failed, "why"), is("b", component.Restarting, "")},
			state.Degraded, "a why; b",
		},
		"on its way": {
			[]control.ComponentStatus{is("a", component.Starting, "pulling"), is("b", component.Stopping, "")},
			state.Ready, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			phase, message := health(test.components)
			if phase != test.phase || message != test.message {
				t.Errorf("got %s, %q", phase, message)
			}
		})
	}
}

// While a component does not answer, the environment is Degraded, for who asks and
// for who reads the record, and says why; when it answers again it is Ready.
func TestDegradedAndReadyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var works atomic.Bool
		works.Store(true)
		l := newLab(t)
		l.plan.Add(plan.Component{
			Name: "cluster", Runs: plan.Step{Do: func(context.Context, func(string)) error { return nil }},
			Probe: func(context.Context) error {
				if works.Load() {
					return nil
				}
				return errBroke
			},
		})
		lock, err := l.folder.Lock()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = lock.Unlock() }()
		s := l.made(t)
		if err := s.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		waited := make(chan struct{})
		go func() { s.wait(ctx); close(waited) }()
		for _, test := range []struct {
			works   bool
			phase   state.Phase
			message string
		}{
			{true, state.Ready, ""},
			{false, state.Degraded, "cluster not answering since "},
			{true, state.Ready, ""},
		} {
			works.Store(test.works)
			time.Sleep(time.Minute) // of the bubble's clock
			record, status := l.record(t), s.Status(t.Context())
			if record.Phase != test.phase || !strings.HasPrefix(record.Message, test.message) ||
				(test.message == "") != (record.Message == "") {
				t.Errorf("works: %t, the record is %s, %q", test.works, record.Phase, record.Message)
			}
			if status.Phase != record.Phase || status.Message != record.Message {
				t.Errorf("works: %t, the status is %s, %q", test.works, status.Phase, status.Message)
			}
		}
		end()
		<-waited
		if err := s.shutdown(); err != nil {
			t.Error(err)
		}
		if record := l.record(t); record.Phase != state.Stopping {
			t.Errorf("when it has stopped the record is %+v", record)
		}
	})
}
