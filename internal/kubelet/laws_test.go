package kubelet

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"

	"github.com/diorama-lab/diorama/internal/usage"
)

// world is node-0 under all that can happen to it.
type world struct {
	s    *store
	c    *testClock
	node *corev1.Node
	pods map[int]*corev1.Pod
	rule *v1alpha1.ClusterResourceUsage // nil: none
	last *nodeUsage
}

// newWorld has a small node, so that what the pods are to use is often too much.
func newWorld(t *rapid.T) *world {
	s, c := newTestStore(0, 0)
	node := testNode(0)
	node.Status.Capacity["cpu"] = resource.MustParse(rapid.SampledFrom([]string{"100m", "1", "4", "64"}).Draw(t, "cpus"))
	memory := rapid.SampledFrom([]string{"64Mi", "1Gi", "64Gi"}).Draw(t, "memory")
	node.Status.Capacity["memory"] = resource.MustParse(memory)
	s.setNode(node)
	w := &world{s: s, c: c, node: node, pods: map[int]*corev1.Pod{}}
	w.last = w.measure()
	return w
}

func (w *world) measure() *nodeUsage {
	v, _ := w.s.view("node-0")
	return v.measure(w.s)
}

// second is the present as statuses have it.
func (w *world) second() time.Time { return w.c.t.Truncate(time.Second) }

var anyAnnotations = map[string][]string{
	profileAnnotation: {"steady", "diurnal", "bursty", "batch", "leak", "spiky", "idle", "none"},
	cpuAnnotation:     {"0", "10m", "200m", "3", "9000", "-1", "much"},
	memoryAnnotation:  {"0", "10Mi", "64Mi", "500Gi", "1Pi", "-1", "much"},
}

// change does one thing to the world.
func (w *world) change(t *rapid.T) {
	i := rapid.IntRange(0, 6).Draw(t, "pod")
	o := w.pods[i]
	event := rapid.SampledFrom([]string{
		"create", "delete", "annotate", "annotate", "restart", "end", "rule", "workload", "sample", "resize", "reboot",
	}).Draw(t, "event")
	switch event {
	case "rule":
		w.setRule(t)
	case "workload":
		w.s.setWorkload(workloadKey{"Deployment", "shop", "web"}, workload{
			profile: rapid.SampledFrom(anyAnnotations[profileAnnotation]).Draw(t, "profile"),
		})
	case "sample":
		w.s.sample()
	case "reboot":
		w.reboot(t)
	case "create":
		o = annotated(i)
		o.UID = types.UID(fmt.Sprint(i, w.c.t))
		w.pods[i] = run(o, w.second())
	}
	if o == nil {
		return
	}
	o = o.DeepCopy()
	switch event {
	case "delete":
		delete(w.pods, i)
		w.s.deletePod("shop/" + o.Name)
		return
	case "annotate":
		key := rapid.SampledFrom([]string{profileAnnotation, cpuAnnotation, memoryAnnotation}).Draw(t, "annotation")
		o.Annotations[key] = rapid.SampledFrom(anyAnnotations[key]).Draw(t, "value")
		if rapid.Bool().Draw(t, "take away") {
			delete(o.Annotations, key)
		}
	case "restart":
		if o.Status.ContainerStatuses[0].State.Running != nil {
			killed(o, rapid.IntRange(0, 1).Draw(t, "container"), w.second())
		}
	case "end":
		if o.Status.Phase == corev1.PodRunning {
			end(o, w.second(), corev1.PodFailed)
		}
	case "resize":
		o.Spec.Containers[0].Resources = limits(rapid.SampledFrom([]string{"10m", "1", "30"}).Draw(t, "cpu"), "64Mi")
	}
	w.pods[i] = o
	w.s.setPod(newPod(1, trimPod(o.DeepCopy())))
}

func (w *world) setRule(t *rapid.T) {
	cpu := rapid.SampledFrom([]string{
		`Rand() * 2.0`, `0.5`, `1000.0`, `pod.Usage("cpu") * 1.5`, `0.0 - 1.0`, `nonsense(`,
	}).Draw(t, "expression")
	w.rule = clusterUsage("rule", nil, entry(expression(cpu)))
	if rapid.Bool().Draw(t, "no rule") {
		w.rule = nil
	}
	w.applyRule(t)
}

func (w *world) applyRule(t *rapid.T) {
	if err := w.s.changeRules(everyPod, func(r *rules) error { return r.setCluster("rule", w.rule) }); err != nil {
		t.Fatal(err)
	}
}

// reboot goes on with what another process wrote down.
func (w *world) reboot(t *rapid.T) {
	data, err := json.Marshal(w.s.save())
	if err != nil {
		t.Fatal(err)
	}
	workloads := w.s.workloads
	w.s = newStore(1, w.c.now)
	if err := json.Unmarshal(data, &w.s.restored); err != nil {
		t.Fatal(err)
	}
	w.s.workloads = workloads
	w.applyRule(t)
	w.s.replaceNodes([]*corev1.Node{w.node})
	var pods []*pod
	for _, o := range w.pods {
		pods = append(pods, newPod(1, trimPod(o.DeepCopy())))
	}
	w.s.replacePods(pods)
}

