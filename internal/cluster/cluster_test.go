package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/controlplane/controlplanetest"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

func TestMain(m *testing.M) {
	controlplanetest.Main(m, controlplane.Program{Name: "kwok", Run: func(ctx context.Context, args []string) error {
		return nodes.RunKwok(ctx, nodes.KwokOptions{Kubeconfig: args[0], HealthAddress: args[1]})
	}})
}

func quiet(string) {}

// startCluster starts a control plane with simulated kubelets and no nodes.
func startCluster(t *testing.T) (controlplane.Options, *rest.Config) {
	t.Helper()
	o := controlplanetest.Start(t)
	config, err := Own(o).Config()
	if err != nil {
		t.Fatal(err)
	}
	if err := controlplane.Bootstrap(t.Context(), config, quiet); err != nil {
		t.Fatal(err)
	}
	if err := nodes.ApplyStages(t.Context(), config, nil, quiet); err != nil {
		t.Fatal(err)
	}
	health := fmt.Sprintf("127.0.0.1:%d", controlplanetest.Ports(t, 1)[0])
	controlplanetest.Run(t, o.Dir, "kube-controller-manager", o.ControllerManagerArgs(), o.ProbeControllerManager)
	controlplanetest.Run(t, o.Dir, "kube-scheduler", o.SchedulerArgs(), o.ProbeScheduler)
	controlplanetest.Run(t, o.Dir, "kwok", []string{o.Kubeconfig("kwok"), health}, func(ctx context.Context) error {
		return controlplane.Probe(ctx, http.DefaultClient, "http://"+health+"/healthz")
	})
	return o, config
}

