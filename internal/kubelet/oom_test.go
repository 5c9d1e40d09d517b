package kubelet

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// killed plays what the Stage does to the container of that number.
func killed(o *corev1.Pod, i int, at time.Time) *corev1.Pod {
	c := &o.Status.ContainerStatuses[i]
	c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
		ExitCode: 137, Reason: "OOMKilled", StartedAt: c.State.Running.StartedAt, FinishedAt: metav1.NewTime(at),
	}
	c.RestartCount++
	c.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(at)}
	return o
}

// advanceUntilFull moves the clock until something is to be killed.
func advanceUntilFull(t *testing.T, s *store, c *testClock, most time.Duration) []kill {
	t.Helper()
	for begin := c.t; c.t.Sub(begin) < most; c.advance(time.Second) {
		if full := s.full(); len(full) > 0 {
			return full
		}
	}
	t.Fatalf("nothing is full after %s", most)
	return nil
}

func TestLeakIsKilledAndStartsAgain(t *testing.T) {
	s, c := newTestStore(1, 1)
	c.t = noon
	o := run(annotated(0, profileAnnotation, "leak"), noon)
	s.setPod(newPod(1, o))
	if full := s.full(); len(full) != 0 {
		t.Fatalf("full at the start: %v", full)
	}
	full := advanceUntilFull(t, s, c, 40*time.Minute)
	which := 0
	if full[0].what == "sidecar:0" { // its limit is smaller
		which = 1
	} else if full[0].what != "app:0" {
		t.Fatalf("full: %v", full)
	}
	before := usageOfPod(t, s, 0)
	if m := before.containers[which].memory; m.WorkingSet != before.containers[which].memoryLimit ||
		m.Usage != m.WorkingSet {
		t.Errorf("when full it has %+v", m)
	}

	// Asked for once; what is not killed stays at its limit.
	o.Annotations[killAnnotation] = full[0].what
	s.setPod(newPod(1, o))
	if again := s.full(); len(again) != 0 {
		t.Errorf("asked again: %v", again)
	}
	c.advance(time.Minute)
	before = usageOfPod(t, s, 0)

	o = killed(o.DeepCopy(), which, c.t)
	s.setPod(newPod(1, o))
	c.advance(time.Second)
	after := usageOfPod(t, s, 0)
	for i := range after.containers {
		was, is := before.containers[i], after.containers[i]
		if i == which && (is.totals.CPU > was.totals.CPU/10 || is.memory.WorkingSet > is.memoryLimit/2) {
			t.Errorf("the killed container has %+v and %+v", is.totals, is.memory)
		}
		if i != which && is.totals.CPU < was.totals.CPU {
			t.Errorf("the other container fell from %+v to %+v", was.totals, is.totals)
		}
	}
	if after.totals.CPU < before.totals.CPU {
		t.Errorf("the pod fell from %d to %d", before.totals.CPU, after.totals.CPU)
	}
	if again := s.full(); len(again) != 0 {
		t.Errorf("full after it was killed: %v", again)
	}
	advanceUntilFull(t, s, c, 40*time.Minute)
}

// An override above the limit fills it again and again, each time more slowly.
func TestOverrideAboveTheLimit(t *testing.T) {
	s, c := newTestStore(1, 1)
	o := annotated(0, memoryAnnotation, "1Gi")
	s.setPod(newPod(1, o))
	last := time.Duration(0)
	for range 4 {
		begin := c.t
		advanceUntilFull(t, s, c, 10*time.Minute)
		if took := c.t.Sub(begin); took <= last {
			t.Errorf("full after %s, the time before after %s", took, last)
		} else {
			last = took
		}
		if got := usageOfPod(t, s, 0).containers[1].memory.Usage; got != 64<<20 {
			t.Errorf("the sidecar has %d", got)
		}
		for i := range o.Status.ContainerStatuses { // both are full
			killed(o, i, c.t.Truncate(time.Second))
		}
		o = o.DeepCopy()
		s.setPod(newPod(1, o))
	}
	s.setPod(newPod(1, run(annotated(0, memoryAnnotation, "60Mi"), noon)))
	c.advance(time.Hour)
	if full := s.full(); len(full) != 0 {
		t.Errorf("full below the limit: %v", full)
	}
}

