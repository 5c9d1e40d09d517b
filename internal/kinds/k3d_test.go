package kinds

import (
	"bufio"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/loopback"
)

// What is applied, with Kubernetes' own eyes: fields that it does not know are
// errors.
func TestManifests(t *testing.T) {
	p := planOf(t, examples()["k3d"])
	made := p.K3d.(*K3dPlan)
	for name, path := range made.Manifests {
		text := p.Files[path]
		compareGolden(t, "manifest-"+name+".yaml", []byte(text))
		objects := decodeManifest(t, text)
		for _, object := range objects {
			for _, c := range containersOf(object) {
				if len(c.Resources.Requests) == 0 || len(c.Resources.Limits) == 0 {
					t.Errorf("%s: the container %s has no requests or no limits", name, c.Name)
				}
			}
		}
	}
	if len(made.Manifests) != 2 {
		t.Errorf("manifests are %v", made.Manifests)
	}
}

func decodeManifest(t *testing.T, text string) (objects []runtime.Object) {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		objects = append(objects, object)
	}
}

func containersOf(object runtime.Object) []corev1.Container {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return o.Spec.Template.Spec.Containers
	case *appsv1.StatefulSet:
		return o.Spec.Template.Spec.Containers
	}
	return nil
}

// Simulated nodes are scaled where there are some, and never somebody else's.
func TestScalable(t *testing.T) {
	all := examples()
	for name, want := range map[string]string{
		"embedded": "", "kwok": "", "k3d-alongside": "", "k3d": "--nodes", "kwok-context": "kwokctl",
	} {
		fixed := planOf(t, all[name]).Cluster.Fixed
		if (fixed == "") != (want == "") || !strings.Contains(fixed, want) {
			t.Errorf("%s: %q, want %q", name, fixed, want)
		}
	}
}

// The telemetry of simulated nodes goes where that of real ones goes.
func TestNodesAlongsideSendToLGTM(t *testing.T) {
	p := planOf(t, examples()["k3d-alongside"])
	text := p.Files["/env/config/collector-simulated.yaml"]
	if want := "http://" + loopback.Address(p.Environment.Ports.OTLPHTTP) + "/v1/metrics"; !strings.Contains(text, want) {
		t.Errorf("it does not send to %s:\n%s", want, text)
	}
}

// What is forwarded is what the Service has, and what LGTM reads is in the
// folder that the nodes see.
func TestK3dFitsTogether(t *testing.T) {
	p := planOf(t, examples()["k3d"])
	made := p.K3d.(*K3dPlan)
	served := map[int32]bool{}
	var mounted []string
	for _, object := range decodeManifest(t, p.Files[made.Manifests[lgtm.Name]]) {
		switch o := object.(type) {
		case *corev1.Service:
			for _, p := range o.Spec.Ports {
				served[p.Port] = true
			}
		case *appsv1.Deployment:
			for _, v := range o.Spec.Template.Spec.Volumes {
				if v.HostPath != nil {
					mounted = append(mounted, v.HostPath.Path)
				}
			}
		}
	}
	for _, f := range made.Forwards {
		if !served[int32(f.Port)] {
			t.Errorf("the port %d is forwarded, but the Service has %v", f.Port, served)
		}
	}
	mount := made.Cluster.Mounts[0]
	for _, path := range mounted {
		source := filepath.Join(mount.Source, strings.TrimPrefix(path, mount.Target))
		_, rendered := p.Files[source]
		if written := slices.Contains([]string{"dashboards", "rules"}, filepath.Base(source)); !rendered && !written {
			t.Errorf("LGTM reads %s, which nobody writes", source)
		}
	}
	if len(mounted) != 5 {
		t.Errorf("LGTM sees %q", mounted)
	}
}
