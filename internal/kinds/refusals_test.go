package kinds

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/docker/dockertest"
	"github.com/diorama-lab/diorama/internal/state"
)

// wants holds that an error says something; nothing is wrong where want is "".
func wants(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

func TestUnknownKind(t *testing.T) {
	env := v1alpha1.Default()
	env.Kind = "minikube"
	folder := state.Folder{Name: "default", Path: "/env"}
	_, of := Of(env.Kind)
	_, planned := NewPlan(env, folder, nil)
	_, dry := DryPlan(env, folder)
	_, ports := PickPorts(&env, reserved(t))
	_, collector := CollectorConfig(env, folder, "cluster")
	for what, err := range map[string]error{
		"a kind": of, "a plan": planned, "a dry plan": dry, "ports": ports, "a collector's configuration": collector,
	} {
		wants(t, what, err, `kind "minikube": this diorama brings up ["embedded"`)
	}
}

// Prometheus in LGTM would not start with a bad rule file; diorama's own backend
// says what is wrong, and goes on.
func TestRuleFilesAreChecked(t *testing.T) {
	good := writeFile(t, filepath.Join(t.TempDir(), "good.yaml"),
		"groups: [{name: g, rules: [{record: r, expr: sum(up)}]}]\n")
	bad := writeFile(t, filepath.Join(t.TempDir(), "bad.yaml"), "groups: [{name: g, rules: [{record: r, expr: sum(}]}]\n")
	for kind, refused := range map[v1alpha1.Kind]string{
		v1alpha1.Embedded: "", v1alpha1.Kwok: "Prometheus would not start", v1alpha1.K3d: "Prometheus would not start",
	} {
		env := v1alpha1.DefaultOf(kind)
		env.Backend.Rules = []string{good}
		wants(t, "good rules of "+string(kind), planOf(t, env).CheckFiles(), "")
		env.Backend.Rules = []string{good, bad}
		wants(t, "bad rules of "+string(kind), planOf(t, env).CheckFiles(), refused)
	}
}

func TestColonInPath(t *testing.T) {
	for kind, want := range map[v1alpha1.Kind]string{
		v1alpha1.Embedded: "", v1alpha1.Kwok: "", v1alpha1.K3d: "the folder /a:b has a colon in its path",
	} {
		_, err := DryPlan(v1alpha1.DefaultOf(kind), state.Folder{Name: "default", Path: "/a:b"})
		wants(t, string(kind), err, want)
	}
}

// The names of all containers and volumes that will be made are looked up before
// anything is.
func TestTakenNames(t *testing.T) {
	for name, taken := range map[string][]string{
		"kwok":         {"container diorama-default-lgtm", "volume diorama-default-lgtm", "network diorama-default"},
		"kwok-beyla":   {"container diorama-default-beyla"},
		"kwok-context": {"container diorama-default-stats-proxy"},
		"k3d":          {"container k3d-diorama-default-server-0", "network diorama-default"},
		"k3d-own":      {"container k3d-diorama-default-server-2", "container k3d-diorama-default-agent-1"},
	} {
		for _, one := range taken {
			engine := dockertest.Start(t)
			p := planOf(t, examples()[name])
			contextOf(t, p.Environment.Cluster.KubeContext)
			wants(t, name+", nothing taken", p.Check(t.Context()), "")
			what, of, _ := strings.Cut(one, " ")
			switch what {
			case "container":
				engine.AddContainer(of, "other:1", nil)
			case "volume":
				engine.AddVolume(of, nil)
			default:
				engine.AddNetwork(of, nil)
			}
			wants(t, name+", "+one, p.Check(t.Context()), "the "+what+" name "+of+" is taken")
		}
	}
}

// The kind embedded works where there is no Docker, the others say early that it
// lacks.
func TestWithoutDocker(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///there/is/none.sock")
	folder := state.Folder{Name: "default", Path: t.TempDir()}
	for _, kind := range All() {
		want := "the engine does not run"
		if kind.Name == v1alpha1.Embedded {
			want = ""
		}
		env := v1alpha1.DefaultOf(kind.Name)
		p := planOf(t, env)
		wants(t, "checking "+string(kind.Name), p.Check(t.Context()), want)
		wants(t, "connecting "+string(kind.Name), p.Connect(t.Context()), want)
		_, err := kind.CleanUp(t.Context(), folder, env, false)
		wants(t, "cleaning up "+string(kind.Name), err, want)
		wants(t, "releasing "+string(kind.Name), p.Release(false), "")
		if warnings := p.Warnings(); len(warnings) > 0 {
			t.Errorf("%s warns of %q before it has run", kind.Name, warnings)
		}
	}
}

// A context that is not there, and one whose cluster is not, are reported before
// anything is made or written.
func TestMissingContext(t *testing.T) {
	dockertest.Start(t)
	p := planOf(t, examples()["kwok-context"])
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	wants(t, "its check", p.Check(t.Context()), `your kubeconfig has no context "kwok-mine"`)
	wants(t, "its preparation", p.Prepare(), `your kubeconfig has no context "kwok-mine"`)
	if _, err := os.Stat(p.Folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is written: %v", err)
	}
}

// What a supervisor that was killed has left is removed, and nothing of others.
func TestCleanUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	folder := state.Folder{Name: "default", Path: t.TempDir()}
	owner := docker.Owner{Environment: folder.Name, Folder: folder.Path}
	for _, kind := range All() {
		engine := dockertest.Start(t)
		for _, labels := range []map[string]string{owner.Labels(), {"of": "others"}} {
			engine.AddContainer("c-"+labels["of"], "i:1", labels)
			engine.AddNetwork("n-"+labels["of"], labels)
			engine.AddVolume("v-"+labels["of"], labels)
		}
		hosts := filepath.Join(os.TempDir(), "k3d-hostsfile-1")
		writeFile(t, hosts, "172.18.0.2 k3d-diorama-default-server-0\n")
		others := writeFile(t, filepath.Join(os.TempDir(), "k3d-hostsfile-2"), "172.18.0.2 k3d-mine-server-0\n")
		env := v1alpha1.DefaultOf(kind.Name)
		wants(t, string(kind.Name), errors.Join(kind.CleanUp(t.Context(), folder, env, true)), "")
		kept := engine.Left()
		wants(t, string(kind.Name), errors.Join(kind.CleanUp(t.Context(), folder, env, false)), "")
		left, want := engine.Left(), "container c-others,network n-others,volume v-others"
		all := "container c-,container c-others,network n-,network n-others,volume v-,volume v-others"
		if kind.Name == v1alpha1.Embedded {
			want = all
		} else if got := strings.Join(kept, ","); got != "container c-others,network n-others,volume v-,volume v-others" {
			t.Errorf("%s keeps %s", kind.Name, got)
		}
		if got := strings.Join(left, ","); got != want {
			t.Errorf("%s leaves %s, want %s", kind.Name, got, want)
		}
		_, err := os.Stat(hosts)
		if errors.Is(err, os.ErrNotExist) != (kind.Name == v1alpha1.K3d) {
			t.Errorf("%s: what k3d has left: %v", kind.Name, err)
		}
		if _, err := os.Stat(others); err != nil {
			t.Errorf("%s removes what another cluster needs: %v", kind.Name, err)
		}
	}
}

// A fault of Docker does not keep what k3d has left in place.
func TestCleanUpGoesOn(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dockertest.Start(t).Fail("GET /containers/json", "out of order")
	hosts := writeFile(t, filepath.Join(os.TempDir(), "k3d-hostsfile-1"), "172.18.0.2 k3d-diorama-default-server-0\n")
	folder := state.Folder{Name: "default", Path: "/env"}
	_, err := k3dKind().CleanUp(t.Context(), folder, v1alpha1.DefaultOf(v1alpha1.K3d), false)
	wants(t, "cleaning up", err, "listing the containers of default: ")
	if _, err := os.Stat(hosts); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}
