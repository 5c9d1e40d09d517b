package nodes

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

// All that makes pods makes them for simulated nodes, also from a template.
func TestKeepApart(t *testing.T) {
	template := []byte("{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {nodeSelector: {disk: ssd}, " +
		"containers: [{name: c, image: i}]}}")
	for _, w := range []Workloads{{Pods: 200}, {Pods: 3, Template: template}} {
		objects, err := workloadsOf(w)
		if err != nil {
			t.Fatal(err)
		}
		keepApart(objects)
		made := 0
		for _, o := range objects {
			if class, ok := o.(*storagev1.StorageClass); ok && len(class.Annotations) > 0 {
				t.Errorf("the storage class is the default one: %v", class.Annotations)
			}
			spec := podSpecOf(o)
			if spec == nil {
				continue
			}
			made++
			tolerated := slices.ContainsFunc(spec.Tolerations, func(toleration corev1.Toleration) bool {
				return toleration.Key == simulatedTaint && toleration.Value == simulatedTaintValue
			})
			if spec.NodeSelector["type"] != "kwok" || !tolerated {
				t.Errorf("%s selects %v and tolerates %v", o.GetName(), spec.NodeSelector, spec.Tolerations)
			}
			if o.GetName() == "x" && spec.NodeSelector["disk"] != "ssd" {
				t.Error("the template's own selector is lost")
			}
		}
		if made < 3 {
			t.Errorf("%d objects make pods", made)
		}
	}
	node := newNode(0)
	keepReal(node)
	if node.Labels["type"] != "kwok" || node.Spec.Taints[len(node.Spec.Taints)-1].Key != simulatedTaint {
		t.Errorf("the node is %v", node.Spec.Taints)
	}
}

// Alongside real workloads, only the simulated ones are waited for.
func TestSettledBeside(t *testing.T) {
	n := Counts{Nodes: 3, NodesReady: 3, ownNodes: 2, ownReady: 2, PodsDesired: 9, PodsRunning: 7, ownDesired: 5,
		ownRunning: 5, DaemonPodsDesired: 5, DaemonPodsRunning: 4, ownDaemonsDesired: 4, ownDaemonsRunning: 4}
	if !n.allReady(Fleet{Nodes: 2, Alongside: true}, Workloads{Pods: 5}) {
		t.Error("real pods that do not run are waited for")
	}
	if n.allReady(Fleet{Nodes: 2}, Workloads{Pods: 5}) {
		t.Error("a pod that does not run is not waited for")
	}
	n.Nodes = 4
	if !n.allReady(Fleet{Nodes: 2, Alongside: true}, Workloads{Pods: 5}) {
		t.Error("a real node that is not Ready is waited for")
	}
	n.ownReady = 1
	if n.allReady(Fleet{Nodes: 2, Alongside: true}, Workloads{Pods: 5}) {
		t.Error("a simulated node that is not Ready is not waited for")
	}
	n.ownReady = 2
	n.ownRunning = 4
	if n.allReady(Fleet{Nodes: 2, Alongside: true}, Workloads{Pods: 5}) {
		t.Error("a simulated pod that does not run is not waited for")
	}
}

// A namespace of others is not taken over.
func TestRefuseForeign(t *testing.T) {
	plan, err := planObjects(Workloads{Pods: 50, Alongside: true})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(namespaces ...runtime.Object) error {
		return (&scaler{typed: fake.NewClientset(namespaces...)}).refuseForeign(t.Context(), plan)
	}
	ours := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: managedByLabels()}}
	others := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
	if err := refused(ours, others); err != nil {
		t.Error(err)
	}
	if err := refused(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}); err == nil ||
		!strings.Contains(err.Error(), "the namespace shop is there already") {
		t.Errorf("a namespace of others gives %v", err)
	}
}
