package kubelet

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/diorama-lab/diorama/internal/usage"
)

// totals are node-0's counters now.
func totals(s *store) usage.Totals {
	v, _ := s.view("node-0")
	return v.measure(s).totals
}

// A node's counters never fall, whatever happens to its pods.
func TestNodeCountersNeverFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c := newTestStore(1, 3)
		last := usage.Totals{}
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			c.advance(time.Duration(rapid.Int64Range(0, 100e9).Draw(t, "pause")))
			o := testPod(0, rapid.IntRange(0, 4).Draw(t, "pod"))
			switch rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				s.deletePod(o.Namespace + "/" + o.Name)
			case 1: // ended, reported in whole seconds
				end(o, c.t.Truncate(time.Second), corev1.PodSucceeded)
				s.setPod(newPod(1, o))
			case 2:
				run(o, c.t.Truncate(time.Second))
				s.setPod(newPod(1, o))
			case 3: // a container restarted
				run(o, noon)
				restart(o, c.t.Truncate(time.Second))
				s.setPod(newPod(1, o))
			case 4: // recreated under its name
				o.UID = types.UID(c.t.String())
				s.setPod(newPod(1, run(o, c.t.Truncate(time.Second))))
			}
			now := totals(s)
			if lack := last.Shortfall(now); lack != (usage.Totals{}) {
				t.Fatalf("fell by %+v", lack)
			}
			last = now
		}
	})
}

// restart gives the pod's first container a second run that began at t.
func restart(o *corev1.Pod, t time.Time) {
	c := &o.Status.ContainerStatuses[0]
	c.RestartCount++
	c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
		StartedAt: c.State.Running.StartedAt, FinishedAt: metaTime(t.UnixNano()),
	}
	c.State.Running = &corev1.ContainerStateRunning{StartedAt: metaTime(t.UnixNano())}
}

// A restart resets the counters of that container only.
func TestRestartResetsOneContainer(t *testing.T) {
	s, c := newTestStore(1, 1)
	before := summaryOf(t, s, "node-0", false).Pods[0]
	o := testPod(0, 0)
	restart(o, c.t)
	s.setPod(newPod(1, o))
	c.advance(time.Second)
	after := summaryOf(t, s, "node-0", false).Pods[0]
	for i := range before.Containers {
		was, is := *before.Containers[i].CPU.UsageCoreNanoSeconds, *after.Containers[i].CPU.UsageCoreNanoSeconds
		if i == 0 && is > was/100 {
			t.Errorf("the restarted container went on from %d to %d", was, is)
		}
		if i == 1 && is <= was {
			t.Errorf("the other container fell from %d to %d", was, is)
		}
	}
	if was, is := *before.CPU.UsageCoreNanoSeconds, *after.CPU.UsageCoreNanoSeconds; is <= was {
		t.Errorf("the pod fell from %d to %d", was, is)
	}
}

func TestNodeGoesAndComesBack(t *testing.T) {
	s, _ := newTestStore(2, 2)
	held, _ := s.view("node-0") // an answer that is being computed meanwhile
	s.deletePod("shop/" + testPod(0, 0).Name)
	s.deleteNode("node-0")
	if got := len(newSummary(held.measure(s), false).Pods); got != 2 {
		t.Errorf("the answer begun before lists %d pods", got)
	}
	if _, found := s.view("node-0"); found {
		t.Error("a deleted node answers")
	}
	if _, found := s.resolve("10.0.0.1"); found {
		t.Error("a deleted node's address resolves")
	}
	s.setNode(testNode(0))
	if got := len(summaryOf(t, s, "node-0", false).Pods); got != 1 {
		t.Errorf("%d pods after it came back", got)
	}
	if _, found := s.resolve("10.0.0.1"); !found {
		t.Error("the address does not resolve")
	}
}

func TestAddressesFollowTheNode(t *testing.T) {
	s, _ := newTestStore(1, 0)
	moved := testNode(0)
	moved.Status.Addresses[0].Address = "10.7.7.7"
	s.setNode(moved)
	if _, found := s.resolve("10.0.0.1"); found {
		t.Error("the old address resolves")
	}
	if f, found := s.resolve("10.7.7.7"); !found || f.name != "node-0" {
		t.Error("the new address does not resolve")
	}
}

// What is gone from the store is gone from its maps: nodes come and go for days.
func TestNothingIsLeftBehind(t *testing.T) {
	s, _ := newTestStore(5, 3)
	s.replacePods(nil)
	s.replaceNodes(nil)
	if len(s.nodes)+len(s.pods)+len(s.addresses) != 0 {
		t.Errorf("left: %d nodes, %d pods, %d addresses", len(s.nodes), len(s.pods), len(s.addresses))
	}
}

