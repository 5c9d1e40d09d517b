package environment

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/state"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	phase := func(p state.Phase) error {
		return &RunningError{Record: state.Record{Environment: v1alpha1.Default(), Phase: p}}
	}
	for text, wants := range map[string][]string{
		phase(state.Ready).Error(): {
			`environment "default" is already up`, "embedded, Ready, 50 nodes, 200 pods", "nothing was changed",
			"`diorama status --name default`", "`diorama scale --name default --nodes N`",
			"`diorama down --name default`", "bring up another one with --name",
		},
		phase(state.Starting).Error(): {
			`environment "default" is being brought up`, "nothing was changed",
			"`diorama status --name default`", "`diorama down --name default`",
		},
		phase(state.Stopping).Error(): {`environment "default" is going down`, "nothing was changed", "`diorama list`"},
		(&NotFoundError{Name: "second"}).Error(): {
			`no environment "second"`, "`diorama up --name second`", "`diorama list`",
		},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%q does not say %q", text, want)
			}
		}
	}
}

// lab is an environment of small wants: ports are picked when it starts.
func lab() v1alpha1.Environment {
	env := v1alpha1.Default()
	env.Ports = v1alpha1.Auto()
	return env
}

// What is left of an earlier run is there to go on from, and is named.
func TestPrepare(t *testing.T) {
	for name, test := range map[string]struct {
		left *state.Record
		want state.Phase
	}{
		"nothing":          {},
		"of a crash":       {&state.Record{Environment: lab(), Phase: state.Ready}, state.Crashed},
		"of a failure":     {&state.Record{Environment: lab(), Phase: state.Failed}, state.Failed},
		"of a stopped one": {&state.Record{Environment: lab(), Phase: state.Stopped}, state.Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			if test.left == nil {
				home(t)
			} else {
				left(t, *test.left)
			}
			p := prepared(t)
			folder, left := p.Folder, p.Left
			if (left == nil) != (test.left == nil) || left != nil && left.Phase != test.want {
				t.Errorf("what is left is %+v, want %s", left, test.want)
			}
			for _, dir := range []string{folder.LogDir(), folder.DataDir(), folder.ConfigDir()} {
				if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
					t.Errorf("%s is %v, %v", dir, info, err)
				}
			}
		})
	}
}

func TestPrepareOfARunningOne(t *testing.T) {
	folder := held(t, state.Record{Environment: lab(), Phase: state.Degraded})
	if err := os.RemoveAll(folder.LogDir()); err != nil {
		t.Fatal(err)
	}
	_, err := Prepare(t.Context(), lab())
	var running *RunningError
	if !errors.As(err, &running) || running.Record.Phase != state.Degraded {
		t.Errorf("it says %v", err)
	}
	if !gone(folder.LogDir()) {
		t.Error("its folder is changed")
	}
}

// What would fail late is said early, and leaves nothing behind.
func TestPrepareThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, env *v1alpha1.Environment)
		want  string
	}{
		"a name that is none": {func(_ *testing.T, env *v1alpha1.Environment) { env.Name = "../other" }, "name"},
		"a kind that is none": {func(_ *testing.T, env *v1alpha1.Environment) { env.Kind = "none" }, `kind "none"`},
		"a template that is none": {func(t *testing.T, env *v1alpha1.Environment) {
			env.Cluster.PodTemplate = write(t, filepath.Join(t.TempDir(), "pod.yaml"), "kind: Service\n")
		}, "pod.yaml"},
		"a template that is not there": {func(t *testing.T, env *v1alpha1.Environment) {
			env.Cluster.PodTemplate = filepath.Join(t.TempDir(), "pod.yaml")
		}, "reading the pod template"},
		"a stage that is none": {func(t *testing.T, env *v1alpha1.Environment) {
			env.Cluster.Stages = []string{write(t, filepath.Join(t.TempDir(), "stage.yaml"), "kind: Service\n")}
		}, "stage.yaml"},
		"more pods than fit": {func(_ *testing.T, env *v1alpha1.Environment) {
			env.Cluster.Nodes, env.Cluster.Pods = 1, 5000
		}, "5000"},
		"a kubeconfig of no sense": {func(t *testing.T, _ *v1alpha1.Environment) {
			write(t, os.Getenv("KUBECONFIG"), "{")
		}, "does not parse"},
		"rules that Prometheus would not load": {func(t *testing.T, env *v1alpha1.Environment) {
			*env = v1alpha1.DefaultOf(v1alpha1.Kwok)
			env.Ports = v1alpha1.Auto()
			env.Backend.Rules = []string{write(t, filepath.Join(t.TempDir(), "rules.yaml"), "groups: 3\n")}
		}, "rules.yaml"},
		"no Docker for a kind with containers": {func(_ *testing.T, env *v1alpha1.Environment) {
			*env = v1alpha1.DefaultOf(v1alpha1.Kwok)
			env.Ports = v1alpha1.Auto()
		}, "docker.sock"},
		"a file where environments are to be": {func(t *testing.T, _ *v1alpha1.Environment) {
			write(t, os.Getenv("DIORAMA_HOME"), "")
		}, "DIORAMA_HOME moves it"},
	} {
		t.Run(name, func(t *testing.T) {
			folder, env := home(t), lab()
			test.spoil(t, &env)
			if p, err := Prepare(t.Context(), env); !says(err, test.want) || p != nil {
				t.Errorf("it says %v, want %q; it prepared %+v", err, test.want, p)
			}
			if info, err := os.Stat(folder.Path); err == nil {
				t.Errorf("there is %s", info.Name())
			}
		})
	}
}

