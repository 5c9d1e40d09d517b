package kinds

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/docker/dockertest"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// The first steps of a kind with containers, against an engine that lacks an image,
// and has what an earlier run left.
func TestFirstSteps(t *testing.T) {
	engine := dockertest.Start(t)
	env := v1alpha1.DefaultOf(v1alpha1.Kwok)
	env.Images.LGTM += "@sha256:" + strings.Repeat("a", 64)
	tagged, _, _ := strings.Cut(env.Images.LGTM, "@")
	env.Images.Load = []string{dockertest.Tarball(t, tagged)}
	e := plannedHere(t, env)
	wants(t, "connecting", e.Connect(t.Context()), "")
	_, err := e.start(t.Context(), imagesName)
	wants(t, "an image that is nowhere", err, "pulling the image "+env.Images.Collector)
	if left := engine.Left(); len(left) > 0 {
		t.Errorf("there is %q", left)
	}
	engine.Publish(env.Images.Collector)
	e.started(imagesName)
	warnings := e.Warnings()
	if len(warnings) != 1 || !strings.Contains(warnings[0], "the image "+env.Images.LGTM+" is not checked") {
		t.Errorf("warnings are %q", warnings)
	}

	engine.AddVolume("mine", nil)
	network := e.started(networkName)
	if left := engine.Left(); !slices.Equal(left, []string{"network diorama-default", "volume mine"}) {
		t.Errorf("there is %q", left)
	}
	container := e.makeLGTM()
	if made, ok := engine.Container("diorama-default-lgtm"); !ok || made.Config.Image != tagged {
		t.Errorf("LGTM is %+v", made)
	}
	e.stopped(container)
	e.stopped(network)
	if left := engine.Left(); !slices.Equal(left, []string{"volume diorama-default-lgtm", "volume mine"}) {
		t.Errorf("what stays is %q", left)
	}
	wants(t, "releasing", e.Release(false), "")
	if left := engine.Left(); !slices.Equal(left, []string{"volume mine"}) {
		t.Errorf("what stays of its data is %q", left)
	}
}

// makeLGTM starts its container, whose files have to be there; it does not answer.
func (e *environment) makeLGTM() component.Component {
	e.t.Helper()
	e.started(provisioningName)
	c := e.make(lgtm.Name)
	if err := c.Start(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	return c
}

// What Grafana and Prometheus read is written, and follows what is saved until the
// step is taken back.
func TestProvisioningStep(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	env := v1alpha1.DefaultOf(v1alpha1.Kwok)
	env.Dashboards.Folder = t.TempDir()
	mine := filepath.Join(env.Dashboards.Folder, "mine.json")
	board := func(title string) string {
		return `{"uid": "mine", "title": "` + title + `", "panels": [], "schemaVersion": 39}`
	}
	writeFile(t, mine, board("First"))
	rules := writeFile(t, filepath.Join(t.TempDir(), "mine.yaml"),
		"groups: [{name: g, rules: [{record: r, expr: sum(up)}]}]\n")
	env.Backend.Rules = []string{rules}
	e := plannedHere(t, env)
	wants(t, "taking back what was not done", e.make(provisioningName).Stop(t.Context()), "")
	step := e.started(provisioningName)
	dir := filepath.Join(e.folder.ConfigDir(), lgtm.Name)
	for _, name := range []string{
		"provider.yaml", "datasource.yaml", "prometheus.yaml", "rules/own-0-mine.yaml", "dashboards/mine.json",
	} {
		// LGTM has a user of its own.
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o004 == 0 {
			t.Errorf("LGTM cannot read %s: %v", name, err)
		}
	}
	title := func() string {
		var d struct{ Title string }
		data, err := os.ReadFile(filepath.Join(dir, "dashboards", "mine.json"))
		if err := errors.Join(err, json.Unmarshal(data, &d)); err != nil {
			t.Error(err)
		}
		return d.Title
	}
	writeFile(t, mine, board("Second"))
	waittest.True(t, "the change is there", func() bool { return title() == "Second" })
	writeFile(t, mine, `{"uid": `)
	waittest.True(t, "there is a warning", func() bool {
		return len(e.Warnings()) == 1 && strings.Contains(e.Warnings()[0], "mine.json")
	})
	e.stopped(step)
}

func TestProvisioningFails(t *testing.T) {
	env := v1alpha1.DefaultOf(v1alpha1.Kwok)
	env.Backend.Rules = []string{"/there/is/none.yaml"}
	_, err := plannedHere(t, env).start(t.Context(), provisioningName)
	wants(t, "rules that are gone", err, "backend.rules: /there/is/none.yaml")
	env.Backend.Rules = nil
	e := plannedHere(t, env)
	// A file is in the place of the folder.
	in := writeFile(t, filepath.Join(e.folder.ConfigDir(), lgtm.Name), "")
	_, err = e.start(t.Context(), provisioningName)
	wants(t, "a folder that cannot be made", err, in)
}

// What is applied to a k3d cluster is read when it is applied, as it lies there.
func TestManifestsAreRead(t *testing.T) {
	e := plannedHere(t, v1alpha1.DefaultOf(v1alpha1.K3d))
	for _, name := range []string{lgtm.Name, workloadsName} {
		objects, path := planned(t, e.Plan, name).Runs.(plan.Workload).Config.Objects, e.K3d.(*K3dPlan).Manifests[name]
		_, err := objects(t.Context(), nil, nil)
		wants(t, name+" before it is written", err, "reading the manifest of "+name+": open "+path)
		writeFile(t, path, e.Files[path])
		if all, err := objects(t.Context(), nil, nil); err != nil || len(all) < 2 {
			t.Errorf("%s has %d objects, %v", name, len(all), err)
		}
		writeFile(t, path, "kind: [")
		_, err = objects(t.Context(), nil, nil)
		wants(t, name+" that is broken", err, "the manifest of "+name+": ")
	}
}

// Steps of a k3d cluster that cannot be done say why, and can be taken back.
func TestK3dStepsFail(t *testing.T) {
	engine := dockertest.Start(t)
	t.Setenv("DIORAMA_HOME", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	env := examples()["k3d-alongside"]
	env.Chart.Path = "/there/is/none.tgz"
	e := plannedHere(t, env)
	wants(t, "connecting", e.Connect(t.Context()), "")
	for name, want := range map[string]string{
		chartStep:      "/there/is/none.tgz",
		clusterName:    "looking for the network diorama-default",
		nodeImagesName: "No such image",
		forwardsName:   "reading the administrator's kubeconfig",
		bootstrap:      "reading the administrator's kubeconfig",
		simulatedName:  "reading the administrator's kubeconfig",
	} {
		c, err := e.start(t.Context(), name)
		wants(t, name, err, want)
		e.stopped(c)
	}
	if left := engine.Left(); len(left) > 0 || len(e.Members()) > 0 || len(e.Forwards()) > 0 {
		t.Errorf("there is %q, %v, %v", left, e.Members(), e.Forwards())
	}
	wants(t, "releasing", e.Release(false), "")
}
