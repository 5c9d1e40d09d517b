package kubelet

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"

	"github.com/diorama-lab/diorama/internal/usage"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// What workloads and KWOK's objects say is followed while it changes.
func TestFollowsWhatPodsUse(t *testing.T) {
	web := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}}
	web.Namespace, web.Name, web.Annotations = "shop", "web", map[string]string{profileAnnotation: "spiky"}
	c := fakeClients(fake.NewClientset(testNode(0), testPod(0, 0)), web)
	s := newStore(1, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	wait := follow(ctx, c, s)
	defer wait()
	defer cancel()

	first := func() (u podUsage) {
		if v, found := s.view("node-0"); found {
			if n := v.measure(s); len(n.listed) > 0 {
				return n.listed[0]
			}
		}
		return podUsage{pod: &pod{}, containers: make([]containerUsage, 2)}
	}
	profile := func() usage.Profile { return first().profile }
	held := func(want uint64) func() bool {
		return func() bool { return first().containers[0].rate == want }
	}
	waittest.True(t, "the pod is there", func() bool { return first().key != "" })
	if got := profile(); got != usage.Spiky {
		t.Errorf("the pod began as %s: its workload was not read before", got)
	}
	deployments := c.metadata.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace("shop")
	if err := deployments.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "the default profile is back", func() bool { return profile() == usage.Diurnal })

	cluster := c.kwok.KwokV1alpha1().ClusterResourceUsages()
	one := clusterUsage("one", nil, entry(value("21m")))
	if _, err := cluster.Create(ctx, one, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "the ClusterResourceUsage is in force", held(21e6))
	one.Spec.Usages = []v1alpha1.ResourceUsageContainer{entry(value("22m"))}
	if _, err := cluster.Update(ctx, one, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "its change is in force", held(22e6))

	own := c.kwok.KwokV1alpha1().ResourceUsages("shop")
	o := &v1alpha1.ResourceUsage{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: testPod(0, 0).Name}}
	o.Spec.Usages = []v1alpha1.ResourceUsageContainer{entry(value("23m"))}
	if _, err := own.Create(ctx, o, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "the ResourceUsage is in force", held(23e6))
	if err := own.Delete(ctx, o.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "it is taken back", held(22e6))
	if err := cluster.Delete(ctx, "one", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "both are taken back", func() bool { return !first().containers[0].course.held })
}

// What may not be read does not keep the rest waiting, and is read when it may be.
func TestOptionalResources(t *testing.T) {
	s := newStore(1, time.Now)
	resource := schema.GroupResource{Group: "apps", Resource: "deployments"}
	forbidden := apierrors.NewForbidden(resource, "", errors.New("no"))
	readable := fakeClients(fake.NewClientset(), &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web", Annotations: map[string]string{profileAnnotation: "idle"},
		},
	})
	o := workloadMetadata(readable, s, "Deployment", appsv1.SchemeGroupVersion.WithResource("deployments"))
	o.retry = time.Millisecond
	var may atomic.Bool
	probe := o.probe
	o.probe = func(ctx context.Context) error {
		if may.Load() {
			return probe(ctx)
		}
		return forbidden
	}

	ctx, cancel := context.WithCancel(t.Context())
	decided, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		o.follow(ctx, sync.OnceFunc(func() { close(decided) }))
	}()
	<-decided
	may.Store(true)
	waittest.True(t, "the deployment is read", func() bool {
		s.changing.Lock()
		defer s.changing.Unlock()
		return s.workloads[workloadKey{"Deployment", "shop", "web"}].profile == "idle"
	})
	cancel()
	<-done
}
