package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/internal/component/componenttest"
	"github.com/diorama-lab/diorama/internal/controlplane/controlplanetest"
)

func TestMain(m *testing.M) { controlplanetest.Main(m) }

// startAPIServer starts etcd and an API server, and returns how to reach it.
// Nothing controls what is in it.
func startAPIServer(t *testing.T) *rest.Config {
	t.Helper()
	o := controlplanetest.Start(t)
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig("admin"))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// manifest has a workload of so many pods, in the namespace of the component.
func manifest(name string, pods int) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: %[1]s}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  serviceName: %[1]s
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: main, image: example/workload:1}]}
`, name, pods)
}

// workload returns a component that applies a manifest.
func workload(config *rest.Config, text string) *componenttest.Subject {
	return &componenttest.Subject{Component: NewWorkload(WorkloadConfig{
		Name: "workload", Namespace: "default",
		Config: func() (*rest.Config, error) { return config, nil },
		Objects: func(context.Context, *rest.Config, func(string)) ([]*Object, error) {
			return Parse([]byte(text))
		},
	})}
}

func TestWorkload(t *testing.T) {
	config := startAPIServer(t)
	makeHopelessPod(t, config)
	t.Run("it reports, and is written down", func(t *testing.T) { writtenDown(t, config) })
	componenttest.Conform(t, componenttest.Kind{
		Works: func(*testing.T) *componenttest.Subject { return workload(config, manifest("works", 0)) },
		Refused: func(*testing.T) *componenttest.Subject {
			s := workload(config, "apiVersion: example.com/v1\nkind: Unheard\nmetadata: {name: of}")
			s.Says = "applying Unheard of: asking what the cluster calls a Unheard"
			return s
		},
		Hangs: func(*testing.T) *componenttest.Subject { return workload(config, manifest("hangs", 1)) },
		Ends: func(*testing.T) *componenttest.Subject {
			s := workload(config, manifest("ends", 1))
			s.Says = "the container main of the pod ends-0 does not come up: ErrImageNeverPull: the image is not here"
			return s
		},
	})
}

// writtenDown holds that Applied comes when all is there, and that what is
// waited for is reported.
func writtenDown(t *testing.T, config *rest.Config) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reports, refused := make(chan string, 100), errors.New("no room for the record")
	w := NewWorkload(WorkloadConfig{
		Name: "workload", Namespace: "default", Report: func(text string) { reports <- text },
		Config: func() (*rest.Config, error) { return config, nil },
		Objects: func(context.Context, *rest.Config, func(string)) ([]*Object, error) {
			return Parse([]byte(manifest("written", 1)))
		},
		Applied: func(_ context.Context, _ *rest.Config, report func(string)) error {
			report("writing it down")
			return refused
		},
	})
	if err := w.Start(ctx); err != nil {
		t.Fatal(err)
	}
	ready := make(chan error, 1)
	go func() { ready <- w.Ready(ctx) }()
	if got := <-reports; got != "Replicas: 0/1" {
		t.Errorf("it reports %q", got)
	}
	scaleDown(ctx, t, config, "written")
	if err := <-ready; !errors.Is(err, refused) {
		t.Errorf("Ready returns %v", err)
	}
	if got := <-reports; got != "writing it down" {
		t.Errorf("it reports %q", got)
	}
	if err := w.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// scaleDown lets a workload be there: nothing makes pods here.
func scaleDown(ctx context.Context, t *testing.T, config *rest.Config, name string) {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	none := []byte(`{"spec": {"replicas": 0}}`)
	_, err = client.AppsV1().StatefulSets("default").Patch(ctx, name, types.MergePatchType, none, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// makeHopelessPod makes what a kubelet makes of a pod of the workload "ends".
func makeHopelessPod(t *testing.T, config *rest.Config) {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	_, err = client.CoreV1().ServiceAccounts("default").Create(t.Context(), account, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := client.CoreV1().Pods("default")
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "ends-0", Labels: map[string]string{"app": "ends"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example/workload:1"}}},
	}
	if pod, err = pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	why := &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: "the image is not here"}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{
		{Name: "main", State: corev1.ContainerState{Waiting: why}},
	}
	if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// One that does not answer at all, at any request, keeps nobody.
func TestWorkloadOfAServerThatHangs(t *testing.T) {
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	componenttest.Conform(t, componenttest.Kind{
		Hangs: func(*testing.T) *componenttest.Subject {
			return workload(&rest.Config{Host: server.URL}, manifest("hangs", 1))
		},
	})
	if len(asked) == 0 {
		t.Error("it was not asked")
	}
}

func TestWorkloadOfAClusterThatCannotBeReached(t *testing.T) {
	missing := errors.New("no such kubeconfig")
	w := NewWorkload(WorkloadConfig{Config: func() (*rest.Config, error) { return nil, missing }})
	if err := w.Start(t.Context()); !errors.Is(err, missing) {
		t.Errorf("Start returns %v", err)
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
