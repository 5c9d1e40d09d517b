package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/rollout"
	"github.com/diorama-lab/diorama/internal/wait"
)

// sending makes a request; a fault takes its place.
type (
	sending func() (*http.Response, error)
	fault   func(sending) (*http.Response, error)
)

// faulty is the way to an API server on which writes fail.
type faulty struct {
	http.RoundTripper
	// of returns what happens to the nth write; nil lets all through.
	of func(n int) fault

	mu     sync.Mutex
	writes int
	// made are the requests of which there were writes.
	made []string
}

// through is a configuration whose writes go this way.
func (f *faulty) through(config *rest.Config) *rest.Config {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		f.RoundTripper = next
		return f
	})
	return config
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return f.RoundTripper.RoundTrip(r)
	}
	f.mu.Lock()
	f.writes++
	f.made = append(f.made, r.Method+" "+r.URL.Path)
	n := f.writes
	f.mu.Unlock()
	send := func() (*http.Response, error) { return f.RoundTripper.RoundTrip(r) }
	if f.of == nil {
		return send()
	}
	return f.of(n)(send)
}

// answer is what an API server says in the place of doing it.
func answer(status metav1.Status) (*http.Response, error) {
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	body, err := json.Marshal(status)
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: int(status.Code), Header: header, Body: io.NopCloser(bytes.NewReader(body))}, err
}

// faults are the ways in which a write fails and then does not. Those that are
// lost have done what they were to do: only the answer is missing.
func faults() []fault {
	said := func(err *apierrors.StatusError) fault {
		return func(sending) (*http.Response, error) { return answer(err.ErrStatus) }
	}
	broken := func(err error) fault {
		return func(sending) (*http.Response, error) { return nil, err }
	}
	lost := func(err error) fault {
		return func(send sending) (*http.Response, error) {
			if response, failed := send(); failed == nil {
				response.Body.Close()
			}
			return nil, err
		}
	}
	group := corev1.Resource("objects")
	return []fault{
		said(apierrors.NewInternalError(errors.New("resource quota evaluation timed out"))),
		said(apierrors.NewInternalError(errors.New("etcdserver: leader changed"))),
		said(apierrors.NewTooManyRequestsError("later")),
		said(apierrors.NewServiceUnavailable("starting")),
		said(apierrors.NewConflict(group, "it", errors.New("it has been modified"))),
		said(apierrors.NewTimeoutError("slow", 0)),
		broken(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}),
		lost(io.EOF),
		lost(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}),
		lost(errors.New("http2: server sent GOAWAY and closed the connection")),
	}
}

// testFaults makes a cluster on a way on which every second write fails: it is
// as it would be without.
func (l *lab) testFaults(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	var said []string
	var mu sync.Mutex
	report := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, text)
	}
	kinds := faults()
	way := &faulty{of: func(n int) fault {
		if n%2 == 0 {
			return func(send sending) (*http.Response, error) { return send() }
		}
		return kinds[n/2%len(kinds)]
	}}
	config := way.through(l.config(t, "admin"))
	defer cancel()
	if err := errors.Join(Bootstrap(ctx, config, report), nodes.ApplyStages(ctx, config, nil, report)); err != nil {
		t.Fatal(err)
	}
	l.testApplied(ctx, t, config)
	var playing sync.WaitGroup
	defer func() { cancel(); playing.Wait() }()
	playing.Go(func() { l.playKubelets(ctx, l.client(t, "admin")) })
	fleet, workloads := nodes.Fleet{Nodes: 4}, nodes.Workloads{Pods: 40}
	observer := nodes.Observer{Progress: func(p nodes.Progress) {
		if p.Again != "" {
			report(p.Again)
		}
	}}
	if err := nodes.Scale(ctx, config, fleet, workloads, observer); err != nil {
		t.Fatal(err)
	}
	if way.writes < 4*len(kinds) || len(said) < 2*len(kinds) {
		t.Errorf("of %d writes few were seen to fail: %q", way.writes, said)
	}
	// What is right is not written again: nothing is.
	counted := &faulty{}
	err := nodes.Scale(ctx, counted.through(l.config(t, "admin")), fleet, workloads, nodes.Observer{})
	if err != nil || counted.writes > 0 {
		t.Errorf("these writes were missing: %q, %v", counted.made, err)
	}
	l.checkQuotas(ctx, t)
	l.checkRemoval(ctx, t, config, observer)
}

