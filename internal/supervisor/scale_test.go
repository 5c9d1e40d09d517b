package supervisor

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/control"
)

// refusingCluster makes an API server the lab's cluster. It refuses everything, once
// release is closed. A request that is given up meanwhile closes the returned channel.
func (l *lab) refusingCluster(t *testing.T, asked chan<- struct{}, release <-chan struct{}) <-chan struct{} {
	t.Helper()
	var first, last sync.Once
	givenUp := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.Do(func() { close(asked) })
		select {
		case <-release:
			http.Error(w, "not you", http.StatusForbidden)
		case <-r.Context().Done():
			last.Do(func() { close(givenUp) })
		}
	}))
	t.Cleanup(server.Close)
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server.URL}
	config.Contexts["x"], config.CurrentContext = &clientcmdapi.Context{Cluster: "c"}, "x"
	l.plan.Cluster.Kubeconfig = filepath.Join(l.folder.Path, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, l.plan.Cluster.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	return givenUp
}

func nothing(control.Progress) {}

// A new size is remembered before it is reached: what goes on after a crash goes on
// towards it. Two changes do not cross.
func TestScaleRemembersTheSize(t *testing.T) {
	l := newLab(t)
	asked, release := make(chan struct{}), make(chan struct{})
	l.refusingCluster(t, asked, release)
	client := l.up(t).ready(t)
	ended := make(chan error, 1)
	go func() { ended <- client.Scale(t.Context(), 3, 6, nothing) }()
	<-asked
	if got := l.record(t).Environment.Cluster; got.Nodes != 3 || got.Pods != 6 {
		t.Errorf("while it scales the record has %+v", got)
	}
	status, err := client.Status(t.Context())
	if err != nil || status.Cluster.Nodes.Desired != 3 || status.Cluster.Pods.Desired != 6 {
		t.Errorf("while it scales the status is %+v, %v", status.Cluster, err)
	}
	err = client.Scale(t.Context(), 4, 8, nothing)
	if err == nil || !strings.Contains(err.Error(), "another change of size is under way") {
		t.Errorf("a second change: %v", err)
	}
	close(release)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "not you") {
		t.Errorf("of a cluster that refuses: %v", err)
	}
	if got := l.record(t).Environment.Cluster; got.Nodes != 3 {
		t.Errorf("afterwards the record has %+v", got)
	}
}

// What cannot be tried is not remembered.
func TestScaleIsRefused(t *testing.T) {
	size := v1alpha1.Default().Cluster
	for name, test := range map[string]struct {
		spoil       func(l *lab)
		nodes, pods int
		want        string
	}{
		"a size that is fixed": {
			func(l *lab) { l.plan.Cluster.Fixed = "its nodes are real" }, 3, 6, "its nodes are real",
		},
		"no size":                     {func(*lab) {}, 0, 6, "cluster.nodes is 0"},
		"more pods than fit":          {func(*lab) {}, 1, 5000, "5000"},
		"a cluster that is not there": {func(*lab) {}, 3, 6, "reading the administrator's kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.plan.Cluster.Kubeconfig = filepath.Join(l.folder.Path, "none")
			test.spoil(l)
			client := l.up(t).ready(t)
			err := client.Scale(t.Context(), test.nodes, test.pods, nothing)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, want %q", err, test.want)
			}
			if got := l.record(t).Environment.Cluster; got.Nodes != size.Nodes || got.Pods != size.Pods {
				t.Errorf("the record has %+v", got)
			}
		})
	}
}

// A size that cannot be written down is not gone for.
func TestScaleThatCannotBeRemembered(t *testing.T) {
	l := newLab(t)
	asked, release := make(chan struct{}), make(chan struct{})
	close(release)
	l.refusingCluster(t, asked, release)
	client := l.up(t).ready(t)
	file := filepath.Join(l.folder.Path, "state.json")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(file, "occupied"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := client.Scale(t.Context(), 3, 6, nothing)
	if err == nil || !strings.Contains(err.Error(), "state.json") {
		t.Errorf("it says %v", err)
	}
	select {
	case <-asked:
		t.Error("the cluster is asked")
	default:
	}
}

// A change of size ends with the environment.
func TestScaleEndsWithTheEnvironment(t *testing.T) {
	l := newLab(t)
	asked, release := make(chan struct{}), make(chan struct{})
	givenUp := l.refusingCluster(t, asked, release)
	r := l.up(t)
	client := r.ready(t)
	ended := make(chan error, 1)
	go func() { ended <- client.Scale(t.Context(), 3, 6, nothing) }()
	<-asked
	stop(t, r, false)
	select {
	case <-givenUp:
	case <-time.After(time.Minute):
		t.Error("the cluster is still asked")
	}
	close(release)
	if err := r.wait(t); err != nil || !l.removed() {
		t.Errorf("the supervisor ended with %v; the folder is gone: %t", err, l.removed())
	}
	if err := <-ended; err == nil {
		t.Error("it says nothing")
	}
}
