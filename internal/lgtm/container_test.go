package lgtm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/docker"
)

// deployed is LGTM's container in a cluster, and its volumes.
func deployed(t *testing.T, env v1alpha1.Environment) (corev1.Container, []corev1.Volume) {
	t.Helper()
	text, err := Manifest(env, "diorama", "/on/nodes")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range bytes.Split([]byte(text), []byte("\n---\n")) {
		var d appsv1.Deployment
		if err := yaml.Unmarshal(document, &d); err != nil {
			t.Fatal(err)
		}
		if d.Kind == "Deployment" {
			return d.Spec.Template.Spec.Containers[0], d.Spec.Template.Spec.Volumes
		}
	}
	t.Fatalf("there is no Deployment:\n%s", text)
	return corev1.Container{}, nil
}

// LGTM is the same in a container and in a cluster: its environment, and what it is
// given to read.
func TestContainerAndPod(t *testing.T) {
	env := v1alpha1.DefaultOf(v1alpha1.Kwok)
	spec := Container(env, "/env/lgtm", "data", 8888)
	pod, volumes := deployed(t, env)
	var variables, targets, given []string
	for _, v := range pod.Env {
		variables = append(variables, v.Name+"="+v.Value)
		// The image splits it at spaces.
		if strings.HasSuffix(v.Name, "_EXTRA_ARGS") && strings.Contains(v.Value, " ") {
			t.Errorf("%s is cut: %s", v.Name, v.Value)
		}
	}
	if !slices.Equal(variables, spec.Env) || pod.Image != spec.Image {
		t.Errorf("the pod has %q, the container %q", variables, spec.Env)
	}
	for _, m := range pod.VolumeMounts {
		i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if path := volumes[i].HostPath; path != nil {
			targets = append(targets, strings.TrimPrefix(path.Path, "/on/nodes/")+" "+m.MountPath)
		}
	}
	for _, m := range spec.Mounts {
		if m.Target == dataPath {
			if m.Source != "data" || m.ReadOnly {
				t.Errorf("its data is in %+v", m)
			}
			continue
		}
		given = append(given, strings.TrimPrefix(m.Source, "/env/lgtm/")+" "+m.Target)
		if !m.ReadOnly {
			t.Errorf("it may write to %s", m.Source)
		}
	}
	if !slices.Equal(targets, given) || len(given) != 5 {
		t.Errorf("the pod is given %q, the container %q", targets, given)
	}
	// All that is no folder is rendered.
	rendered, err := Files("/env/lgtm", env)
	if err != nil || len(rendered) != 3 {
		t.Errorf("rendered are %d files, %v", len(rendered), err)
	}
	for path := range rendered {
		if !slices.ContainsFunc(spec.Mounts, func(m docker.Mount) bool { return m.Source == path }) {
			t.Errorf("nobody reads %s", path)
		}
	}
}

// Prometheus is published only where that is asked for.
func TestPublishedPorts(t *testing.T) {
	env := v1alpha1.DefaultOf(v1alpha1.Kwok)
	for _, env.Backend.PublishPrometheus = range []bool{false, true} {
		published := map[int]int{}
		for _, p := range Container(env, "/env/lgtm", "data", 8889).Ports {
			published[p.Container] = p.Host
		}
		if _, is := published[PrometheusPort]; is != env.Backend.PublishPrometheus || published[SelfMetricsPort] != 8889 ||
			published[GrafanaPort] != env.Ports.Dashboards || published[OTLPHTTPPort] != env.Ports.OTLPHTTP {
			t.Errorf("to be published %v: %v", env.Backend.PublishPrometheus, published)
		}
	}
}

// What an earlier run has written, and is not there any more, is not shown.
func TestProvisioningAfterEarlierRun(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "dashboards", "old", "one.json")
	err := os.MkdirAll(filepath.Dir(old), 0o755)
	if err := errors.Join(err, os.WriteFile(old, []byte("{}"), 0o644)); err != nil {
		t.Fatal(err)
	}
	shipped := fstest.MapFS{"shipped.json": {Data: []byte(`{"uid": "shipped", "title": "Shipped", "panels": []}`)}}
	p := NewProvisioning(&library.Library{Shipped: shipped}, dir, "http://127.0.0.1:1")
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, err := os.Stat(filepath.Dir(old)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "dashboards", "shipped.json")); err != nil {
		t.Error(err)
	}
}