// checkRemoval removes all nodes but one, which a Scale that was interrupted
// meant to remove.
func (l *lab) checkRemoval(ctx context.Context, t *testing.T, config *rest.Config, observer nodes.Observer) {
	leaving := []byte(`{"metadata":{"annotations":{"diorama.dev/leaving":"true"}},"spec":{"unschedulable":true}}`)
	marked := l.client(t, "admin").CoreV1().Nodes()
	if _, err := marked.Patch(ctx, "node-0001", types.MergePatchType, leaving, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := nodes.Scale(ctx, config, nodes.Fleet{Nodes: 1}, nodes.Workloads{Pods: 4}, observer); err != nil {
		t.Fatal(err)
	}
	simulated, err := nodes.Simulated(ctx, config)
	if err != nil || len(simulated) != 1 {
		t.Errorf("after the nodes were removed there are %q, %v", simulated, err)
	}
	if node, err := marked.Get(ctx, "node-0001", metav1.GetOptions{}); err != nil || node.Spec.Unschedulable {
		t.Errorf("the node that stays takes no pods, %v", err)
	}
}

// testApplied applies as the kinds with real pods do.
func (l *lab) testApplied(ctx context.Context, t *testing.T, config *rest.Config) {
	target, err := rollout.New(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied, namespace: default}\ndata: {a: b}\n"
	objects, err := rollout.Parse([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Apply(ctx, "default", objects, nil); err != nil {
		t.Fatal(err)
	}
	applied, err := l.client(t, "admin").CoreV1().ConfigMaps("default").Get(ctx, "applied", metav1.GetOptions{})
	if err != nil || applied.Data["a"] != "b" {
		t.Errorf("what was applied holds %v, %v", applied.Data, err)
	}
}

// playKubelets says that the nodes are ready, and ends the pods on them that
// are to go.
func (l *lab) playKubelets(ctx context.Context, client kubernetes.Interface) {
	play := func(ctx context.Context) {
		// What is gone, or changed by somebody else, has its turn next time.
		ours := metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=diorama"}
		nodes, err := client.CoreV1().Nodes().List(ctx, ours)
		if err != nil {
			return
		}
		for i := range nodes.Items {
			nodes.Items[i].Status.Conditions = readyNode().Status.Conditions
			_, _ = client.CoreV1().Nodes().UpdateStatus(ctx, &nodes.Items[i], metav1.UpdateOptions{})
		}
		pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return
		}
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp != nil {
				_ = client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
			}
		}
	}
	wait.Every(ctx, 200*time.Millisecond, play)
}

// checkQuotas: without a status they would let no pod in.
func (l *lab) checkQuotas(ctx context.Context, t *testing.T) {
	quotas, err := l.client(t, "admin").CoreV1().ResourceQuotas("").List(ctx, metav1.ListOptions{})
	if err != nil || len(quotas.Items) == 0 {
		t.Fatalf("there are %d quotas, %v", len(quotas.Items), err)
	}
	for _, quota := range quotas.Items {
		if len(quota.Status.Hard) == 0 {
			t.Errorf("the quota %s/%s has no status", quota.Namespace, quota.Name)
		}
	}
}

// testRefusals: what the server refuses for good ends at once, and is reported once.
func (l *lab) testRefusals(t *testing.T) {
	group := corev1.Resource("nodes")
	for name, refusal := range map[string]*apierrors.StatusError{
		"forbidden":      apierrors.NewForbidden(group, "it", errors.New("no rights")),
		"quota exceeded": apierrors.NewForbidden(group, "it", errors.New("exceeded quota: team")),
		"invalid":        apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Node").GroupKind(), "it", nil),
	} {
		way := &faulty{of: func(int) fault {
			return func(sending) (*http.Response, error) { return answer(refusal.ErrStatus) }
		}}
		config := way.through(l.config(t, "admin"))
		report := func(text string) { t.Errorf("%s: it says %q", name, text) }
		for what, err := range map[string]error{
			"Bootstrap":   Bootstrap(t.Context(), config, report),
			"ApplyStages": nodes.ApplyStages(t.Context(), config, nil, report),
			"Scale":       nodes.Scale(t.Context(), config, nodes.Fleet{Nodes: 2}, nodes.Workloads{Pods: 2}, nodes.Observer{}),
		} {
			if err == nil || apierrors.ReasonForError(err) != refusal.ErrStatus.Reason {
				t.Errorf("%s: %s ends with %v", name, what, err)
			}
		}
		// Those that are under way at once: one for Bootstrap, each stage, each node.
		if most := 1 + 24 + 2; way.writes > most {
			t.Errorf("%s: %d writes were tried, want at most %d", name, way.writes, most)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Bootstrap(canceled, l.config(t, "admin"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("without time it ends with %v", fmt.Sprint(err))
	}
}
