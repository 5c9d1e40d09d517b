// Package k3d makes clusters of k3s nodes in containers with k3d's library.
//
// Of k3d's own helpers it uses none: no load balancer, for the API is
// published by the first server itself; no tools container, for images are
// streamed into the nodes; no volume for images. So a cluster is made of its
// nodes alone, and every one has the labels that it is to be removed by.
package k3d

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-connections/nat"
	"github.com/k3d-io/k3d/v5/pkg/client"
	"github.com/k3d-io/k3d/v5/pkg/logger"
	"github.com/k3d-io/k3d/v5/pkg/runtimes"
	"github.com/k3d-io/k3d/v5/pkg/types"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Cluster says what a cluster is made of.
type Cluster struct {
	// Name is k3d's: containers are k3d-NAME-server-0 and so on.
	Name            string
	Servers, Agents int
	Image           string
	// Network is the name of a Docker network that is there already.
	Network string
	// APIPort is where the Kubernetes API is published on 127.0.0.1.
	APIPort int
	// Labels are given to every container.
	Labels map[string]string
	// Mounts are folders that every node sees, as HOST:NODE:ro.
	Mounts []string
}

// Create makes the containers of a cluster and starts them, and returns when
// k3s says on each that it runs. What k3d says goes to log. After an error
// containers may be left: they have the labels.
func Create(ctx context.Context, c Cluster, log io.Writer) error {
	return errors.Join(create(ctx, c, log), RemoveTemporary(c))
}

func create(ctx context.Context, c Cluster, log io.Writer) error {
	logger.Log().SetOutput(log)
	runtime := runtimes.Docker
	cluster, options := c.toK3d()
	network, err := runtime.GetNetwork(ctx, &cluster.Network)
	if err != nil {
		return fmt.Errorf("looking for the network %s: %w", c.Network, err)
	}
	network.External = true
	cluster.Network = *network
	options.GlobalLabels[types.LabelNetworkID] = network.ID
	if err := client.ClusterCreate(ctx, runtime, cluster, options); err != nil {
		return fmt.Errorf("making the nodes of the cluster %s: %w", c.Name, err)
	}
	info, err := runtime.Info()
	if err != nil {
		return fmt.Errorf("asking Docker about itself: %w", err)
	}
	gateway, err := runtime.GetHostIP(ctx, c.Network)
	if err != nil {
		return fmt.Errorf("looking for the gateway of the network %s: %w", c.Network, err)
	}
	err = client.ClusterStart(ctx, runtime, cluster, types.ClusterStartOpts{
		WaitForServer: true, Intent: types.IntentClusterCreate,
		EnvironmentInfo: &types.EnvironmentInfo{HostGateway: gateway, RuntimeInfo: *info},
	})
	if err != nil {
		return fmt.Errorf("starting the nodes of the cluster %s: %w", c.Name, err)
	}
	return nil
}

// RemoveTemporary removes what k3d's library leaves in the folder for temporary
// files: a copy of each node's /etc/hosts, which has the node's name in it.
// Create does so itself, unless its process is killed.
func RemoveTemporary(c Cluster) error {
	// The pattern has no mistake that Glob could tell of.
	paths, _ := filepath.Glob(filepath.Join(os.TempDir(), "k3d-hostsfile-*"))
	var problems []error
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // somebody else's, or gone
		}
		words := strings.Fields(string(text))
		if !slices.ContainsFunc(c.NodeNames(), func(name string) bool { return slices.Contains(words, name) }) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("removing a file that k3d has left: %w", err))
		}
	}
	return errors.Join(problems...)
}

// toK3d puts a cluster into k3d's terms.
func (c Cluster) toK3d() (*types.Cluster, *types.ClusterCreateOpts) {
	binding := nat.PortBinding{HostIP: "127.0.0.1", HostPort: strconv.Itoa(c.APIPort)}
	cluster := &types.Cluster{
		Name:    c.Name,
		Network: types.ClusterNetwork{Name: c.Network, External: true},
		KubeAPI: &types.ExposureOpts{
			Host: "127.0.0.1", PortMapping: nat.PortMapping{Port: types.DefaultAPIPort, Binding: binding},
		},
	}
	for i := range c.Servers {
		node := c.node(types.ServerRole, i)
		// Of k3s' own extras, those that open ports to the outside are left out.
		node.Args = append(node.Args, "--disable=traefik", "--disable=servicelb")
		if i == 0 && c.Servers > 1 {
			node.ServerOpts.IsInit = true
			cluster.InitNode = node
		}
		cluster.Nodes = append(cluster.Nodes, node)
	}
	for i := range c.Agents {
		cluster.Nodes = append(cluster.Nodes, c.node(types.AgentRole, i))
	}
	labels := maps.Clone(types.DefaultRuntimeLabels)
	maps.Copy(labels, c.Labels)
	labels[types.LabelNetwork], labels[types.LabelNetworkExternal] = c.Network, "true"
	return cluster, &types.ClusterCreateOpts{
		WaitForServer: true, DisableLoadBalancer: true, DisableImageVolume: true, GlobalLabels: labels,
	}
}

func (c Cluster) node(role types.Role, number int) *types.Node {
	return &types.Node{
		Name: client.GenerateNodeName(c.Name, role, number), Role: role, Image: c.Image,
		Volumes: append([]string(nil), c.Mounts...),
		// The disk is this machine's: where it is 85 % full, kubelets would remove
		// the images that were copied into the nodes and that no registry has.
		Args: []string{"--kubelet-arg=image-gc-high-threshold=100"},
	}
}

// NodeNames are the names of the containers of a cluster.
func (c Cluster) NodeNames() []string {
	cluster, _ := c.toK3d()
	var names []string
	for _, node := range cluster.Nodes {
		names = append(names, node.Name)
	}
	return names
}

// Kubeconfig reads the administrator's kubeconfig of a cluster that runs. Its
// context is k3d-NAME.
func Kubeconfig(ctx context.Context, name string) (*api.Config, error) {
	config, err := client.KubeconfigGet(ctx, runtimes.Docker, &types.Cluster{Name: name})
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of the cluster %s: %w", name, err)
	}
	return config, nil
}
