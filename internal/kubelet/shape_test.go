package kubelet

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var recordings = flag.String("recordings", "", "folder with a kubelet's answers, to write the golden shapes from")

// kubeletAnswers are what a kubelet said about one and the same cluster.
type kubeletAnswers struct {
	pods                             corev1.PodList
	summary, small                   []byte
	metricsCadvisor, metricsResource string
}

// readAnswers reads those of a real kubelet, 1.35.4, from a folder.
func readAnswers(t *testing.T, dir string) kubeletAnswers {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			if data, err = os.ReadFile(filepath.Join(dir, name+".gz")); err == nil {
				var zipped io.Reader
				if zipped, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
					data, err = io.ReadAll(zipped)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	a := kubeletAnswers{
		summary: read("stats-summary-1.json"), small: read("stats-summary-cpumem-1.json"),
		metricsCadvisor: string(read("metrics-cadvisor.txt")), metricsResource: string(read("metrics-resource-1.txt")),
	}
	if err := json.Unmarshal(read("pods.json"), &a.pods); err != nil {
		t.Fatal(err)
	}
	return a
}

// ownAnswers are those of a simulated node with objects of every kind.
func ownAnswers(t *testing.T) kubeletAnswers {
	t.Helper()
	s := shapeCluster()
	v, found := s.view("node-0")
	if !found {
		t.Fatal("no node-0")
	}
	n := v.measure(s)
	return kubeletAnswers{
		pods:            *podList(v),
		summary:         appendSummary(nil, newSummary(n, false)),
		small:           appendSummary(nil, newSummary(n, true)),
		metricsCadvisor: string(appendCadvisor(nil, n)),
		metricsResource: string(appendResource(nil, n)),
	}
}

// shapeCluster has a pod of each kind that has fields of its own.
func shapeCluster() *store {
	s, _ := newTestStore(1, 1)
	host := bare("host")
	host.Spec.HostNetwork = true
	host.Spec.Volumes = []corev1.Volume{
		{Name: "root", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}},
	}
	db := bare("db-0")
	db.Spec.Containers[0].Resources = limits("1", "1Gi")
	db.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-db-0"},
	}}}
	scratch := bare("scratch")
	scratch.Spec.Volumes = []corev1.Volume{
		{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "keys", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}}},
	}
	waiting := bare("waiting")
	waiting.Status.ContainerStatuses[0].State = corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"},
	}
	always := corev1.ContainerRestartPolicyAlways
	sidecar := bare("sidecar")
	sidecar.Spec.InitContainers = []corev1.Container{
		{Name: "proxy", RestartPolicy: &always, Resources: limits("100m", "64Mi")},
	}
	sidecar.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name: "proxy", ContainerID: "containerd://" + hashID(sidecar.UID, "/proxy"), State: corev1.ContainerState{
			Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)},
		},
	}}
	for _, o := range []*corev1.Pod{bare("plain"), host, db, scratch, waiting, sidecar} {
		s.setPod(newPod(1, o))
	}
	return s
}

