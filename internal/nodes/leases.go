package nodes

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
)

// leaseHolder names this process where KWOK wants a name. It is the same after
// a restart: a restarted one has nothing to wait for.
const leaseHolder = "diorama"

const (
	leaseSeconds = 40
	leaseWorkers = 8
	// A kubelet renews its lease every 10 s and is given up after 50 s
	// (kube-controller-manager's node-monitor-grace-period). A thousand
	// nodes would spend a tenth of what the API server can write on leases,
	// so renewals of a large fleet are spread over up to 25 s.
	minRenewal        = 10 * time.Second
	maxRenewal        = 25 * time.Second
	renewalsPerSecond = 25
)

// leaseKeeper creates and renews the Lease of every managed node, as its
// kubelet would: the holder is the node itself.
type leaseKeeper struct {
	client kubernetes.Interface
	nodes  cache.SharedIndexInformer
	queue  workqueue.TypedDelayingInterface[string]

	mu sync.Mutex
	// leases holds what was last written, and which nodes are being kept.
	leases map[string]*coordinationv1.Lease
}

// startLeases keeps leases until ctx ends; the channel is closed afterwards.
func startLeases(ctx context.Context, client kubernetes.Interface, config *rest.Config) (<-chan struct{}, error) {
	meta, err := metadata.NewForConfig(unlimited(config))
	if err != nil {
		return nil, fmt.Errorf("set up the client for nodes: %w", err)
	}
	informer := metadatainformer.NewFilteredMetadataInformer(meta, corev1.SchemeGroupVersion.WithResource("nodes"), "", 0,
		cache.Indexers{}, nil).Informer()
	k := &leaseKeeper{
		client: client,
		nodes:  informer,
		queue:  workqueue.NewTypedDelayingQueue[string](),
		leases: map[string]*coordinationv1.Lease{},
	}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    k.added,
		DeleteFunc: k.deleted,
	})
	if err != nil {
		return nil, fmt.Errorf("watch nodes: %w", err)
	}
	var running sync.WaitGroup
	running.Go(func() { informer.RunWithContext(ctx) })
	for range leaseWorkers {
		running.Go(func() { k.work(ctx) })
	}
	done := make(chan struct{})
	go func() {
		<-ctx.Done()
		k.queue.ShutDown()
		running.Wait()
		close(done)
	}()
	return done, nil
}

func (k *leaseKeeper) added(obj any) {
	node, ok := obj.(*metav1.PartialObjectMetadata)
	if !ok || !managed(node) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, kept := k.leases[node.Name]; !kept {
		k.leases[node.Name] = nil
		k.queue.Add(node.Name)
	}
}

func (k *leaseKeeper) deleted(obj any) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	if node, ok := obj.(*metav1.PartialObjectMetadata); ok {
		k.mu.Lock()
		delete(k.leases, node.Name)
		k.mu.Unlock()
	}
}

// managed tells whether the node is one of KWOK's.
func managed(node metav1.Object) bool {
	return node.GetAnnotations()["kwok.x-k8s.io/node"] == "fake"
}

func (k *leaseKeeper) work(ctx context.Context) {
	for {
		name, stop := k.queue.Get()
		if stop {
			return
		}
		k.renew(ctx, name)
		k.queue.Done(name)
	}
}

// renew writes the lease of one node and plans the next time.
func (k *leaseKeeper) renew(ctx context.Context, name string) {
	k.mu.Lock()
	last, kept := k.leases[name]
	interval := renewal(len(k.leases))
	k.mu.Unlock()
	if !kept || ctx.Err() != nil {
		return
	}
	lease, err := k.write(ctx, name, last)
	if err != nil && ctx.Err() == nil {
		// The next attempt starts from what the API has.
		slog.Warn("node lease not renewed", "node", name, "error", err)
		interval = time.Second
	}
	k.mu.Lock()
	if _, kept := k.leases[name]; kept {
		k.leases[name] = lease
		k.queue.AddAfter(name, wait.Jitter(interval, 0.04))
	}
	k.mu.Unlock()
}

// renewal is the time between two renewals of one node's lease in a fleet of
// that many nodes.
func renewal(nodes int) time.Duration {
	interval := time.Duration(nodes) * time.Second / renewalsPerSecond
	return min(max(interval, minRenewal), maxRenewal)
}

// write creates or renews the lease and returns what was written. It returns
// nil with the error when last is of no use any more.
func (k *leaseKeeper) write(
	ctx context.Context, name string, last *coordinationv1.Lease,
) (*coordinationv1.Lease, error) {
	leases := k.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	now := metav1.NewMicroTime(time.Now())
	if last == nil {
		created, err := leases.Create(ctx, k.lease(name, now), metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			return created, err
		}
		if last, err = leases.Get(ctx, name, metav1.GetOptions{}); err != nil {
			return nil, err
		}
	}
	next := last.DeepCopy()
	next.Spec.HolderIdentity = &name
	next.Spec.RenewTime = &now
	next.OwnerReferences = k.owner(name)
	renewed, err := leases.Update(ctx, next, metav1.UpdateOptions{})
	if err != nil {
		return nil, err
	}
	return renewed, nil
}

func (k *leaseKeeper) lease(name string, now metav1.MicroTime) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			Namespace:       corev1.NamespaceNodeLease,
			OwnerReferences: k.owner(name),
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       &name,
			LeaseDurationSeconds: ptr.To[int32](leaseSeconds),
			RenewTime:            &now,
		},
	}
}

// owner makes the lease go away with its node.
func (k *leaseKeeper) owner(name string) []metav1.OwnerReference {
	obj, exists, err := k.nodes.GetStore().GetByKey(name)
	if err != nil || !exists {
		return nil
	}
	node, ok := obj.(*metav1.PartialObjectMetadata)
	if !ok {
		return nil
	}
	return []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: name, UID: node.UID}}
}
