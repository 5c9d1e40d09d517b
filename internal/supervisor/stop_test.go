package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// stop asks for the end as down does.
func stop(t *testing.T, r *running, keepData bool) {
	t.Helper()
	if err := r.client(t).Stop(t.Context(), keepData); err != nil {
		t.Fatal(err)
	}
}

func TestStop(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(t *testing.T, r *running)
		kept bool
	}{
		"by down":             {end: func(t *testing.T, r *running) { stop(t, r, false) }},
		"by down --keep-data": {end: func(t *testing.T, r *running) { stop(t, r, true) }, kept: true},
		"by a signal":         {end: func(_ *testing.T, r *running) { r.end() }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.step("a", nil)
			l.step("b", nil, "a")
			r := l.up(t)
			r.ready(t)
			test.end(t, r)
			if err := r.wait(t); err != nil {
				t.Error(err)
			}
			want := "do b; undo b; undo a; release, keeping false"
			if test.kept {
				want = strings.Replace(want, "false", "true", 1)
			}
			if did := l.did(); !strings.HasSuffix(did, want) {
				t.Errorf("it did: %s", did)
			}
			if l.removed() == test.kept {
				t.Errorf("the folder is gone: %t", l.removed())
			}
			if !test.kept {
				return
			}
			if record := l.record(t); record.Phase != state.Stopped || record.Message != "" {
				t.Errorf("its record is %+v", record)
			}
			if gone(l.folder.DataDir()) || !gone(l.folder.LogDir()) || !gone(filepath.Join(l.folder.Path, "control.sock")) {
				t.Error("it did not keep its data alone")
			}
		})
	}
}

// What cannot be taken back does not keep the rest there, and the folder says what
// it is, so that down can try again.
func TestStopThatFails(t *testing.T) {
	errLeft := errors.New("the network is in use")
	for name, test := range map[string]struct {
		undo, release        error
		startFails, keepData bool
		// want is the message of a folder that stays; "" for one that does not,
		// or has data alone.
		want string
	}{
		"release":                       {release: errLeft, want: "the network is in use"},
		"release, keeping the data":     {release: errLeft, keepData: true, want: "the network is in use"},
		"release after a failed start":  {release: errLeft, startFails: true, want: "b: no b\nthe network is in use"},
		"a component":                   {undo: errBroke},
		"a component, keeping the data": {undo: errBroke, keepData: true},
		"a component of a failed start": {undo: errBroke, startFails: true},
		"a component and release":       {undo: errBroke, release: errLeft, want: "the network is in use"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.step("a", nil)
			l.plan.Add(plan.Component{Name: "b", Needs: []string{"a"}, Runs: plan.Step{
				Do: func(context.Context, func(string)) error {
					if test.startFails {
						return errors.New("no b")
					}
					return nil
				},
				Undo: func(context.Context) error { l.note("undo b"); return test.undo },
			}})
			l.plan.Release = func(bool) error { l.note("release"); return test.release }
			r := l.up(t)
			if !test.startFails {
				r.ready(t)
				stop(t, r, test.keepData)
			}
			err := r.wait(t)
			for _, want := range []error{test.undo, test.release} {
				if want != nil && (!errors.Is(err, want) || strings.Count(err.Error(), want.Error()) != 1) {
					t.Errorf("it ended with %v, want %q once", err, want)
				}
			}
			if did := l.did(); !strings.HasSuffix(did, "undo b; undo a; release") {
				t.Errorf("it did: %s", did)
			}
			if test.want == "" {
				if l.removed() == test.keepData || gone(l.folder.DataDir()) == test.keepData {
					t.Errorf("the folder is gone: %t", l.removed())
				}
				return
			}
			if record := l.record(t); record.Phase != state.Failed || record.Message != test.want {
				t.Errorf("its record is %+v", record)
			}
			if gone(l.folder.LogDir()) || gone(l.folder.DataDir()) {
				t.Error("its logs or its data are gone")
			}
		})
	}
}

// Somebody who removes the folder takes the record and the socket, and leaves
// everything else for the supervisor to take back.
func TestFolderIsRemovedMeanwhile(t *testing.T) {
	l := newLab(t)
	l.step("a", nil)
	r := l.up(t)
	r.ready(t)
	if err := os.RemoveAll(l.folder.Path); err != nil {
		t.Fatal(err)
	}
	r.end()
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
	if did := l.did(); !strings.HasSuffix(did, "undo a; release, keeping false") || !l.removed() {
		t.Errorf("it did: %s; the folder is gone: %t", did, l.removed())
	}
}

// The context that was current before is known after a crash, and after a stop that
// could not restore it.
func TestKubeconfigOverACrash(t *testing.T) {
	for name, broken := range map[string]bool{"restored": false, "not to be restored": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			path := filepath.Join(t.TempDir(), "kubeconfig")
			t.Setenv("KUBECONFIG", path)
			user := clientcmdapi.NewConfig()
			user.Contexts["theirs"], user.CurrentContext = &clientcmdapi.Context{}, "diorama-default"
			if err := clientcmd.WriteToFile(*user, path); err != nil {
				t.Fatal(err)
			}
			crashed := &state.Context{Kubeconfig: path, Name: "diorama-default", Previous: "theirs"}
			l.hadData(t, state.Record{Environment: l.plan.Environment, Phase: state.Ready, Context: crashed})
			l.plan.Add(plan.Component{Name: "context", Runs: plan.KubeContext{
				Context: plan.ContextName("default"), Admin: func() (*clientcmdapi.Config, error) {
					admin := clientcmdapi.NewConfig()
					admin.Clusters["c"], admin.AuthInfos["u"] = &clientcmdapi.Cluster{}, &clientcmdapi.AuthInfo{}
					admin.Contexts["admin"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
					admin.CurrentContext = "admin"
					return admin, nil
				},
			}})
			r := l.up(t)
			r.ready(t)
			if c := l.record(t).Context; c == nil || *c != *crashed {
				t.Errorf("remembered is %+v", c)
			}
			if broken {
				if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			stop(t, r, true)
			if err := r.wait(t); (err != nil) != broken {
				t.Error(err)
			}
			record := l.record(t)
			if broken {
				if record.Phase != state.Failed || record.Context == nil || *record.Context != *crashed {
					t.Errorf("its record is %+v, remembered is %+v", record, record.Context)
				}
				return
			}
			after, err := clientcmd.LoadFromFile(path)
			if err != nil || after.CurrentContext != "theirs" || record.Context != nil {
				t.Errorf("afterwards the kubeconfig is %+v, %v; remembered is %+v", after, err, record.Context)
			}
		})
	}
}
