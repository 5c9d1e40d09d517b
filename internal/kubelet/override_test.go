package kubelet

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
)

// annotated is testPod(0, i) with annotations, given as pairs.
func annotated(i int, pairs ...string) *corev1.Pod {
	o := testPod(0, i)
	o.Annotations = map[string]string{}
	for k := 0; k+1 < len(pairs); k += 2 {
		o.Annotations[pairs[k]] = pairs[k+1]
	}
	return o
}

// usageOfPod is the pod of that number as node-0 measures it now.
func usageOfPod(t testing.TB, s *store, i int) *podUsage {
	t.Helper()
	v, _ := s.view("node-0")
	n := v.measure(s)
	for j := range n.listed {
		if n.listed[j].key == "shop/"+testPod(0, i).Name {
			return &n.listed[j]
		}
	}
	t.Fatalf("pod %d is not listed", i)
	return nil
}

func TestAnnotationsTakeThePlaceOfTheProfile(t *testing.T) {
	s, c := newTestStore(1, 1)
	before := usageOfPod(t, s, 0).containers[0]

	s.setPod(newPod(1, annotated(0, cpuAnnotation, "100m", memoryAnnotation, "50Mi")))
	at := usageOfPod(t, s, 0).containers[0]
	if at.totals != before.totals {
		t.Errorf("the counters went from %+v to %+v", before.totals, at.totals)
	}
	c.advance(100 * time.Second)
	after := usageOfPod(t, s, 0).containers[0]
	if grown := after.totals.CPU - before.totals.CPU; grown != 10e9 {
		t.Errorf("100m for 100 s are %d core-nanoseconds", grown)
	}
	if after.rate != 100e6 || after.memory.WorkingSet != 50<<20 {
		t.Errorf("rate %d, memory %+v", after.rate, after.memory)
	}

	s.setPod(newPod(1, annotated(0, cpuAnnotation, "200m"))) // changed, and the memory's taken away
	c.advance(10 * time.Second)
	changed := usageOfPod(t, s, 0).containers[0]
	if grown := changed.totals.CPU - after.totals.CPU; grown != 2e9 {
		t.Errorf("200m for 10 s are %d core-nanoseconds", grown)
	}
	if changed.memory != changed.usage.Memory(changed.start, s.clock.read()) {
		t.Errorf("memory is %+v", changed.memory)
	}

	s.setPod(newPod(1, testPod(0, 0)))
	from := s.clock.read()
	c.advance(time.Hour)
	gone := usageOfPod(t, s, 0).containers[0]
	want := changed.usage.CPUTotal(from, s.clock.read())
	if grown := gone.totals.CPU - changed.totals.CPU; grown != want {
		t.Errorf("without an override it used %d, its profile says %d", grown, want)
	}
}

// What came with the pod counts from its start, whoever looks and whenever.
func TestOverrideFromTheStart(t *testing.T) {
	s, _ := newTestStore(1, 0)
	s.setPod(newPod(1, annotated(0, cpuAnnotation, "100m")))
	if got := usageOfPod(t, s, 0).containers[0].totals.CPU; got != 360e9 {
		t.Errorf("100m for an hour are %d core-nanoseconds", got)
	}
}

func TestCPUEndsAtTheLimit(t *testing.T) {
	s, c := newTestStore(1, 0)
	s.setPod(newPod(1, annotated(0, cpuAnnotation, "3")))
	before := usageOfPod(t, s, 0)
	c.advance(10 * time.Second)
	after := usageOfPod(t, s, 0)
	for i, limit := range []uint64{250e6, 50e6} {
		if got := after.containers[i].rate; got != limit {
			t.Errorf("rate %d, limit %d", got, limit)
		}
		if got := after.containers[i].totals.CPU - before.containers[i].totals.CPU; got != 10*limit {
			t.Errorf("counter grew by %d in 10 s, limit %d", got, limit)
		}
	}
}

func value(text string) v1alpha1.ResourceUsageValue {
	q := resource.MustParse(text)
	return v1alpha1.ResourceUsageValue{Value: &q}
}

func expression(text string) v1alpha1.ResourceUsageValue {
	return v1alpha1.ResourceUsageValue{Expression: &text}
}

// entry is one entry of a usage object.
func entry(cpu v1alpha1.ResourceUsageValue, containers ...string) v1alpha1.ResourceUsageContainer {
	return v1alpha1.ResourceUsageContainer{
		Containers: containers, Usage: map[string]v1alpha1.ResourceUsageValue{"cpu": cpu},
	}
}

func clusterUsage(
	name string, selector *v1alpha1.ObjectSelector, entries ...v1alpha1.ResourceUsageContainer,
) *v1alpha1.ClusterResourceUsage {
	return &v1alpha1.ClusterResourceUsage{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ClusterResourceUsageSpec{Selector: selector, Usages: entries},
	}
}

