package helm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/diorama-lab/diorama/internal/collector"
)

const chartFolder = "../../testdata/charts/opentelemetry-collector"

// release is one of the collectors' with the values that diorama renders.
func exampleRelease(t *testing.T, name string, render func(collector.ChartOptions) (string, error)) Release {
	t.Helper()
	text, err := render(collector.ChartOptions{ClusterName: "lab", Image: "otel/contrib:1.2", BackendURL: "http://lgtm:4318"})
	if err != nil {
		t.Fatal(err)
	}
	return Release{Name: name, Namespace: "diorama", Chart: chartFolder, Values: save(t, text), Kubernetes: "v1.35.4"}
}

func save(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// decoded are the objects as Kubernetes reads them; unknown fields are errors.
func decoded(t *testing.T, manifests []Manifest) (objects []runtime.Object) {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, m := range manifests {
		object, _, err := decoder.Decode([]byte(m.Text), nil, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", m.Source, err, m.Text)
		}
		objects = append(objects, object)
	}
	return objects
}

func kinds(manifests []Manifest) string {
	var all []string
	for _, m := range manifests {
		all = append(all, m.Kind)
	}
	return strings.Join(all, " ")
}

func TestRenderCollectors(t *testing.T) {
	cluster, err := Render(exampleRelease(t, collector.ClusterRelease, collector.ClusterValues))
	if err != nil {
		t.Fatal(err)
	}
	if got := kinds(cluster); got != "ServiceAccount ConfigMap ClusterRole ClusterRoleBinding Service Deployment" {
		t.Errorf("the Deployment comes with %s", got)
	}
	nodes, err := Render(exampleRelease(t, collector.NodesRelease, collector.NodesValues))
	if err != nil {
		t.Fatal(err)
	}
	if got := kinds(nodes); got != "ServiceAccount ConfigMap ClusterRole ClusterRoleBinding DaemonSet" {
		t.Errorf("the DaemonSet comes with %s", got)
	}
	for _, object := range slices.Concat(decoded(t, cluster), decoded(t, nodes)) {
		var pod corev1.PodSpec
		switch o := object.(type) {
		case *appsv1.Deployment:
			pod = o.Spec.Template.Spec
		case *appsv1.DaemonSet:
			pod = o.Spec.Template.Spec
			if len(pod.Tolerations) == 0 || len(pod.Volumes) != 2 {
				t.Errorf("the DaemonSet's pods are %+v", pod)
			}
		default:
			continue
		}
		c := pod.Containers[0]
		if c.Image != "otel/contrib:1.2" || c.Command[0] != "/otelcol-contrib" || c.Resources.Limits.Memory().IsZero() {
			t.Errorf("the container is %+v", c)
		}
	}
	if text := nodes[1].Text; !strings.Contains(text, "https://${env:K8S_NODE_IP}:10250") {
		t.Errorf("the configuration has lost the kubelet's address:\n%s", text)
	}
}

func TestRenderRefuses(t *testing.T) {
	good := exampleRelease(t, "x", collector.ClusterValues)
	library := t.TempDir()
	text := "apiVersion: v2\nname: shelf\nversion: 1.0.0\ntype: library\n"
	if err := os.WriteFile(filepath.Join(library, "Chart.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	needy := t.TempDir()
	text = "apiVersion: v2\nname: needy\nversion: 1.0.0\ndependencies: [{name: other, version: 1.0.0, repository: https://example.com}]\n"
	if err := os.WriteFile(filepath.Join(needy, "Chart.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*Release)
		want   string
	}{
		"no chart":       {func(r *Release) { r.Chart = "none" }, "loading the chart none"},
		"library":        {func(r *Release) { r.Chart = library }, "shelf is a library"},
		"dependency":     {func(r *Release) { r.Chart = needy }, "it lacks the charts that it needs (other)"},
		"no values":      {func(r *Release) { r.Values = "none.yaml" }, "reading the values of the release x: open none.yaml"},
		"broken values":  {func(r *Release) { r.Values = save(t, "a: [") }, "the values "},
		"refused values": {func(r *Release) { r.Values = save(t, "mode: statefulset\n") }, "mode: use deployment or daemonset"},
		"version":        {func(r *Release) { r.Kubernetes = "new" }, `the cluster's version "new"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			test.change(&r)
			if _, err := Render(r); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %s", err, test.want)
			}
		})
	}
}
