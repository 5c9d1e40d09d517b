//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/k3d"
)

// TestK3dCluster drives k3d's library against the engine, with nodes of the
// stand-in image.
func TestK3dCluster(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	e.nodes()
	t.Setenv("TMPDIR", t.TempDir())
	for _, size := range []struct{ servers, agents int }{{1, 0}, {3, 1}} {
		t.Run(fmt.Sprintf("%d servers, %d agents", size.servers, size.agents), func(t *testing.T) {
			cluster := k3d.Cluster{
				Name: "e2e-library", Servers: size.servers, Agents: size.agents, Image: nodeImage,
				Network: "diorama-e2e-library", APIPort: freePort(t),
				Mounts: []string{t.TempDir() + ":/etc/diorama/lgtm:ro"},
			}
			createK3d(t, cluster)
			config, err := k3d.Kubeconfig(t.Context(), cluster.Name)
			if err != nil {
				t.Fatal(err)
			}
			if config.CurrentContext != "k3d-e2e-library" {
				t.Errorf("the context is %q", config.CurrentContext)
			}
			if err := clientcmd.WriteToFile(*config, filepath.Join(l.home, "kubeconfig")); err != nil {
				t.Fatal(err)
			}
			want := cluster.NodeNames()
			slices.Sort(want)
			eventually(t, "the nodes are ready", func() error {
				if nodes := l.readyNodes(); !slices.Equal(nodes, want) {
					return fmt.Errorf("ready are %q, want %q", nodes, want)
				}
				return nil
			})
			if left, err := filepath.Glob(filepath.Join(os.TempDir(), "k3d-*")); err != nil || len(left) > 0 {
				t.Errorf("k3d has left %q: %v", left, err)
			}
		})
	}
}

// createK3d makes a cluster and its network for the time of a test.
func createK3d(t *testing.T, cluster k3d.Cluster) {
	t.Helper()
	engine, err := docker.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owner := docker.Owner{Environment: cluster.Name, Folder: t.TempDir()}
	t.Cleanup(func() {
		if err := engine.RemoveAll(context.Background(), owner, false); err != nil {
			t.Error(err)
		}
		_ = engine.Close()
	})
	cluster.Labels = owner.Labels()
	if _, err := engine.CreateNetwork(t.Context(), owner, cluster.Network); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	began := time.Now()
	if err := k3d.Create(t.Context(), cluster, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	t.Logf("created in %s", time.Since(began).Round(100*time.Millisecond))
}

// readyNodes asks kubectl for the names of the nodes that are ready, sorted.
func (l *lab) readyNodes() []string {
	l.t.Helper()
	var nodes corev1.NodeList
	l.kubectlInto(&nodes, "get", "nodes")
	var ready []string
	for _, node := range nodes.Items {
		if slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		}) {
			ready = append(ready, node.Name)
		}
	}
	slices.Sort(ready)
	return ready
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