func setCluster(
	t testing.TB, s *store, name string, selector *v1alpha1.ObjectSelector, entries ...v1alpha1.ResourceUsageContainer,
) {
	t.Helper()
	o := clusterUsage(name, selector, entries...)
	if err := s.changeRules(everyPod, func(r *rules) error { return r.setCluster(name, o) }); err != nil {
		t.Fatal(err)
	}
}

func setOwn(t testing.TB, s *store, i int, entries ...v1alpha1.ResourceUsageContainer) {
	t.Helper()
	o := &v1alpha1.ResourceUsage{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: testPod(0, i).Name},
		Spec:       v1alpha1.ResourceUsageSpec{Usages: entries},
	}
	if err := s.changeRules(everyPod, func(r *rules) error { return r.setPod("shop/"+o.Name, o) }); err != nil {
		t.Fatal(err)
	}
}

// precedence is what is said about a pod, and what follows.
type precedence struct {
	prepare      func(s *store)
	annotation   string
	app, sidecar uint64 // millicores; 0: the profile's
}

// Who wins, and for which container, is as in KWOK.
func TestPrecedence(t *testing.T) {
	for name, test := range map[string]precedence{
		"a cluster object": {func(s *store) { setCluster(t, s, "a", nil, entry(value("11m"))) }, "", 11, 11},
		"names in order": {func(s *store) {
			setCluster(t, s, "b", nil, entry(value("12m")))
			setCluster(t, s, "a", nil, entry(value("11m")))
		}, "", 11, 11},
		"another namespace": {func(s *store) {
			setCluster(t, s, "a", &v1alpha1.ObjectSelector{MatchNamespaces: []string{"other"}}, entry(value("11m")))
		}, "", 0, 0},
		"another name": {func(s *store) {
			setCluster(t, s, "a", &v1alpha1.ObjectSelector{MatchNames: []string{"other"}}, entry(value("11m")))
			setCluster(t, s, "b", nil, entry(value("12m")))
		}, "", 12, 12},
		"a container by name": {func(s *store) {
			setCluster(t, s, "a", nil, entry(value("11m")), entry(value("13m"), "sidecar"))
		}, "", 11, 13},
		"an object without the container": {func(s *store) {
			setCluster(t, s, "a", nil, entry(value("11m"), "sidecar"))
			setCluster(t, s, "b", nil, entry(value("12m")))
		}, "", 12, 11},
		"the pod's object hides the cluster's": {func(s *store) {
			setOwn(t, s, 0, entry(value("14m"), "app"))
			setCluster(t, s, "a", nil, entry(value("11m")))
		}, "", 14, 0},
		"an annotation before the cluster's": {
			func(s *store) { setCluster(t, s, "a", nil, entry(value("11m"))) }, "15m", 15, 15,
		},
		"the pod's object before an annotation": {
			func(s *store) { setOwn(t, s, 0, entry(value("14m"), "app")) }, "15m", 14, 15,
		},
		"a pod's object of another resource": {func(s *store) {
			setOwn(t, s, 0, v1alpha1.ResourceUsageContainer{
				Usage: map[string]v1alpha1.ResourceUsageValue{"memory": value("1Mi")},
			})
		}, "", 0, 0},
	} {
		for _, podFirst := range []bool{true, false} {
			test.check(t, name, podFirst)
		}
	}
}

func (test precedence) check(t *testing.T, name string, podFirst bool) {
	const millicore = 1e6
	s, _ := newTestStore(1, 0)
	o := testPod(0, 0)
	if test.annotation != "" {
		o = annotated(0, cpuAnnotation, test.annotation)
	}
	if podFirst {
		s.setPod(newPod(1, o))
		test.prepare(s)
	} else {
		test.prepare(s)
		s.setPod(newPod(1, o))
	}
	u := usageOfPod(t, s, 0)
	for i, want := range []uint64{test.app, test.sidecar} {
		c := u.containers[i]
		if held := want != 0; c.course.held != held || held && c.rate != want*millicore {
			t.Errorf("%s: %s uses %d (held: %v), want %d m", name, c.name, c.rate, c.course.held, want)
		}
	}
}

func TestUsageObjectsCanBeTakenBack(t *testing.T) {
	s, _ := newTestStore(1, 2)
	setCluster(t, s, "a", nil, entry(value("11m")))
	setOwn(t, s, 0, entry(value("14m")))
	err := s.changeRules(everyPod, func(r *rules) error { return r.setPod("shop/"+testPod(0, 0).Name, nil) })
	if err != nil {
		t.Fatal(err)
	}
	if got := usageOfPod(t, s, 0).containers[0].rate; got != 11e6 {
		t.Errorf("without its own object it uses %d", got)
	}
	if err := s.changeRules(everyPod, func(r *rules) error { return r.replaceCluster(nil) }); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if usageOfPod(t, s, i).containers[0].course.held {
			t.Errorf("pod %d is still held", i)
		}
	}
}