// What must hold of a node whatever happens, at any instant.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			w.change(t)
			w.check(t, 0)
			step := time.Duration(rapid.Int64Range(0, 120e9).Draw(t, "pause"))
			w.c.advance(step)
			w.check(t, step)
		}
	})
}

// check compares the node with itself a step before, in which nothing happened.
func (w *world) check(t *rapid.T, step time.Duration) {
	n := w.measure()
	w.s.changing.Lock()
	for _, p := range n.pods {
		if p != w.s.pods[p.key] {
			t.Fatalf("%s is not the stored one", p.key)
		}
	}
	w.s.changing.Unlock()
	if lack := w.last.totals.Shortfall(n.totals); lack != (usage.Totals{}) {
		t.Fatalf("the node's counters fell by %+v", lack)
	}
	checkSums(t, n)
	for i := range n.listed {
		w.checkPod(t, &n.listed[i], step)
	}
	if most := float64(n.facts.cpu) * step.Seconds() * (1 + 1e-6); step > 0 {
		started := float64(len(n.listed)) * 20e6 // pause processes
		if grown := float64(n.totals.CPU - w.last.totals.CPU); grown > most+started+100 {
			t.Fatalf("the node used %v in %s, it has %v", grown, step, most)
		}
	}
	w.last = n
}

// checkSums compares the node with its pods, and both with what there is.
func checkSums(t *rapid.T, n *nodeUsage) {
	rate, memory := n.kubelet.rate+n.runtime.rate, n.kubelet.memory.Add(n.runtime.memory)
	totals := n.retired.Add(n.kubelet.totals).Add(n.runtime.totals).Add(n.traffic)
	for i := range n.listed {
		u := &n.listed[i]
		rate, memory, totals = rate+u.rate, memory.Add(u.memory), totals.Add(u.totals)
	}
	for _, p := range n.pods {
		if !p.running {
			totals = totals.Add(p.totals(n.at))
		}
	}
	switch {
	case rate != n.rate || memory != n.memory || totals != n.totals:
		t.Fatalf("the pods have %d, %+v, %+v, the node %d, %+v, %+v", rate, memory, totals, n.rate, n.memory, n.totals)
	case n.rate > n.facts.cpu:
		t.Fatalf("the node uses %d of %d nanocores", n.rate, n.facts.cpu)
	case n.memory.Usage > n.facts.memory:
		t.Fatalf("the node uses %d of %d bytes", n.memory.Usage, n.facts.memory)
	}
}

// checkPod compares a pod with its containers, with its limits and with itself a step before.
func (w *world) checkPod(t *rapid.T, u *podUsage, step time.Duration) {
	var rate uint64
	sum := usage.Totals{CPU: u.sandbox.CPUTotal(u.start, w.c.t.UnixNano())}.Add(u.traffic(w.c.t.UnixNano())).Add(u.carry)
	for i := range u.containers {
		c := &u.containers[i]
		rate, sum = rate+c.rate, sum.Add(c.past).Add(c.totals)
		switch {
		case c.memory.WorkingSet > c.memory.Usage || c.memory.RSS > c.memory.WorkingSet || c.memory.Usage > c.memoryLimit:
			t.Fatalf("%s of %s has %+v, limit %d", c.name, u.key, c.memory, c.memoryLimit)
		case c.rate > c.spec.CPULimit:
			t.Fatalf("%s of %s uses %d, limit %d", c.name, u.key, c.rate, c.spec.CPULimit)
		}
		w.checkContainer(t, u, c, step)
	}
	if rate != u.rate || sum != u.totals {
		t.Fatalf("the containers of %s have %d, %+v, the pod %d, %+v", u.key, rate, sum, u.rate, u.totals)
	}
	for i := range w.last.listed {
		was := &w.last.listed[i]
		if lack := was.totals.Shortfall(u.totals); was.uid == u.uid && lack != (usage.Totals{}) {
			t.Fatalf("the counters of %s fell by %+v", u.key, lack)
		}
	}
}

// checkContainer compares a container's counters with those of the same run
// before, and their growth with the rate.
func (w *world) checkContainer(t *rapid.T, u *podUsage, c *containerUsage, step time.Duration) {
	for i := range w.last.listed {
		was := &w.last.listed[i]
		if was.uid != u.uid {
			continue
		}
		for j := range was.containers {
			old := &was.containers[j]
			if old.name != c.name || old.start != c.start {
				continue
			}
			if lack := old.totals.Shortfall(c.totals); lack != (usage.Totals{}) {
				t.Fatalf("the counters of %s in %s fell by %+v", c.name, u.key, lack)
			}
			if grown := c.totals.CPU - old.totals.CPU; c.course.held {
				want := float64(c.rate) * step.Seconds()
				if diff := float64(grown) - want; diff > 1+want*1e-6 || diff < -1-want*1e-6 {
					t.Fatalf("%s in %s: %d in %s at a rate of %d", c.name, u.key, grown, step, c.rate)
				}
			}
		}
	}
}
