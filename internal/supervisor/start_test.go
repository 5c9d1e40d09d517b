package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/state"
)

func TestStart(t *testing.T) {
	l := newLab(t)
	l.plan.Files[filepath.Join(l.folder.ConfigDir(), "a.yaml")] = "a: 1\n"
	l.step("b", nil, "a")
	l.step("a", nil)
	observed := make(chan control.Progress, 20)
	l.options.Observe = func(p control.Progress) { observed <- p }
	r := l.up(t)
	status, err := r.ready(t).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Phase != state.Ready || status.StartedIn == "" || status.KubeContext != "diorama-default" {
		t.Errorf("its status is %+v", status)
	}
	record := l.record(t)
	if record.Phase != state.Ready || record.StartedIn <= 0 || record.PID != os.Getpid() ||
		record.Internal["etcd"] != 20001 {
		t.Errorf("its record is %+v", record)
	}
	if did := l.did(); did != "connect; prepare; do a; do b" {
		t.Errorf("it did: %s", did)
	}
	if gone(filepath.Join(l.folder.ConfigDir(), "a.yaml")) {
		t.Error("its configuration is not written")
	}
	var saw []string
	for p := (control.Progress{}); !p.End; {
		p = <-observed
		saw = append(saw, strings.TrimSpace(p.Component+" "+string(p.Phase)))
		if p.End != (p.Component == "") || p.Error != "" {
			t.Errorf("it reports %+v", p)
		}
	}
	if want := []string{"a Starting", "a Ready", "b Starting", "b Ready", ""}; !slices.Equal(saw, want) {
		t.Errorf("it reports %q, want %q", saw, want)
	}
}

// What was started is taken back in reverse, and the folder is left as the next
// command should find it.
func TestStartThatFails(t *testing.T) {
	fails := func(context.Context, func(string)) error { return errBroke }
	for name, test := range map[string]struct {
		retain, hadData bool
		// left is the phase in the folder, "" if that is gone.
		left     state.Phase
		logs     bool
		released string
	}{
		"a new one":                 {released: "keeping false"},
		"a new one to be retained":  {retain: true, left: state.Failed, logs: true, released: "keeping true"},
		"one with data":             {hadData: true, left: state.Stopped, logs: true, released: "keeping true"},
		"with data, to be retained": {retain: true, hadData: true, left: state.Failed, logs: true, released: "keeping true"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.options.Retain = test.retain
			if test.hadData {
				l.hadData(t, state.Record{Environment: l.plan.Environment, Phase: state.Stopped})
			}
			l.step("a", nil)
			l.step("b", nil, "a")
			l.step("c", fails, "b")
			l.step("d", nil, "c")
			err := l.up(t).wait(t)
			if !errors.Is(err, errBroke) || !strings.Contains(err.Error(), "c: it broke") {
				t.Errorf("it ended with %v", err)
			}
			want := "connect; prepare; do a; do b; do c; undo c; undo b; undo a; release, " + test.released
			if did := l.did(); did != want {
				t.Errorf("it did: %s\nwant:   %s", did, want)
			}
			if test.left == "" {
				if !l.removed() {
					t.Error("the folder is left")
				}
				return
			}
			if record := l.record(t); record.Phase != test.left || record.Message != "c: it broke" {
				t.Errorf("its record is %+v", record)
			}
			if gone(l.folder.LogDir()) == test.logs || gone(l.folder.DataDir()) {
				t.Errorf("gone: the logs %t, the data %t", gone(l.folder.LogDir()), gone(l.folder.DataDir()))
			}
		})
	}
}

// Who follows the start hears why it failed.
func TestFailureReachesWhoFollows(t *testing.T) {
	l := newLab(t)
	followed := make(chan struct{})
	l.step("a", func(ctx context.Context, _ func(string)) error {
		select {
		case <-followed:
		case <-ctx.Done():
		}
		return errBroke
	})
	r := l.up(t)
	failed := false
	err := r.client(t).Follow(t.Context(), func(p control.Progress) {
		switch p.Phase {
		case component.Starting:
			close(followed)
		case component.Failed:
			failed = p.Component == "a" && p.Error == "a: it broke"
		}
	})
	if err == nil || err.Error() != "a: it broke" || !failed {
		t.Errorf("it ended with %v; that a failed was reported: %t", err, failed)
	}
	if err := r.wait(t); !errors.Is(err, errBroke) || !l.removed() {
		t.Errorf("the supervisor ended with %v; the folder is gone: %t", err, l.removed())
	}
}

