package supervisor

import (
	"testing"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
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
