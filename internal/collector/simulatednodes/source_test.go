package simulatednodes

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func node(name string, simulated bool, ready corev1.ConditionStatus) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"zone": "a"}}}
	if simulated {
		n.Annotations = map[string]string{Annotation: "fake"}
	}
	n.Status.Conditions = []corev1.NodeCondition{
		{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse},
		{Type: corev1.NodeReady, Status: ready},
	}
	return n
}

func TestAPISource(t *testing.T) {
	client := fake.NewClientset(
		node("a", true, corev1.ConditionTrue), node("b", true, corev1.ConditionUnknown),
		node("real", false, corev1.ConditionTrue),
	)
	ctx, cancel := context.WithCancel(t.Context())
	var mutex sync.Mutex
	current, finished := map[string]bool{}, make(chan error, 1)
	source := &apiSource{client: client, logger: zaptest.NewLogger(t)}
	go func() {
		finished <- source.Follow(ctx,
			func(node string) { mutex.Lock(); defer mutex.Unlock(); current[node] = true },
			func(node string) { mutex.Lock(); defer mutex.Unlock(); delete(current, node) })
	}()
	want := func(names ...string) {
		t.Helper()
		deadline, ticker := time.After(30*time.Second), time.NewTicker(5*time.Millisecond)
		defer ticker.Stop()
		for {
			mutex.Lock()
			got := slices.Sorted(maps.Keys(current))
			mutex.Unlock()
			if slices.Equal(got, names) {
				return
			}
			select {
			case <-deadline:
				t.Fatalf("got %v, want %v", got, names)
			case <-ticker.C:
			}
		}
	}
	nodes := client.CoreV1().Nodes()
	update := func(n *corev1.Node) {
		t.Helper()
		if _, err := nodes.Update(ctx, n, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	want("a")
	update(node("b", true, corev1.ConditionTrue))
	want("a", "b")
	// A node that is being removed is not to be seen failing, unless it stays.
	removed := node("b", true, corev1.ConditionTrue)
	removed.Annotations[Leaving] = "true"
	update(removed)
	want("a")
	update(node("b", true, corev1.ConditionTrue))
	want("a", "b")
	// A node that fails is to be seen failing.
	update(node("b", true, corev1.ConditionFalse))
	update(node("a", false, corev1.ConditionTrue))
	want("b")
	if err := nodes.Delete(ctx, "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	want()
	cancel()
	if err := <-finished; err != nil {
		t.Error(err)
	}
}

func TestStrip(t *testing.T) {
	whole := node("a", true, corev1.ConditionTrue)
	whole.Annotations[Leaving] = "true"
	stripped, err := strip(whole)
	if err != nil {
		t.Fatal(err)
	}
	small := stripped.(*corev1.Node)
	if !simulated(small) || !leaving(small) || !ready(small) || small.Labels != nil || len(small.Status.Conditions) != 1 {
		t.Errorf("got %+v", small)
	}
}
