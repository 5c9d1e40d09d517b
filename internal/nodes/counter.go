package nodes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/diorama-lab/diorama/internal/wait"
)

// Counts is what is in a cluster at one moment.
type Counts struct {
	// Nodes that exist, and those of them that are Ready.
	Nodes, NodesReady int
	// PodsDesired is what Deployments and StatefulSets ask for, PodsRunning
	// their Running pods. In a foreign cluster it is what all that makes
	// long-running pods asks for, and the pods that nobody has made but by
	// hand.
	PodsDesired, PodsRunning int
	// Pods of DaemonSets.
	DaemonPodsDesired, DaemonPodsRunning int
	// Running pods of Jobs, and, unless the cluster is foreign, of others: made
	// by hand, or by a controller of which nobody here knows how many it wants.
	JobPodsRunning, OtherPodsRunning int

	// What of them is Scale's own: alongside, a cluster may have real nodes,
	// and workloads of others.
	ownNodes, ownReady                   int
	ownDesired, ownRunning               int
	ownDaemonsDesired, ownDaemonsRunning int
}

// Counter counts nodes and pods. It follows the API by watching, so that
// asking it costs nothing; of a pod it gets only the metadata, when it starts
// and stops to be Running.
type Counter struct {
	nodes, running        cache.SharedIndexInformer
	deployments, stateful cache.SharedIndexInformer
	daemonSets            cache.SharedIndexInformer
	// Of a foreign cluster only: pods that wait, and ReplicaSets.
	pending, replicaSets cache.SharedIndexInformer

	mu     sync.Mutex
	counts Counts
}

// NewCounter returns a Counter of a cluster that Scale makes. It counts once Run
// is called.
func NewCounter(config *rest.Config) (*Counter, error) { return newCounter(config, false) }

func newCounter(config *rest.Config, foreign bool) (*Counter, error) {
	protobuf := unlimited(config)
	protobuf.ContentType = "application/vnd.kubernetes.protobuf"
	client, errTyped := kubernetes.NewForConfig(protobuf)
	meta, errMetadata := metadata.NewForConfig(unlimited(config))
	if err := errors.Join(errTyped, errMetadata); err != nil {
		return nil, fmt.Errorf("set up clients to count nodes and pods: %w", err)
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(strip))
	pods := func(phase corev1.PodPhase) cache.SharedIndexInformer {
		only := func(o *metav1.ListOptions) { o.FieldSelector = "status.phase=" + string(phase) }
		return metadatainformer.NewFilteredMetadataInformer(meta, podResource, "", 0, cache.Indexers{}, only).Informer()
	}
	c := &Counter{
		nodes:       factory.Core().V1().Nodes().Informer(),
		deployments: factory.Apps().V1().Deployments().Informer(),
		stateful:    factory.Apps().V1().StatefulSets().Informer(),
		daemonSets:  factory.Apps().V1().DaemonSets().Informer(),
		running:     pods(corev1.PodRunning),
	}
	if !foreign {
		return c, c.follow(runningPod)
	}
	c.pending, c.replicaSets = pods(corev1.PodPending), factory.Apps().V1().ReplicaSets().Informer()
	return c, errors.Join(c.follow(foreignRunning), c.followForeign())
}

// follow adds what each object counts for when it comes and takes it away when
// it goes; pod says it of a pod that is Running.
func (c *Counter) follow(pod func(*metav1.PartialObjectMetadata) Counts) error {
	return errors.Join(
		c.running.SetTransform(strip),
		count(c, c.nodes, func(n *corev1.Node) Counts {
			ready := if1(readyNode(n))
			return Counts{Nodes: 1, NodesReady: ready, ownNodes: if1(own(n)), ownReady: ready * if1(own(n))}
		}),
		count(c, c.deployments, func(d *appsv1.Deployment) Counts { return desired(d, d.Spec.Replicas) }),
		count(c, c.stateful, func(s *appsv1.StatefulSet) Counts { return desired(s, s.Spec.Replicas) }),
		count(c, c.daemonSets, func(d *appsv1.DaemonSet) Counts {
			n := int(d.Status.DesiredNumberScheduled)
			return Counts{DaemonPodsDesired: n, ownDaemonsDesired: n * if1(own(d))}
		}),
		count(c, c.running, pod),
	)
}