func TestClockThatGoesBack(t *testing.T) {
	s, c := newTestStore(1, 2)
	before := totals(s)
	c.advance(-10 * time.Second) // a correction: counters wait
	if got := totals(s); got != before {
		t.Errorf("counters moved from %+v to %+v", before, got)
	}
	c.advance(-300 * time.Hour) // before everything
	sum := summaryOf(t, s, "node-0", false)
	if got := *sum.Node.CPU.UsageCoreNanoSeconds; got > math.MaxInt64 || got > before.CPU {
		t.Errorf("the counter wrapped to %d", got)
	}
	for _, p := range sum.Pods {
		if *p.CPU.UsageNanoCores != 0 || *p.CPU.UsageCoreNanoSeconds != 0 {
			t.Errorf("%s used %d before it began", p.PodRef.Name, *p.CPU.UsageCoreNanoSeconds)
		}
	}
	v, _ := s.view("node-0")
	v.measure(s).host()
}

// Statuses without times, absurd quantities and unknown containers are no reason to fail.
func TestStrangeObjects(t *testing.T) {
	s, _ := newTestStore(1, 0)
	o := bare("strange")
	o.Status.StartTime = nil
	o.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.Time{}
	o.Spec.Containers[0].Resources = limits("-5", "9E")
	s.setPod(newPod(1, o))
	empty := bare("empty")
	empty.Status = corev1.PodStatus{Phase: corev1.PodRunning}
	s.setPod(newPod(1, empty))
	n := testNode(0)
	n.Status.Capacity = nil
	s.setNode(n)
	sum := summaryOf(t, s, "node-0", false)
	if got := *sum.Node.CPU.UsageCoreNanoSeconds; got > math.MaxInt64 {
		t.Errorf("node cpu %d", got)
	}
}

// Counters go on after a restart, and those of pods that were deleted meanwhile stay.
func TestRestartContinuesNodeCounters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters.json")
	s, c := newTestStore(1, 3)
	s.deletePod("shop/" + testPod(0, 0).Name)
	c.advance(time.Hour)
	if err := saveState(s, path); err != nil {
		t.Fatal(err)
	}
	before := totals(s)

	again := newStore(1, c.now)
	if err := loadState(again, path); err != nil {
		t.Fatal(err)
	}
	again.replacePods([]*pod{newPod(1, testPod(0, 1))}) // 2 went away while nobody watched
	again.replaceNodes([]*corev1.Node{testNode(0)})
	if after := totals(again); after != before {
		t.Errorf("counters were %+v, are %+v", before, after)
	}
	if again.restored != nil {
		t.Error("the saved counters are kept in memory")
	}
}

func TestUnreadableStateBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters.json")
	if err := os.WriteFile(path, []byte("{broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := loadState(newStore(1, time.Now), path); err != nil {
		t.Error(err)
	}
}

func TestSlots(t *testing.T) {
	o := testPod(0, 3)
	if got := slotOf(o); got.Workload != "web" || got.Instance != string(o.UID) {
		t.Errorf("replica: %+v", got)
	}
	o.OwnerReferences[0].Kind, o.OwnerReferences[0].Name = "StatefulSet", "db"
	o.Name = "db-0"
	if got := slotOf(o); got.Workload != "db" || got.Instance != "db-0" {
		t.Errorf("ordinal: %+v", got)
	}
	o.OwnerReferences[0].Kind = "DaemonSet"
	if got := slotOf(o); got.Instance != "node-0" {
		t.Errorf("daemon: %+v", got)
	}
	if got := slotOf(bare("alone")); got.Workload != "alone" || got.Instance != "alone" {
		t.Errorf("bare: %+v", got)
	}
}

func TestTrimKeepsWhatPodsShow(t *testing.T) {
	o := testPod(0, 0)
	o.Annotations = map[string]string{lastApplied: "{}", "note": "kept"}
	o.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "B"}}
	trimPod(o)
	c := o.Spec.Containers[0]
	if c.Env != nil || o.Annotations[lastApplied] != "" {
		t.Error("not trimmed")
	}
	if c.Image == "" || len(c.Resources.Limits) == 0 || len(o.Spec.Volumes) != 3 || o.Annotations["note"] == "" {
		t.Error("trimmed too much")
	}
}

func formatSeconds(nanos uint64) string { return strconv.FormatFloat(seconds(nanos), 'g', -1, 64) }

// /metrics/resource agrees with the summary of the same instant.
func TestResourceMetricsAgreeWithTheSummary(t *testing.T) {
	s := shapeCluster()
	v, _ := s.view("node-0")
	n := v.measure(s)
	text := string(appendResource(nil, n))
	sum := newSummary(n, false)
	for _, p := range sum.Pods {
		for _, c := range p.Containers {
			labels := `{container="` + c.Name + `",namespace="` + p.PodRef.Namespace + `",pod="` + p.PodRef.Name + `"} `
			value := formatSeconds(*c.CPU.UsageCoreNanoSeconds)
			if want := "\ncontainer_cpu_usage_seconds_total" + labels + value + " "; !strings.Contains(text, want) {
				t.Errorf("no sample %s", want)
			}
		}
	}
	want := "\nnode_cpu_usage_seconds_total " + formatSeconds(*sum.Node.CPU.UsageCoreNanoSeconds) + " "
	if !strings.Contains(text, want) {
		t.Errorf("no sample %s", want)
	}
	if !strings.HasSuffix(text, "\nresource_scrape_error 0\n") {
		t.Error("no resource_scrape_error")
	}
}
