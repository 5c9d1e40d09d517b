package k3d

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/k3d-io/k3d/v5/pkg/types"
)

func example() Cluster {
	return Cluster{
		Name: "lab", Servers: 3, Agents: 2, Image: "k3s:1", Network: "diorama-lab", APIPort: 6443,
		Labels: map[string]string{"owner": "me"}, Mounts: []string{"/a:/b:ro"},
	}
}

func TestToK3d(t *testing.T) {
	cluster, options := example().toK3d()
	want := []string{"k3d-lab-server-0", "k3d-lab-server-1", "k3d-lab-server-2", "k3d-lab-agent-0", "k3d-lab-agent-1"}
	if got := example().NodeNames(); !slices.Equal(got, want) {
		t.Errorf("nodes are %q, want %q", got, want)
	}
	for _, node := range cluster.Nodes {
		if node.Image != "k3s:1" || !slices.Equal(node.Volumes, []string{"/a:/b:ro"}) {
			t.Errorf("%s is %+v", node.Name, node)
		}
	}
	// Each node gets its own list: k3d appends to it.
	cluster.Nodes[0].Volumes[0] = "changed"
	if cluster.Nodes[1].Volumes[0] != "/a:/b:ro" {
		t.Error("the nodes share their mounts")
	}
	if cluster.InitNode != cluster.Nodes[0] || !cluster.Nodes[0].ServerOpts.IsInit || cluster.Nodes[1].ServerOpts.IsInit {
		t.Errorf("the first of several servers is to begin: %+v", cluster.InitNode)
	}
	if b := cluster.KubeAPI.Binding; b.HostIP != "127.0.0.1" || b.HostPort != "6443" {
		t.Errorf("the API is published on %+v", b)
	}
	if !cluster.Network.External || !options.DisableLoadBalancer || !options.DisableImageVolume {
		t.Errorf("k3d makes more than nodes: %+v, %+v", cluster.Network, options)
	}
	if options.GlobalLabels["owner"] != "me" || options.GlobalLabels["app"] != "k3d" {
		t.Errorf("labels are %v", options.GlobalLabels)
	}
	if _, changed := types.DefaultRuntimeLabels["owner"]; changed {
		t.Error("k3d's own labels were changed")
	}
}

// What k3d has left of other clusters is theirs.
func TestRemoveTemporary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name, node := range map[string]string{
		"k3d-hostsfile-1": "k3d-lab-server-0", "k3d-hostsfile-2": "k3d-lab-server-00", "other-3": "k3d-lab-server-0",
	} {
		hosts := "127.0.0.1\tlocalhost\n172.18.0.2\t" + node + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(hosts), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveTemporary(example()); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "k3d-hostsfile-2"), filepath.Join(dir, "other-3")}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// One server needs no etcd of its own.
func TestOneServer(t *testing.T) {
	c := example()
	c.Servers, c.Agents = 1, 0
	if cluster, _ := c.toK3d(); cluster.InitNode != nil || len(cluster.Nodes) != 1 {
		t.Errorf("the cluster is %+v", cluster)
	}
}
