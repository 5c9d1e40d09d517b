package plan

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/state"
)

// A kind that has nothing of its own to check, prepare or report leaves it out.
func TestNewPlanRuns(t *testing.T) {
	p := New(v1alpha1.Default(), state.Folder{Path: "/env"}, map[string]int{"etcd": 1})
	err := errors.Join(p.CheckFiles(), p.Check(t.Context()), p.Connect(t.Context()), p.Prepare(), p.Release(true))
	if err != nil || p.Members() != nil || p.Forwards() != nil || p.Warnings() != nil {
		t.Errorf("it has something of its own: %v", err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var printed map[string]any
	if err := json.Unmarshal(text, &printed); err != nil {
		t.Fatal(err)
	}
	keys := strings.Join(slices.Sorted(maps.Keys(printed)), " ")
	if keys != "components environment files folder internalPorts" || printed["folder"] != "/env" {
		t.Errorf("it is printed as %s", text)
	}
}

func TestContainersOfAPlan(t *testing.T) {
	shared := containers.New(state.Folder{}, "diorama-a")
	p := New(v1alpha1.Default(), state.Folder{}, nil)
	if p.ContainerNames() != nil || p.Volumes() != nil || p.StartLimit() != startLimit {
		t.Errorf("without containers: %q, %q, %s", p.ContainerNames(), p.Volumes(), p.StartLimit())
	}
	p.Network = shared.Name
	p.Add(
		Component{Name: "network", Runs: Step{}},
		Component{Name: "lgtm", Runs: NewContainer(shared, "lgtm", docker.Spec{Mounts: []docker.Mount{
			{Source: "/etc/rules"}, {Source: "diorama-a-data"},
		}})},
	)
	p.Add(Component{Name: "beyla", Runs: NewContainer(shared, "beyla", docker.Spec{})})
	if got := p.ContainerNames(); !slices.Equal(got, []string{"diorama-a-lgtm", "diorama-a-beyla"}) {
		t.Errorf("its containers are %q", got)
	}
	if got := p.Volumes(); !slices.Equal(got, []string{"diorama-a-data"}) {
		t.Errorf("its volumes are %q", got)
	}
	// Images may have to be pulled.
	if p.StartLimit() != startLimit+pullLimit {
		t.Errorf("it may take %s", p.StartLimit())
	}
}

func TestWriteFiles(t *testing.T) {
	dir := t.TempDir()
	inFolder, file := filepath.Join(dir, "rules", "a.yaml"), filepath.Join(dir, "b.yaml")
	p := New(v1alpha1.Default(), state.Folder{Path: dir}, nil)
	p.Files[inFolder], p.Files[file] = "a: 1\n", "b: 2\n"
	if err := p.WriteFiles(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, inFolder) + read(t, file); got != "a: 1\nb: 2\n" {
		t.Errorf("they say %q", got)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %s", info.Mode())
	}
	p.Files[filepath.Join(file, "c.yaml")] = ""
	if err := p.WriteFiles(); err == nil || !strings.Contains(err.Error(), "b.yaml") {
		t.Errorf("in a folder that is a file: %v", err)
	}
}