func TestWhatIsNotKilled(t *testing.T) {
	s, c := newTestStore(1, 0)
	deleting := annotated(0, memoryAnnotation, "1Gi")
	deleting.DeletionTimestamp = &metav1.Time{Time: noon}
	ended := annotated(1, memoryAnnotation, "1Gi")
	end(ended, noon.Add(time.Minute), corev1.PodSucceeded)
	unlimited := bare("unlimited")
	unlimited.Annotations = map[string]string{memoryAnnotation: "100Gi"}
	for _, o := range []*corev1.Pod{deleting, ended, unlimited} {
		s.setPod(newPod(1, o))
	}
	c.advance(time.Hour)
	if full := s.full(); len(full) != 0 {
		t.Errorf("full: %v", full)
	}
}

func TestReaperMarksThePod(t *testing.T) {
	c := &testClock{t: noon}
	o := testPod(0, 0)
	client := fake.NewClientset(o)
	r := &reaper{client: client, clock: &clock{now: c.now}, asked: map[kill]int64{}}
	k := kill{o.Namespace, o.Name, o.UID, "app:3"}
	r.reap(t.Context(), []kill{k})
	got, err := client.CoreV1().Pods("shop").Get(t.Context(), o.Name, metav1.GetOptions{})
	if err != nil || got.Annotations[killAnnotation] != "app:3" {
		t.Fatalf("annotations %v, %v", got.Annotations, err)
	}
	patches := func() (n int) {
		for _, a := range client.Actions() {
			if p, ok := a.(clienttesting.PatchAction); ok {
				n++
				var body struct{ Metadata struct{ UID string } }
				if err := json.Unmarshal(p.GetPatch(), &body); err != nil || body.Metadata.UID != string(o.UID) {
					t.Errorf("patch %s: it has to name the pod's UID", p.GetPatch())
				}
			}
		}
		return n
	}
	r.reap(t.Context(), []kill{k}) // the watch is slow
	if got := patches(); got != 1 {
		t.Errorf("%d patches", got)
	}
	c.advance(time.Duration(killAgain))
	r.reap(t.Context(), []kill{k})
	if got := patches(); got != 2 {
		t.Errorf("%d patches after a while", got)
	}
}

// Pods that are gone, and rights that are missing, do not stop the rest.
func TestReaperGoesOn(t *testing.T) {
	o := testPod(0, 0)
	client := fake.NewClientset(o)
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "a", errors.New("no"))
	client.PrependReactor("patch", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return a.(clienttesting.PatchAction).GetName() == "a", nil, denied
	})
	r := &reaper{client: client, clock: &clock{now: time.Now}, asked: map[kill]int64{}}
	r.reap(t.Context(), []kill{
		{"shop", "gone", "u", "app:0"}, {"shop", "a", "v", "app:0"}, {o.Namespace, o.Name, o.UID, "app:0"},
	})
	got, err := client.CoreV1().Pods("shop").Get(t.Context(), o.Name, metav1.GetOptions{})
	if err != nil || got.Annotations[killAnnotation] != "app:0" || !r.denied {
		t.Errorf("annotations %v, denied %v, %v", got.Annotations, r.denied, err)
	}
}

// Alongside simulated nodes a cluster may have real ones: what is on them is left
// alone, however full it would be.
func TestRealPodsAreNotKilled(t *testing.T) {
	s, c := newTestStore(1, 1)
	c.t = noon
	o := run(annotated(0, profileAnnotation, "leak"), noon)
	o.Spec.NodeName = "real"
	s.setPod(newPod(1, o))
	for range 40 {
		if full := s.full(); len(full) > 0 {
			t.Fatalf("it is to be killed: %v", full)
		}
		c.advance(time.Minute)
	}
}