func runningPod(pod *metav1.PartialObjectMetadata) Counts {
	if pod.DeletionTimestamp != nil {
		return Counts{}
	}
	switch controllerKind(pod) {
	case "ReplicaSet", "StatefulSet":
		return Counts{PodsRunning: 1, ownRunning: if1(own(pod))}
	case "DaemonSet":
		return Counts{DaemonPodsRunning: 1, ownDaemonsRunning: if1(own(pod))}
	case "Job":
		return Counts{JobPodsRunning: 1}
	}
	return Counts{OtherPodsRunning: 1}
}

func readyNode(n *corev1.Node) bool {
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func desired(o metav1.Object, replicas *int32) Counts {
	n := 1
	if replicas != nil {
		n = int(*replicas)
	}
	return Counts{PodsDesired: n, ownDesired: n * if1(own(o))}
}

// own tells whether Scale made an object.
func own(o metav1.Object) bool {
	return o.GetLabels()[managedByLabel] == managedByLabels()[managedByLabel]
}

func if1(b bool) int {
	if b {
		return 1
	}
	return 0
}

// strip keeps of an object what is counted: it stays in memory.
func strip(obj any) (any, error) {
	switch o := obj.(type) {
	case *corev1.Node:
		ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionFalse}
		if readyNode(o) {
			ready.Status = corev1.ConditionTrue
		}
		return &corev1.Node{ObjectMeta: bare(o), Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{ready}}}, nil
	case *appsv1.Deployment:
		return &appsv1.Deployment{ObjectMeta: bare(o), Spec: appsv1.DeploymentSpec{Replicas: o.Spec.Replicas}}, nil
	case *appsv1.ReplicaSet:
		meta := bare(o)
		meta.OwnerReferences = controllerOf(o)
		return &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Replicas: o.Spec.Replicas}}, nil
	case *appsv1.StatefulSet:
		return &appsv1.StatefulSet{ObjectMeta: bare(o), Spec: appsv1.StatefulSetSpec{Replicas: o.Spec.Replicas}}, nil
	case *appsv1.DaemonSet:
		return &appsv1.DaemonSet{ObjectMeta: bare(o),
			Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: o.Status.DesiredNumberScheduled}}, nil
	case *metav1.PartialObjectMetadata:
		meta := bare(o)
		meta.OwnerReferences = controllerOf(o)
		return &metav1.PartialObjectMetadata{ObjectMeta: meta}, nil
	}
	return obj, nil
}

// controllerOf is what controllerKind reads of an object.
func controllerOf(o metav1.Object) []metav1.OwnerReference {
	if kind := controllerKind(o); kind != "" {
		return []metav1.OwnerReference{{Kind: kind, Controller: new(true)}}
	}
	return nil
}

func bare(o metav1.Object) metav1.ObjectMeta {
	var labels map[string]string
	if own(o) {
		labels = managedByLabels()
	}
	return metav1.ObjectMeta{
		Labels: labels, Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(),
		ResourceVersion: o.GetResourceVersion(), DeletionTimestamp: o.GetDeletionTimestamp(),
	}
}

// count keeps c's counts the sum of what each object of the informer counts.
func count[T any](c *Counter, informer cache.SharedIndexInformer, of func(T) Counts) error {
	value := func(obj any) Counts {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		if o, ok := obj.(T); ok {
			return of(o)
		}
		return Counts{}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { c.add(value(obj), Counts{}) },
		UpdateFunc: func(old, obj any) { c.add(value(obj), value(old)) },
		DeleteFunc: func(obj any) { c.add(Counts{}, value(obj)) },
	})
	return err
}

