package kubelet

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A restarted process goes on where the old one was, whatever had changed before.
func TestRestartContinuesOverrides(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters.json")
	s, c := newTestStore(1, 3)
	s.setPod(newPod(1, annotated(0, cpuAnnotation, "100m"))) // an hour after it started
	s.setPod(newPod(1, annotated(1, profileAnnotation, "bursty")))
	killed := testPod(0, 2)
	restart(killed, c.t)
	s.setPod(newPod(1, killed))
	c.advance(time.Minute)
	s.setPod(newPod(1, annotated(0, cpuAnnotation, "70m")))
	c.advance(time.Minute)
	if err := saveState(s, path); err != nil {
		t.Fatal(err)
	}

	again := newStore(1, c.now)
	if err := loadState(again, path); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute) // nobody is there
	again.replaceNodes([]*corev1.Node{testNode(0)})
	again.replacePods([]*pod{
		newPod(1, annotated(0, cpuAnnotation, "70m")), newPod(1, annotated(1, profileAnnotation, "bursty")),
		newPod(1, killed.DeepCopy()),
	})
	for i := range 3 {
		was, is := usageOfPod(t, s, i), usageOfPod(t, again, i)
		if was.totals != is.totals || was.containers[0].totals != is.containers[0].totals {
			t.Errorf("pod %d had %+v, has %+v", i, was.totals, is.totals)
		}
	}
	if was, is := totals(s), totals(again); was != is {
		t.Errorf("the node had %+v, has %+v", was, is)
	}
}

// If an override changed while nobody was there, the old one held until now.
func TestOverrideChangedDuringARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters.json")
	s, c := newTestStore(1, 1)
	s.setPod(newPod(1, annotated(0, cpuAnnotation, "100m")))
	if err := saveState(s, path); err != nil {
		t.Fatal(err)
	}
	again := newStore(1, c.now)
	if err := loadState(again, path); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	again.replaceNodes([]*corev1.Node{testNode(0)})
	again.replacePods([]*pod{newPod(1, testPod(0, 0))})
	was, is := usageOfPod(t, s, 0).containers[0], usageOfPod(t, again, 0).containers[0]
	if was.totals != is.totals || is.course.held {
		t.Errorf("had %+v, has %+v (held: %v)", was.totals, is.totals, is.course.held)
	}
	if got, want := totals(again), totals(s); got != want {
		t.Errorf("the node has %+v, want %+v", got, want)
	}
}

func TestOverrideUnderAClockThatGoesBack(t *testing.T) {
	s, c := newTestStore(1, 1)
	s.setPod(newPod(1, annotated(0, cpuAnnotation, "100m", memoryAnnotation, "300Mi")))
	c.advance(-30 * time.Minute)
	s.sample()
	s.setPod(newPod(1, annotated(0, cpuAnnotation, "50m")))
	c.advance(-300 * time.Hour)
	u := usageOfPod(t, s, 0)
	if u.rate != 0 || u.totals.CPU > math.MaxInt64 || u.containers[0].memory.Usage > 256<<20 {
		t.Errorf("before everything: %+v", u)
	}
}
