package kubelet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
)

// clients are the ways to the API server.
type clients struct {
	core     kubernetes.Interface
	metadata metadata.Interface
	kwok     versioned.Interface
}

// follow keeps the store up to date with the API server until ctx ends.
// Reflectors write straight into it: with a queue and a second index between
// them, as informers have, every pod would be kept twice.
//
// What decides about usage is read before pods are: counters would otherwise
// begin with what is then found not to be so.
func follow(ctx context.Context, c clients, s *store) (wait func()) {
	var running sync.WaitGroup
	running.Go(func() {
		var first sync.WaitGroup
		for _, o := range optional(c, s) {
			first.Add(1)
			running.Go(func() { o.follow(ctx, sync.OnceFunc(first.Done)) })
		}
		first.Add(1)
		listed := sync.OnceFunc(first.Done)
		running.Go(func() {
			defer listed() // if ctx ends before
			nodeReflector(c, s, listed).RunWithContext(ctx)
		})
		if !waitFirst(ctx, &first) {
			return
		}
		running.Go(func() { claimReflector(c, s).RunWithContext(ctx) })
		podReflector(c, s).RunWithContext(ctx)
	})
	return running.Wait
}

// firstPatience is how long pods are kept waiting for what decides about them.
// An object that cannot be read is no reason to answer nothing at all.
const firstPatience = 15 * time.Second

// waitFirst waits for the first lists; false if ctx ends before.
func waitFirst(ctx context.Context, first *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() {
		first.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(firstPatience):
		slog.Warn("Pods are followed before all that says what they use could be read.", "waited", firstPatience)
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func nodeReflector(c clients, s *store, listed func()) *cache.Reflector {
	nodes := c.core.CoreV1().Nodes()
	return newReflector(c.core, "nodes", &corev1.Node{}, sink[*corev1.Node]{
		trim:   trimNode,
		set:    func(o *corev1.Node) error { s.setNode(o); return nil },
		remove: s.deleteNode,
		replace: func(all []*corev1.Node) error {
			s.replaceNodes(all)
			listed()
			return nil
		},
	}, listWatch("", nodes.List, nodes.Watch))
}

func podReflector(c clients, s *store) *cache.Reflector {
	pods := c.core.CoreV1().Pods(metav1.NamespaceAll)
	assigned := fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	return newReflector(c.core, "pods", &corev1.Pod{}, sink[*corev1.Pod]{
		trim:   func(o *corev1.Pod) { trimPod(o) },
		set:    func(o *corev1.Pod) error { s.setPod(newPod(s.seed, o)); return nil },
		remove: s.deletePod,
		replace: func(all []*corev1.Pod) error {
			records := make([]*pod, 0, len(all))
			for _, o := range all {
				records = append(records, newPod(s.seed, o))
			}
			s.replacePods(records)
			return nil
		},
	}, listWatch(assigned, pods.List, pods.Watch))
}

func claimReflector(c clients, s *store) *cache.Reflector {
	claims := c.core.CoreV1().PersistentVolumeClaims(metav1.NamespaceAll)
	return newReflector(c.core, "persistentvolumeclaims", &corev1.PersistentVolumeClaim{},
		sink[*corev1.PersistentVolumeClaim]{
			set: func(o *corev1.PersistentVolumeClaim) error {
				s.setClaim(o.Namespace+"/"+o.Name, claimCapacity(o))
				return nil
			},
			remove: s.deleteClaim,
			replace: func(all []*corev1.PersistentVolumeClaim) error {
				capacities := make(map[string]uint64, len(all))
				for _, o := range all {
					capacities[o.Namespace+"/"+o.Name] = claimCapacity(o)
				}
				s.replaceClaims(capacities)
				return nil
			},
		}, listWatch("", claims.List, claims.Watch))
}

func newReflector(
	client any, name string, object any, sink cache.ReflectorStore, lw *cache.ListWatch,
) *cache.Reflector {
	// The client says whether it can stream lists; one made for tests cannot.
	source := cache.ToListWatcherWithWatchListSemantics(lw, client)
	return cache.NewReflectorWithOptions(source, object, sink, cache.ReflectorOptions{Name: name})
}

func listWatch[L runtime.Object](
	selector string,
	list func(context.Context, metav1.ListOptions) (L, error),
	watchFrom func(context.Context, metav1.ListOptions) (watch.Interface, error),
) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = selector
			return list(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = selector
			return watchFrom(ctx, o)
		},
	}
}

// sink is the store as a reflector of one type sees it.
type sink[T metav1.Object] struct {
	trim    func(T) // in place; nil: nothing to trim
	set     func(T) error
	remove  func(key string)
	replace func([]T) error
}

func (k sink[T]) Add(o any) error {
	object, ok := o.(T)
	if !ok {
		return fmt.Errorf("not a %T: %T", object, o)
	}
	k.cut(object)
	return k.set(object)
}

func (k sink[T]) cut(object T) {
	object.SetManagedFields(nil)
	if k.trim != nil {
		k.trim(object)
	}
}

func (k sink[T]) Update(o any) error { return k.Add(o) }

func (k sink[T]) Delete(o any) error {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o)
	if err == nil {
		k.remove(key)
	}
	return err
}

func (k sink[T]) Replace(list []any, _ string) error {
	objects := make([]T, 0, len(list))
	for _, o := range list {
		object, ok := o.(T)
		if !ok {
			return fmt.Errorf("not a %T: %T", object, o)
		}
		k.cut(object)
		objects = append(objects, object)
	}
	return k.replace(objects)
}

func (sink[T]) Resync() error { return nil }

// Transformer lets the reflector trim while the first list streams in.
func (k sink[T]) Transformer() cache.TransformFunc {
	return func(o any) (any, error) {
		if object, ok := o.(T); ok {
			k.cut(object)
		}
		return o, nil
	}
}

// claimCapacity is what the claim was given, or what it asks for while it is not bound:
// a simulated cluster may have no provisioner.
func claimCapacity(c *corev1.PersistentVolumeClaim) uint64 {
	if q, found := c.Status.Capacity[corev1.ResourceStorage]; found {
		return amount(corev1.ResourceStorage, q)
	}
	return amount(corev1.ResourceStorage, c.Spec.Resources.Requests[corev1.ResourceStorage])
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// trimPod drops, in place, what neither usage nor the readers of /pods need:
// ten thousand pods are kept for as long as the process runs. What says which
// containers, images, resources, volumes and states a pod has stays.
func trimPod(p *corev1.Pod) *corev1.Pod {
	delete(p.Annotations, lastApplied)
	s := &p.Spec
	s.Affinity, s.Tolerations, s.TopologySpreadConstraints = nil, nil, nil
	s.SecurityContext, s.NodeSelector, s.ImagePullSecrets, s.ReadinessGates = nil, nil, nil, nil
	s.DNSConfig, s.HostAliases = nil, nil
	for i := range s.InitContainers {
		trimContainer(&s.InitContainers[i])
	}
	for i := range s.Containers {
		trimContainer(&s.Containers[i])
	}
	return p
}

// trimNode drops, in place, what nobody needs.
func trimNode(n *corev1.Node) { n.Status.Images = nil }

func trimContainer(c *corev1.Container) {
	c.Env, c.EnvFrom, c.Command, c.Args = nil, nil, nil, nil
	c.LivenessProbe, c.ReadinessProbe, c.StartupProbe = nil, nil, nil
	c.Lifecycle, c.SecurityContext = nil, nil
}
