package kubelet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// follow keeps the store up to date with the API server until ctx ends.
// Reflectors write straight into it: with a queue and a second index between
// them, as informers have, every pod would be kept twice.
func follow(ctx context.Context, client kubernetes.Interface, s *store) (wait func()) {
	core := client.CoreV1()
	assigned := fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	reflectors := []*cache.Reflector{
		newReflector(client, "pods", &corev1.Pod{}, podSink{s}, listWatch(assigned,
			func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return core.Pods(metav1.NamespaceAll).List(ctx, o)
			}, core.Pods(metav1.NamespaceAll).Watch)),
		newReflector(client, "nodes", &corev1.Node{}, nodeSink{s}, listWatch("",
			func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return core.Nodes().List(ctx, o)
			}, core.Nodes().Watch)),
		newReflector(client, "persistentvolumeclaims", &corev1.PersistentVolumeClaim{}, claimSink{s}, listWatch("",
			func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return core.PersistentVolumeClaims(metav1.NamespaceAll).List(ctx, o)
			}, core.PersistentVolumeClaims(metav1.NamespaceAll).Watch)),
	}
	done := make(chan struct{})
	for _, r := range reflectors {
		go func() {
			r.RunWithContext(ctx)
			done <- struct{}{}
		}()
	}
	return func() {
		for range reflectors {
			<-done
		}
	}
}

func newReflector(client any, name string, object any, sink cache.ReflectorStore, lw *cache.ListWatch) *cache.Reflector {
	// The client says whether it can stream lists; one made for tests cannot.
	source := cache.ToListWatcherWithWatchListSemantics(lw, client)
	return cache.NewReflectorWithOptions(source, object, sink, cache.ReflectorOptions{Name: name})
}

func listWatch(
	selector string,
	list func(context.Context, metav1.ListOptions) (runtime.Object, error),
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

// podSink, nodeSink and claimSink are the store as a reflector sees it.
type podSink struct{ s *store }

func (k podSink) Add(o any) error {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return fmt.Errorf("not a pod: %T", o)
	}
	k.s.setPod(newPod(k.s.seed, trimPod(p)))
	return nil
}

func (k podSink) Update(o any) error { return k.Add(o) }

func (k podSink) Delete(o any) error {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o)
	if err == nil {
		k.s.deletePod(key)
	}
	return err
}

func (k podSink) Replace(list []any, _ string) error {
	pods := make([]*pod, 0, len(list))
	for _, o := range list {
		p, ok := o.(*corev1.Pod)
		if !ok {
			return fmt.Errorf("not a pod: %T", o)
		}
		pods = append(pods, newPod(k.s.seed, trimPod(p)))
	}
	k.s.replacePods(pods)
	return nil
}

func (podSink) Resync() error { return nil }

// Transformer lets the reflector trim while the first list streams in.
func (podSink) Transformer() cache.TransformFunc {
	return func(o any) (any, error) {
		if p, ok := o.(*corev1.Pod); ok {
			trimPod(p)
		}
		return o, nil
	}
}

type nodeSink struct{ s *store }

func (k nodeSink) Add(o any) error {
	n, ok := o.(*corev1.Node)
	if !ok {
		return fmt.Errorf("not a node: %T", o)
	}
	k.s.setNode(n)
	return nil
}

func (k nodeSink) Update(o any) error { return k.Add(o) }

func (k nodeSink) Delete(o any) error {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o)
	if err == nil {
		k.s.deleteNode(key)
	}
	return err
}

func (k nodeSink) Replace(list []any, _ string) error {
	nodes := make([]*corev1.Node, 0, len(list))
	for _, o := range list {
		n, ok := o.(*corev1.Node)
		if !ok {
			return fmt.Errorf("not a node: %T", o)
		}
		nodes = append(nodes, n)
	}
	k.s.replaceNodes(nodes)
	return nil
}

func (nodeSink) Resync() error { return nil }

type claimSink struct{ s *store }

func (k claimSink) Add(o any) error {
	c, ok := o.(*corev1.PersistentVolumeClaim)
	if !ok {
		return fmt.Errorf("not a claim: %T", o)
	}
	k.s.setClaim(c.Namespace+"/"+c.Name, claimCapacity(c))
	return nil
}

func (k claimSink) Update(o any) error { return k.Add(o) }

func (k claimSink) Delete(o any) error {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o)
	if err == nil {
		k.s.deleteClaim(key)
	}
	return err
}

func (k claimSink) Replace(list []any, _ string) error {
	claims := make(map[string]uint64, len(list))
	for _, o := range list {
		c, ok := o.(*corev1.PersistentVolumeClaim)
		if !ok {
			return fmt.Errorf("not a claim: %T", o)
		}
		claims[c.Namespace+"/"+c.Name] = claimCapacity(c)
	}
	k.s.replaceClaims(claims)
	return nil
}

func (claimSink) Resync() error { return nil }

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
	p.ManagedFields = nil
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

func trimContainer(c *corev1.Container) {
	c.Env, c.EnvFrom, c.Command, c.Args = nil, nil, nil, nil
	c.LivenessProbe, c.ReadinessProbe, c.StartupProbe = nil, nil, nil
	c.Lifecycle, c.SecurityContext = nil, nil
}
