package simulatednodes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"go.uber.org/zap/zaptest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
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

// followed are the nodes that a source reports.
type followed struct {
	t     *testing.T
	mutex sync.Mutex
	nodes map[string]bool
}

func newFollowed(t *testing.T) *followed { return &followed{t: t, nodes: map[string]bool{}} }

func (f *followed) add(node string)    { f.mutex.Lock(); defer f.mutex.Unlock(); f.nodes[node] = true }
func (f *followed) remove(node string) { f.mutex.Lock(); defer f.mutex.Unlock(); delete(f.nodes, node) }

func (f *followed) names() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Sorted(maps.Keys(f.nodes))
}

// await waits until they are these.
func (f *followed) await(names ...string) {
	f.t.Helper()
	waittest.Until(f.t, "the nodes are those", func(context.Context) error {
		if got := f.names(); !slices.Equal(got, names) {
			return fmt.Errorf("got %v, want %v", got, names)
		}
		return nil
	})
}

func TestAPISource(t *testing.T) {
	client := fake.NewClientset(
		node("a", true, corev1.ConditionTrue), node("b", true, corev1.ConditionUnknown),
		node("real", false, corev1.ConditionTrue),
	)
	ctx, cancel := context.WithCancel(t.Context())
	followed, finished := newFollowed(t), make(chan error, 1)
	source := &apiSource{client: client, logger: zaptest.NewLogger(t)}
	go func() { finished <- source.Follow(ctx, followed.add, followed.remove) }()
	want := followed.await
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