// Before a component is started nothing is there to take back but what was
// connected.
func TestStartThatFailsBeforeItsComponents(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, l *lab)
		want  string
		// left tells that the folder stays: it was not touched. connected tells that
		// there is something to release.
		left, connected bool
	}{
		"a record that cannot be read": {func(t *testing.T, l *lab) {
			if err := os.WriteFile(filepath.Join(l.folder.Path, "state.json"), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "`diorama down --name default` removes what is left", true, false},
		"no connection": {func(_ *testing.T, l *lab) {
			l.plan.Connect = func(context.Context) error { return errBroke }
		}, errBroke.Error(), false, false},
		"no connection, with data": {func(t *testing.T, l *lab) {
			l.hadData(t, state.Record{Environment: l.plan.Environment, Phase: state.Stopped})
			l.plan.Connect = func(context.Context) error { return errBroke }
		}, errBroke.Error(), true, false},
		"two of a name": {func(_ *testing.T, l *lab) { l.step("a", nil) }, "two components are called a", false, true},
		"no socket": {func(t *testing.T, l *lab) {
			if err := os.MkdirAll(filepath.Join(l.folder.Path, "control.sock", "occupied"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "control socket", false, true},
		"files that cannot be written": {func(_ *testing.T, l *lab) {
			l.plan.Files[filepath.Join(l.folder.Path, "state.json", "a.yaml")] = ""
		}, "a.yaml", false, true},
		"not prepared": {func(_ *testing.T, l *lab) {
			l.plan.Prepare = func() error { return errBroke }
		}, errBroke.Error(), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.step("a", nil)
			test.spoil(t, l)
			if err := l.up(t).wait(t); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it ended with %v, want %q", err, test.want)
			}
			if strings.Contains(l.did(), "do a") {
				t.Errorf("it did: %s", l.did())
			}
			if l.removed() == test.left {
				t.Errorf("the folder is gone: %t", l.removed())
			}
			if released := strings.HasSuffix(l.did(), "release, keeping false"); released != test.connected {
				t.Errorf("it did: %s", l.did())
			}
		})
	}
}

// Ctrl-C takes everything back, and is no failure to keep something for.
func TestStartThatIsInterrupted(t *testing.T) {
	for name, test := range map[string]struct {
		hadData bool
		end     func(t *testing.T, r *running)
		left    state.Phase
	}{
		"by a signal":            {end: func(_ *testing.T, r *running) { r.end() }},
		"by a signal, with data": {hadData: true, end: func(_ *testing.T, r *running) { r.end() }, left: state.Stopped},
		"by down":                {end: func(t *testing.T, r *running) { stop(t, r, false) }},
		"by down --keep-data":    {end: func(t *testing.T, r *running) { stop(t, r, true) }, left: state.Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.options.Retain = true
			if test.hadData {
				l.hadData(t, state.Record{Environment: l.plan.Environment, Phase: state.Failed})
			}
			begun := make(chan struct{})
			l.step("a", nil)
			l.step("b", func(ctx context.Context, _ func(string)) error {
				close(begun)
				<-ctx.Done()
				return ctx.Err()
			}, "a")
			r := l.up(t)
			<-begun
			test.end(t, r)
			const want = `environment "default" was taken down while it was starting`
			if err := r.wait(t); !errors.Is(err, context.Canceled) || err.Error() != want {
				t.Errorf("it ended with %v", err)
			}
			if did := l.did(); !strings.Contains(did, "do b; undo b; undo a; release") {
				t.Errorf("it did: %s", did)
			}
			if test.left == "" {
				if !l.removed() {
					t.Error("the folder is left")
				}
			} else if record := l.record(t); record.Phase != test.left {
				t.Errorf("its record is %+v", record)
			}
		})
	}
}

// Run plans what is to be brought up. Here the processes of a real plan end at once.
func TestRun(t *testing.T) {
	l := newLab(t)
	env := v1alpha1.Default()
	env.Ports = v1alpha1.Auto()
	env.Kind = "none"
	if err := Run(t.Context(), l.folder, env, Options{}); err == nil || !strings.Contains(err.Error(), `kind "none"`) {
		t.Errorf("of no kind: %v", err)
	}
	env.Kind = v1alpha1.Embedded
	err := Run(t.Context(), l.folder, env, Options{Retain: true})
	if !errors.As(err, new(*component.ExitError)) || !strings.Contains(err.Error(), "cannot open the frobnicator") {
		t.Errorf("of processes that end at once: %v", err)
	}
	record, held, err := l.folder.Read()
	if err != nil || held || record.Phase != state.Failed || record.Environment.Ports.Kubernetes == 0 {
		t.Errorf("afterwards its record is %+v, held: %t, %v", record, held, err)
	}
}
