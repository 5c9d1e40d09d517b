package helm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/diorama-lab/diorama/internal/collector"
)

const chartFolder = "../../testdata/charts/opentelemetry-collector"

func exampleOptions(image string) collector.ChartOptions {
	return collector.ChartOptions{
		ClusterName: "lab", Image: image, BackendURL: "http://lgtm:4318", Interval: 5 * time.Second,
	}
}

// exampleRelease is one of the collectors' with the values that diorama renders.
func exampleRelease(t *testing.T, name string, render func(collector.ChartOptions) (string, error)) Release {
	t.Helper()
	text, err := render(exampleOptions("otel/contrib:1.2"))
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
			checkNodePorts(t, o, pod)
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

// checkNodePorts looks for ports that are taken from the nodes, where other
// things may listen.
func checkNodePorts(t *testing.T, set *appsv1.DaemonSet, pod corev1.PodSpec) {
	t.Helper()
	if set.Name != collector.NodesRelease+"-agent" || pod.HostNetwork {
		t.Errorf("the DaemonSet %s is on the node's network: %t", set.Name, pod.HostNetwork)
	}
	for _, port := range pod.Containers[0].Ports {
		if port.HostPort != 0 || port.ContainerPort != 8888 {
			t.Errorf("the DaemonSet has the port %+v", port)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	const image, deployment = "image: {repository: otel/contrib}\n", "mode: deployment\n"
	good := exampleRelease(t, "x", collector.ClusterValues)
	library := t.TempDir()
	text := "apiVersion: v2\nname: shelf\nversion: 1.0.0\ntype: library\n"
	if err := os.WriteFile(filepath.Join(library, "Chart.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	needy := t.TempDir()
	text = "apiVersion: v2\nname: needy\nversion: 1.0.0\n" +
		"dependencies: [{name: other, version: 1.0.0, repository: https://example.com}]\n"
	if err := os.WriteFile(filepath.Join(needy, "Chart.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	values := func(path string) func(*Release) { return func(r *Release) { r.Values = path } }
	for name, test := range map[string]struct {
		change func(*Release)
		want   string
	}{
		"no chart":      {func(r *Release) { r.Chart = "none" }, "loading the chart none"},
		"library":       {func(r *Release) { r.Chart = library }, "shelf is a library"},
		"dependency":    {func(r *Release) { r.Chart = needy }, "it lacks the charts that it needs (other)"},
		"no values":     {values("none.yaml"), "reading the values of the release x: open none.yaml"},
		"broken values": {values(save(t, "a: [")), "the values "},
		"no image":      {values(save(t, deployment)), "'image.repository' must be set"},
		"no mode":       {values(save(t, image)), "'mode' must be set"},
		"no health":     {values(save(t, image+deployment+"config: {service: {extensions: []}}\n")), "health_check"},
		"a preset":      {values(save(t, image+deployment+"presets: {hostMetrics: {enabled: true}}\n")), "no presets"},
		"version":       {func(r *Release) { r.Kubernetes = "new" }, `the cluster's version "new"`},
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

// What a chart's schema refuses is reported with the file that it is in.
func TestSchemaRefuses(t *testing.T) {
	good := exampleRelease(t, "x", collector.NodesValues)
	rendered, err := os.ReadFile(good.Values)
	if err != nil {
		t.Fatal(err)
	}
	const mode, zipkin = "mode: daemonset", "zipkin: {enabled: false}"
	for name, test := range map[string]struct{ from, to, want string }{
		"null":        {"hostPort: 0", "hostPort: null", "at '/ports/metrics/hostPort': got null, want integer"},
		"a text":      {"hostPort: 0", "hostPort: none", "at '/ports/metrics/hostPort': got string, want integer"},
		"unknown":     {mode, mode + "\nreplicas: 2", "at '': additional properties 'replicas' not allowed"},
		"another":     {mode, "mode: agent", "at '/mode': value must be one of"},
		"not enabled": {zipkin, zipkin + "\n  mine: {containerPort: 1}", "missing property 'enabled'"},
		"no number":   {"memory: 512Mi", "memory: 512", "at '/resources/limits/memory': got number, want string"},
		"two":         {mode, "mode: agent\nhostNetwork: never", "at '/hostNetwork': got string, want boolean; at '/mode'"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(rendered), test.from, test.to, 1)
			if text == string(rendered) {
				t.Fatalf("the values have no %s", test.from)
			}
			r := good
			r.Values = save(t, text)
			_, err := Render(r)
			for _, want := range []string{
				test.want, "the Helm values " + r.Values, "the chart opentelemetry-collector 0.0.1",
				"Change them in that file",
			} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want an error with %s", err, want)
				}
			}
		})
	}
}

// A digest takes the place of a tag; the chart's own is for neither.
func TestRenderImages(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for image, want := range map[string]string{
		"otel/contrib:1.2": "otel/contrib:1.2", "otel/contrib": "otel/contrib:latest",
		"otel/contrib:1.2@" + digest: "otel/contrib@" + digest, "registry:5000/x@" + digest: "registry:5000/x@" + digest,
	} {
		text, err := collector.NodesValues(exampleOptions(image))
		if err != nil {
			t.Fatal(err)
		}
		manifests, err := Render(Release{Name: "x", Namespace: "diorama", Chart: chartFolder, Values: save(t, text)})
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range decoded(t, manifests) {
			if set, ok := object.(*appsv1.DaemonSet); ok && set.Spec.Template.Spec.Containers[0].Image != want {
				t.Errorf("%s is run as %s, want %s", image, set.Spec.Template.Spec.Containers[0].Image, want)
			}
		}
	}
}