// golden compares with a golden file, after writing it from recordings if
// there are any. It returns what the file says.
func golden[T any](t *testing.T, file string, shape func(kubeletAnswers) T) T {
	t.Helper()
	if *recordings != "" {
		data, err := json.MarshalIndent(shape(readAnswers(t, *recordings)), "", " ")
		if err == nil {
			err = os.WriteFile(file, append(data, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want T
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// A field that a real kubelet sends for a kind of object is sent here, and no other.
func TestFieldsAreTheKubelets(t *testing.T) {
	shape := func(a kubeletAnswers) map[string]map[string][]string {
		return map[string]map[string][]string{
			"full": fieldsByKind(t, a.summary, a.pods.Items), "cpuAndMemory": fieldsByKind(t, a.small, a.pods.Items),
		}
	}
	want, got := golden(t, "testdata/summary-shape.json", shape), shape(ownAnswers(t))
	for form := range want {
		for kind := range union(want[form], got[form]) {
			for _, field := range missing(want[form][kind], got[form][kind]) {
				t.Errorf("%s, %s: %s is missing", form, kind, field)
			}
			for _, field := range missing(got[form][kind], want[form][kind]) {
				t.Errorf("%s, %s: a kubelet does not send %s", form, kind, field)
			}
		}
	}
}

func union[V any](a, b map[string]V) map[string]bool {
	all := map[string]bool{}
	for _, m := range []map[string]V{a, b} {
		for key := range m {
			all[key] = true
		}
	}
	return all
}

func missing(wanted, have []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(s string) bool { return slices.Contains(have, s) })
}

// fieldsByKind takes a summary apart into kinds of objects and lists the
// fields of each. Objects of one kind have to have the same.
func fieldsByKind(t *testing.T, summary []byte, pods []corev1.Pod) map[string][]string {
	t.Helper()
	var sum struct {
		Node map[string]any
		Pods []map[string]any
	}
	if err := json.Unmarshal(summary, &sum); err != nil {
		t.Fatal(err)
	}
	fields := map[string][]string{}
	add := func(kind string, object map[string]any) {
		found := map[string]bool{}
		paths(object, "", found)
		list := slices.Sorted(maps.Keys(found))
		if before, seen := fields[kind]; seen && !slices.Equal(before, list) {
			t.Errorf("two of kind %s differ: %v and %v", kind, before, list)
		}
		fields[kind] = list
	}
	take := func(from map[string]any, key string) []any {
		list, _ := from[key].([]any)
		delete(from, key)
		return list
	}
	for _, c := range take(sum.Node, "systemContainers") {
		c := c.(map[string]any)
		add("system container "+c["name"].(string), c)
	}
	add("node", sum.Node)
	for _, p := range sum.Pods {
		o := podNamed(t, pods, p["podRef"].(map[string]any)["name"].(string))
		for _, c := range take(p, "containers") {
			c := c.(map[string]any)
			add(limitedKind("container", "memory", limitOf(o, c["name"].(string), corev1.ResourceMemory)), c)
		}
		for _, v := range take(p, "volume") {
			v := v.(map[string]any)
			add("volume "+volumeSource(o, v["name"].(string)), v)
		}
		kind := limitedKind("pod", "memory", allLimited(o, corev1.ResourceMemory))
		if o.Spec.HostNetwork {
			kind = "host-network " + kind
		}
		add(kind, p)
	}
	return fields
}

// paths lists the leaves of a JSON value, list items under [].
func paths(v any, at string, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			paths(e, strings.TrimPrefix(at+"."+k, "."), out)
		}
	case []any:
		for _, e := range v {
			paths(e, at+"[]", out)
		}
	default:
		out[at] = true
	}
}

func podNamed(t *testing.T, pods []corev1.Pod, name string) *corev1.Pod {
	t.Helper()
	i := slices.IndexFunc(pods, func(p corev1.Pod) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("no pod %s", name)
	}
	return &pods[i]
}

// lasting are the containers and sidecars.
func lasting(o *corev1.Pod) []corev1.Container {
	all := slices.Clone(o.Spec.Containers)
	for _, c := range o.Spec.InitContainers {
		if c.RestartPolicy != nil {
			all = append(all, c)
		}
	}
	return all
}

func limitOf(o *corev1.Pod, container string, resource corev1.ResourceName) bool {
	return slices.ContainsFunc(lasting(o), func(c corev1.Container) bool {
		return c.Name == container && !c.Resources.Limits.Name(resource, "").IsZero()
	})
}

func allLimited(o *corev1.Pod, resource corev1.ResourceName) bool {
	return !slices.ContainsFunc(lasting(o), func(c corev1.Container) bool { return !limitOf(o, c.Name, resource) })
}

func limitedKind(kind, resource string, limited bool) string {
	if limited {
		return kind + " with " + resource + " limit"
	}
	return kind
}

// volumeSource is the JSON name of a volume's source.
func volumeSource(o *corev1.Pod, name string) string {
	for _, v := range o.Spec.Volumes {
		if v.Name != name {
			continue
		}
		source := reflect.ValueOf(v.VolumeSource)
		for i := range source.NumField() {
			if !source.Field(i).IsNil() {
				return source.Type().Field(i).Name
			}
		}
	}
	return "unknown"
}