// A cluster of ours, asked and changed while it runs.
func TestCluster(t *testing.T) {
	o, config := startCluster(t)
	t.Run("it can be reached", func(t *testing.T) { canBeReached(t, o) })
	ctx, cancel := context.WithTimeout(t.Context(), waittest.Patience)
	defer cancel()
	c := &Cluster{Access: Own(o)}
	size := v1alpha1.Cluster{Nodes: 2, Pods: 3}
	// Nothing waits for what nobody counts.
	if err := c.Resize(ctx, config, size, quiet); err == nil || !strings.Contains(err.Error(), "is going down") {
		t.Errorf("the size of a cluster that is not counted changes: %v", err)
	}
	if err := c.Count(config); err != nil {
		t.Fatal(err)
	}
	defer c.EndCounting()
	var reported []string
	if err := c.Resize(ctx, config, size, func(text string) { reported = append(reported, text) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(reported, "pods running 3/3") {
		t.Errorf("reported is %q", reported)
	}
	want := control.ClusterStatus{
		Nodes: control.NodeCounts{Ready: 2, Desired: 2}, Pods: control.PodCounts{Running: 3, Desired: 3},
	}
	status := c.Status(size)
	if status.DaemonPods == 0 || status.Nodes != want.Nodes || status.Pods != want.Pods {
		t.Errorf("there is %+v, want %+v and daemon pods", status, want)
	}
	t.Run("it is scaled", func(t *testing.T) { isScaled(ctx, t, c) })
	t.Run("it refuses", func(t *testing.T) { refusesScaling(ctx, t, c) })
	t.Run("others count it too", func(t *testing.T) { countsOthers(ctx, t, c.Access, config) })
	t.Run("it is not there", func(t *testing.T) { isNotThere(t, o) })
	c.EndCounting()
	c.EndCounting()
	if status := c.Status(size); status.Nodes.Ready != 0 || status.Nodes.Desired != 2 {
		t.Errorf("it counts on: %+v", status)
	}
}

func canBeReached(t *testing.T, o controlplane.Options) {
	given := Given(state.Folder{Name: "given", Path: t.TempDir()})
	config, err := Own(o).Client("admin")
	if err != nil {
		t.Fatal(err)
	}
	if err := given.Write(config); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(given.Kubeconfig); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy of the user's credentials is %v, %v", info.Mode(), err)
	}
	for _, access := range []Access{Own(o), given} {
		if err := access.Probe(t.Context()); err != nil {
			t.Error(err)
		}
	}
	// Of a cluster that is not ours there is one client, whoever asks.
	again, err := given.Client("collector")
	if err != nil || again.CurrentContext != config.CurrentContext {
		t.Errorf("the collector is given %v, %v", again, err)
	}
	t.Setenv("KUBECONFIG", given.Kubeconfig)
	if err := CheckContext(t.Context(), config.CurrentContext); err != nil {
		t.Error(err)
	}
}

// isScaled holds the order: the size is written down, the nodes that go are
// announced while they are there, and those that stay when all is done.
func isScaled(ctx context.Context, t *testing.T, c *Cluster) {
	var happened []string
	here := func(ctx context.Context, what string) error {
		names, err := c.Simulated(ctx)
		happened = append(happened, fmt.Sprintf("%s: %d", what, len(names)))
		return err
	}
	c.Leaving = func(ctx context.Context, leaving []string) error {
		return here(ctx, "leaving "+strings.Join(leaving, ","))
	}
	c.Resized = func(ctx context.Context) error { return here(ctx, "resized") }
	defer func() { c.Leaving, c.Resized = nil, nil }()
	last := nodes.Fleet{Nodes: 2}.Names()[1]
	size := v1alpha1.Cluster{Nodes: 1, Pods: 2}
	if err := c.Scale(ctx, size, func() error { return here(ctx, "remember") }, quiet); err != nil {
		t.Fatal(err)
	}
	// A node that goes is none of the simulated ones any more.
	if want := []string{"remember: 2", "leaving " + last + ": 1", "resized: 1"}; !slices.Equal(happened, want) {
		t.Errorf("happened has %q, want %q", happened, want)
	}
	if status := c.Status(size); status.Nodes.Ready != 1 || status.Pods.Running != 2 {
		t.Errorf("there is %+v", status)
	}
	unwilling := errors.New("the collectors do not follow")
	c.Resized = func(context.Context) error { return unwilling }
	if err := c.Scale(ctx, size, func() error { return nil }, quiet); !errors.Is(err, unwilling) {
		t.Errorf("it does not say that %v, but %v", unwilling, err)
	}
}

// refusesScaling holds that nothing is remembered of a size that cannot be, and
// that nothing changes that is not remembered.
func refusesScaling(ctx context.Context, t *testing.T, c *Cluster) {
	for want, size := range map[string]v1alpha1.Cluster{
		"reading the pod template":      {Nodes: 1, Pods: 1, PodTemplate: "/there/is/none.yaml"},
		"at most 49 pods fit on 1 node": {Nodes: 1, Pods: 1000},
	} {
		remember := func() error { t.Errorf("%+v is remembered", size); return nil }
		if err := c.Scale(ctx, size, remember, quiet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	full := errors.New("the disk is full")
	if err := c.Scale(ctx, v1alpha1.Cluster{Nodes: 5}, func() error { return full }, quiet); !errors.Is(err, full) {
		t.Errorf("what cannot be remembered: %v", err)
	}
	// One change at a time.
	err := c.Scale(ctx, v1alpha1.Cluster{Nodes: 1, Pods: 2}, func() error {
		return c.Scale(ctx, v1alpha1.Cluster{Nodes: 7}, func() error { return nil }, quiet)
	}, quiet)
	if err == nil || !strings.Contains(err.Error(), "another change of size is under way") {
		t.Errorf("two changes at once: %v", err)
	}
	if names, err := c.Simulated(ctx); len(names) != 1 || err != nil {
		t.Errorf("there are %q, %v", names, err)
	}
}

// countsOthers holds that of a cluster of somebody else's all that is there is
// wanted, whoever made it.
func countsOthers(ctx context.Context, t *testing.T, access Access, config *rest.Config) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	theirs := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}}
	if _, err := client.CoreV1().Nodes().Create(ctx, theirs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c := &Cluster{Access: access, Foreign: true}
	if err := c.Count(config); err != nil {
		t.Fatal(err)
	}
	defer c.EndCounting()
	waittest.Until(t, "the nodes and pods of others are wanted", func(context.Context) error {
		s := c.Status(v1alpha1.Cluster{Nodes: 50})
		if s.Nodes == (control.NodeCounts{Ready: 1, Desired: 2}) && s.Pods.Desired == 2 {
			return nil
		}
		return fmt.Errorf("there is %+v", s)
	})
	// Without a kubelet that is simulated nobody asks it.
	if names, err := c.Simulated(ctx); slices.Contains(names, "theirs") || len(names) != 1 || err != nil {
		t.Errorf("simulated are %q, %v", names, err)
	}
}

// isNotThere is about clusters that cannot be asked.
func isNotThere(t *testing.T, o controlplane.Options) {
	none := &Cluster{Access: Given(state.Folder{Name: "none", Path: t.TempDir()})}
	remember := func() error { t.Error("it is remembered"); return nil }
	_, client := none.Client("admin")
	_, simulated := none.Simulated(t.Context())
	for what, err := range map[string]error{
		"a probe": none.Probe(t.Context()), "its nodes": simulated, "a client": client,
		"another size": none.Scale(t.Context(), v1alpha1.Cluster{Nodes: 1}, remember, quiet),
	} {
		if err == nil || !strings.Contains(err.Error(), "kubeconfig: ") || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s without a kubeconfig: %v", what, err)
		}
	}
	config, err := Own(o).Client("admin")
	if err != nil {
		t.Fatal(err)
	}
	config.Clusters[config.Contexts[config.CurrentContext].Cluster].Server = "https://127.0.0.1:1"
	if err := none.Write(config); err != nil {
		t.Fatal(err)
	}
	if err := none.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "asking the Kubernetes API: ") {
		t.Errorf("a probe of a cluster that does not run: %v", err)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Given(state.Folder{Path: path}).Write(config); err == nil {
		t.Error("a kubeconfig is written below a file")
	}
}

// What the API server would refuse late is refused early.
func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pod := write("pod.yaml",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: i:1}]}\n")
	service := write("service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")
	for _, c := range []struct {
		size v1alpha1.Cluster
		want string
	}{
		{v1alpha1.Cluster{Nodes: 1, Pods: 1}, ""},
		{v1alpha1.Cluster{Nodes: 1, Pods: 1, PodTemplate: pod}, ""},
		// Without simulated nodes nobody reads them.
		{v1alpha1.Cluster{Pods: 1000, PodTemplate: "/there/is/none", Stages: []string{"/there/is/none"}}, ""},
		{v1alpha1.Cluster{Nodes: 1, PodTemplate: "/there/is/none"}, "reading the pod template: open /there/is/none"},
		{v1alpha1.Cluster{Nodes: 1, Pods: 1, PodTemplate: service}, service},
		{v1alpha1.Cluster{Nodes: 1, Stages: []string{"/there/is/none"}}, "reading a stage file: open /there/is/none"},
		{v1alpha1.Cluster{Nodes: 1, Stages: []string{write("stage.yaml", "kind: [")}}, "stage.yaml"},
		{v1alpha1.Cluster{Nodes: 1, Pods: 1000}, "at most 49 pods fit on 1 node"},
		{v1alpha1.Cluster{Nodes: 1, Pods: 1000, Stages: []string{service}}, service},
	} {
		err := CheckFiles(c.size)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.size, err, c.want)
		}
	}
}
