package kubelet

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// family is the shape of a metric family: for each kind of object the labels
// that its samples have, and whether they have a time.
type family struct {
	Name, Type, Help string
	Samples          map[string][]string
}

// Families, their order, and the labels of each kind of object are a real kubelet's.
func TestFamiliesAreTheKubelets(t *testing.T) {
	shape := func(a kubeletAnswers) map[string][]family {
		return map[string][]family{
			"/metrics/cadvisor": familiesOf(t, a.metricsCadvisor, a.pods.Items),
			"/metrics/resource": familiesOf(t, a.metricsResource, a.pods.Items),
		}
	}
	want, got := golden(t, "testdata/families.json", shape), shape(ownAnswers(t))
	names := func(families []family) (list []string) {
		for _, f := range families {
			list = append(list, f.Name+" "+f.Type+" "+f.Help)
		}
		return list
	}
	for path := range want {
		if w, g := names(want[path]), names(got[path]); !slices.Equal(w, g) {
			t.Fatalf("%s: missing %q, too many %q, or another order", path, missing(w, g), missing(g, w))
		}
		for i, w := range want[path] {
			g := got[path][i]
			for kind := range union(w.Samples, g.Samples) {
				if !slices.Equal(w.Samples[kind], g.Samples[kind]) {
					t.Errorf("%s, %s, %s:\n got %q\nwant %q", path, w.Name, kind, g.Samples[kind], w.Samples[kind])
				}
			}
		}
	}
}

// line is one sample.
type line struct {
	name   string
	names  []string // of the labels, in their order
	labels map[string]string
	value  string
	timed  bool
}

// parseLine reads a sample; the tests' labels have no quotes in them.
func parseLine(t *testing.T, text string) line {
	t.Helper()
	parts := regexp.MustCompile(`^(\w+)(?:\{(.*)\})? (\S+)( \d+)?$`).FindStringSubmatch(text)
	if parts == nil {
		t.Fatalf("not a sample: %s", text)
	}
	l := line{name: parts[1], labels: map[string]string{}, value: parts[3], timed: parts[4] != ""}
	for _, label := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(parts[2], -1) {
		l.names = append(l.names, label[1])
		l.labels[label[1]] = label[2]
	}
	return l
}

// familiesOf also checks that samples are ordered by their labels.
func familiesOf(t *testing.T, text string, pods []corev1.Pod) []family {
	t.Helper()
	var families []family
	var last string
	for _, text := range strings.Split(strings.TrimSpace(text), "\n") {
		if help, is := strings.CutPrefix(text, "# HELP "); is {
			name, help, _ := strings.Cut(help, " ")
			families = append(families, family{Name: name, Help: help, Samples: map[string][]string{}})
			last = ""
			continue
		}
		f := &families[len(families)-1]
		if kind, is := strings.CutPrefix(text, "# TYPE "+f.Name+" "); is {
			f.Type = kind
			continue
		}
		l := parseLine(t, text)
		if l.name != f.Name {
			t.Fatalf("%s stands below %s", l.name, f.Name)
		}
		if key := sortKey(l); key < last {
			t.Fatalf("%s: %q stands behind %q", f.Name, key, last)
		} else {
			last = key
		}
		kind, sample := kindOf(t, l, pods), sampleShape(l)
		if !slices.Contains(f.Samples[kind], sample) {
			f.Samples[kind] = append(f.Samples[kind], sample)
		}
	}
	return families
}

func sortKey(l line) string {
	var key strings.Builder
	for _, name := range l.names {
		key.WriteString(l.labels[name] + "\x00")
	}
	return key.String()
}

// sampleShape keeps the values of labels that are the same on every machine.
func sampleShape(l line) string {
	var shape []string
	for _, name := range l.names {
		switch name {
		case "cpu", "failure_type", "scope", "state", "ulimit", "mode", "interface":
			name += "=" + l.labels[name]
		}
		shape = append(shape, name)
	}
	out := strings.Join(shape, " ")
	if l.timed {
		out += " @time"
	}
	return out
}

// kindOf says what a sample is about.
func kindOf(t *testing.T, l line, pods []corev1.Pod) string {
	t.Helper()
	container, id := l.labels["container"], l.labels["id"]
	if l.labels["pod"] == "" {
		switch id {
		case "", "/", "/kubepods":
			return "cgroup " + id
		case "/kubepods/besteffort", "/kubepods/burstable":
			return "QoS slice"
		}
		return "service"
	}
	o := podNamed(t, pods, l.labels["pod"])
	switch {
	case container != "":
		return limitedKind("container", "CPU", limitOf(o, container, corev1.ResourceCPU))
	case l.labels["name"] == "":
		return limitedKind("pod", "CPU", allLimited(o, corev1.ResourceCPU))
	case o.Spec.HostNetwork:
		return "sandbox on the host's network"
	}
	return "sandbox"
}