func TestPrepareOfARecordThatCannotBeRead(t *testing.T) {
	folder := left(t, state.Record{})
	write(t, filepath.Join(folder.Path, "state.json"), "{")
	if _, err := Prepare(t.Context(), lab()); !says(err, "`diorama down --name default` removes what is left") {
		t.Errorf("it says %v", err)
	}
}

// All ports that are taken are named at once, those to be picked are not asked for.
func TestPrepareWithPortsThatAreTaken(t *testing.T) {
	folder, env := home(t), lab()
	for _, port := range []*int{&env.Ports.Prometheus, &env.Ports.Dashboards} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	_, err := Prepare(t.Context(), env)
	for name, port := range map[string]int{"prometheus": env.Ports.Prometheus, "dashboards": env.Ports.Dashboards} {
		if want := fmt.Sprintf("port %d (%s) is in use", port, name); !says(err, want) {
			t.Errorf("it says %v, not %q", err, want)
		}
	}
	if !gone(folder.Path) {
		t.Error("its folder is there")
	}
}

// Of many who prepare at once one does; the others are told which, and change
// nothing.
func TestPrepareOfManyAtOnce(t *testing.T) {
	folder := home(t)
	type result struct {
		*Prepared
		nodes int
		err   error
	}
	results := make(chan result, 8)
	for i := range cap(results) {
		env := lab()
		env.Cluster.Nodes, env.Cluster.Pods = i+1, 0
		go func() {
			p, err := Prepare(context.Background(), env)
			results <- result{p, env.Cluster.Nodes, err}
		}()
	}
	var first *result
	for range cap(results) {
		switch r := <-results; {
		case r.err == nil && first == nil:
			first = &r
		case !says(r.err, `"default" is being brought up by another diorama`):
			t.Errorf("it says %v", r.err)
		}
	}
	if first == nil {
		t.Fatal("nobody prepared")
	}
	if env, err := folder.ReadEnvironment(); err != nil || env.Cluster.Nodes != first.nodes {
		t.Errorf("it is to have %d nodes, not %d, %v", env.Cluster.Nodes, first.nodes, err)
	}
	if err := first.Close(nil, false); err != nil || !gone(folder.Path) {
		t.Errorf("it says %v; the folder is gone: %t", err, gone(folder.Path))
	}
}

// An interrupt while it is checked leaves nothing behind.
func TestPrepareIsInterrupted(t *testing.T) {
	folder := home(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Prepare(ctx, lab()); !errors.Is(err, context.Canceled) || !gone(folder.Path) {
		t.Errorf("it says %v; the folder is gone: %t", err, gone(folder.Path))
	}
}

func TestFind(t *testing.T) {
	folder := held(t, state.Record{Environment: lab(), Phase: state.Ready, PID: 4711})
	found, record, alive, err := Find("default")
	if err != nil || found != folder || !alive || record.PID != 4711 {
		t.Errorf("it finds %+v, %+v, running: %t, %v", found, record, alive, err)
	}
	var none *NotFoundError
	if _, _, alive, err := Find("second"); alive || !errors.As(err, &none) || none.Name != "second" {
		t.Errorf("of one that is not there: running: %t, %v", alive, err)
	}
	if found, _, _, err := Find("../default"); err == nil || errors.As(err, &none) || found.Path != "" {
		t.Errorf("of a name that is none: %+v, %v", found, err)
	}
	write(t, filepath.Join(folder.Path, "state.json"), "{")
	if found, _, _, err := Find("default"); !says(err, "state.json") || found != folder {
		t.Errorf("of a record that cannot be read: %+v, %v", found, err)
	}
}