func (c *Counter) add(plus, minus Counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Nodes += plus.Nodes - minus.Nodes
	c.counts.NodesReady += plus.NodesReady - minus.NodesReady
	c.counts.PodsDesired += plus.PodsDesired - minus.PodsDesired
	c.counts.PodsRunning += plus.PodsRunning - minus.PodsRunning
	c.counts.DaemonPodsDesired += plus.DaemonPodsDesired - minus.DaemonPodsDesired
	c.counts.DaemonPodsRunning += plus.DaemonPodsRunning - minus.DaemonPodsRunning
	c.counts.JobPodsRunning += plus.JobPodsRunning - minus.JobPodsRunning
	c.counts.OtherPodsRunning += plus.OtherPodsRunning - minus.OtherPodsRunning
	c.counts.ownNodes += plus.ownNodes - minus.ownNodes
	c.counts.ownReady += plus.ownReady - minus.ownReady
	c.counts.ownDesired += plus.ownDesired - minus.ownDesired
	c.counts.ownRunning += plus.ownRunning - minus.ownRunning
	c.counts.ownDaemonsDesired += plus.ownDaemonsDesired - minus.ownDaemonsDesired
	c.counts.ownDaemonsRunning += plus.ownDaemonsRunning - minus.ownDaemonsRunning
}

// Run follows the API until ctx ends, and returns nil then. It survives that
// the API server is away for a while; the counts stand still meanwhile.
func (c *Counter) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, informer := range c.informers() {
		running.Go(func() { informer.RunWithContext(ctx) })
	}
	running.Wait()
	return nil
}

func (c *Counter) informers() []cache.SharedIndexInformer {
	all := []cache.SharedIndexInformer{c.nodes, c.running, c.deployments, c.stateful, c.daemonSets}
	if c.pending != nil {
		all = append(all, c.pending, c.replicaSets)
	}
	return all
}

// runNodes follows only nodes.
func (c *Counter) runNodes(ctx context.Context) { c.nodes.RunWithContext(ctx) }

// readyNodes is how many of Scale's nodes are Ready.
func (c *Counter) readyNodes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts.ownReady
}

// Counts returns the latest counts, and whether everything has been counted
// at least once since Run.
func (c *Counter) Counts() (Counts, bool) {
	synced := !slices.ContainsFunc(c.informers(), func(i cache.SharedIndexInformer) bool { return !i.HasSynced() })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts, synced
}

// WaitReady waits until exactly the fleet's nodes are Ready and exactly the
// workloads' pods are Running, and all daemon pods too. When ctx ends before
// that, the error says what is missing.
func (c *Counter) WaitReady(ctx context.Context, f Fleet, w Workloads, progress func(Progress)) error {
	report := newReporter(progress)
	nodes, pods := report.step("nodes ready", f.Nodes), report.step("pods running", w.Pods)
	var now Counts
	last := Counts{Nodes: -1}
	err := wait.Until(ctx, 50*time.Millisecond, func(context.Context) (bool, error) {
		var synced bool
		now, synced = c.Counts()
		if now != last {
			nodes.set(now.ownReady)
			pods.set(now.ownRunning)
			last = now
		}
		return synced && now.allReady(f, w), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the simulated cluster: %d of %d nodes Ready, %d of %d pods Running, "+
			"%d of %d daemon pods Running: %w",
			now.ownReady, f.Nodes, now.ownRunning, w.Pods, now.ownDaemonsRunning, now.ownDaemonsDesired, context.Cause(ctx))
	}
	return nil
}

// allReady looks at all nodes and controllers, also those that somebody added:
// of what Scale made it knows how much there has to be. Alongside real nodes it
// looks at no other: real pods may wait for what is not there, such as images.
func (n Counts) allReady(f Fleet, w Workloads) bool {
	if !f.Alongside && (n.NodesReady != n.Nodes || n.PodsRunning != n.PodsDesired ||
		n.DaemonPodsRunning != n.DaemonPodsDesired) {
		return false
	}
	return n.ownNodes == f.Nodes && n.ownReady == n.ownNodes && n.ownDesired == w.Pods && n.ownRunning == n.ownDesired &&
		n.ownDaemonsDesired >= daemonPodsPerNode*f.Nodes && n.ownDaemonsRunning == n.ownDaemonsDesired
}