// An expression is evaluated at each sample and held in between.
func TestExpressions(t *testing.T) {
	s, c := newTestStore(1, 2)
	setCluster(t, s, "a", nil, v1alpha1.ResourceUsageContainer{Usage: map[string]v1alpha1.ResourceUsageValue{
		"cpu": expression(`( Now().UnixSecond() - pod.metadata.creationTimestamp.UnixSecond() ) * 0.0 + ` +
			`0.02 * ( Now().UnixSecond() - node.metadata.creationTimestamp.UnixSecond() ) / 7200.0`),
		"memory": expression(`Quantity("10Mi") * 2.0`),
	}})
	first := usageOfPod(t, s, 0).containers[0]
	if first.rate != 20e6 || first.memory.WorkingSet != 20<<20 {
		t.Errorf("rate %d, memory %+v", first.rate, first.memory)
	}
	c.advance(30 * time.Minute)
	held := usageOfPod(t, s, 0).containers[0]
	if held.rate != 20e6 || held.totals.CPU-first.totals.CPU != 36e9 {
		t.Errorf("between samples: rate %d, counter grew by %d", held.rate, held.totals.CPU-first.totals.CPU)
	}
	s.sample()
	if got := usageOfPod(t, s, 0).containers[0]; got.rate != 25e6 || got.totals != held.totals {
		t.Errorf("sampled: rate %d, counters from %+v to %+v", got.rate, held.totals, got.totals)
	}
}

// The example of docs/usage.md.
func TestSaw(t *testing.T) {
	s, c := newTestStore(1, 1)
	setCluster(t, s, "saw", nil, entry(expression(`Quantity("2m") * double(int(Now().UnixSecond()) % 60)`)))
	for range 6 {
		c.advance(10 * time.Second)
		s.sample()
		if got, want := usageOfPod(t, s, 0).containers[1].rate, uint64(c.t.Second())*2e6; got != min(want, 50e6) {
			t.Errorf("at second %d: rate %d", c.t.Second(), got)
		}
	}
}

// The load of a node whose pods are sampled is that of its CPU, not only since the last sample.
func TestLoadUnderExpressions(t *testing.T) {
	s, c := newTestStore(1, 10)
	setCluster(t, s, "a", nil, entry(expression(`0.1 + Rand() / 1000.0`), "app"))
	for range 180 {
		c.advance(10 * time.Second)
		s.sample()
	}
	v, _ := s.view("node-0")
	n := v.measure(s)
	for _, minutes := range []int64{1, 5, 15} {
		if got := n.load(minutes); got < 0.5 || got > 1.5 {
			t.Errorf("load over %d minutes is %v, the pods use 1", minutes, got)
		}
	}
}

// KWOK's own object for its annotations, word for word as it is deployed with metrics-server.
func TestKwoksAnnotationObject(t *testing.T) {
	s, _ := newTestStore(1, 2)
	setCluster(t, s, "usage-from-annotation", nil, entry(expression(`"kwok.x-k8s.io/usage-cpu" in pod.metadata.annotations
? Quantity(pod.metadata.annotations["kwok.x-k8s.io/usage-cpu"])
: Quantity("1m")`)))
	s.setPod(newPod(1, annotated(1, cpuAnnotation, "40m")))
	if a, b := usageOfPod(t, s, 0).containers[0].rate, usageOfPod(t, s, 1).containers[0].rate; a != 1e6 || b != 40e6 {
		t.Errorf("rates are %d and %d", a, b)
	}
}

// Expressions that ask for usage get what is reported, and do not call themselves.
func TestExpressionsAboutUsage(t *testing.T) {
	s, c := newTestStore(1, 2)
	s.setPod(newPod(1, annotated(1, cpuAnnotation, "30m", memoryAnnotation, "10Mi")))
	setOwn(t, s, 0, entry(expression(`pod.Usage("cpu") + 0.001`)))
	first := usageOfPod(t, s, 0).containers[0].rate
	c.advance(time.Minute)
	s.sample()
	if again := usageOfPod(t, s, 0).containers[0].rate; again <= first {
		t.Errorf("it went from %d to %d", first, again)
	}
	for text, want := range map[string]float64{
		`node.StartedContainersTotal() * 1.0`:                                   4,
		`node.CumulativeUsage("cpu") > 0.0 ? 1.0 : 0.0`:                         1,
		`pod.CumulativeUsage("cpu", "app") > 0.0 ? 1.0 : 0.0`:                   1,
		`pod.CumulativeUsage("memory")`:                                         0,
		`node.Usage("memory") > 20971520.0 ? 1.0 : 0.0`:                         1,
		`pod.Usage("memory", container.name) > 0.0 && Rand() < 2.0 ? 1.0 : 0.0`: 1,
	} {
		setOwn(t, s, 0, entry(expression(text)))
		if got := usageOfPod(t, s, 0).containers[0].cpu; got.value != uint64(want*1e9) || !got.set {
			t.Errorf("%s is %+v, want %v cores", text, got, want)
		}
	}
}
