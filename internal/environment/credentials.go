package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/nodes"
)

// prepareCredentials makes the cluster's, or copies those of a cluster that is
// there already.
func (r *recipe) prepareCredentials() error {
	name := r.plan.Environment.Cluster.KubeContext
	switch {
	case r.plan.K3d != nil:
		return nil // k3s makes its own
	case name == "":
		return controlplane.EnsureCredentials(r.control)
	}
	config, err := kubeconfig.Extract(name)
	if err != nil {
		return err
	}
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig: %w", err)
	}
	return writeConfig(contextKubeconfig(r.folder), data)
}

// versionLimit is how long an API server may take to say its version.
const versionLimit = 10 * time.Second

// checkContext says early that a context cannot be used: it is not there, lacks
// what containers need, or its cluster does not run.
func checkContext(ctx context.Context, name string) error {
	extracted, err := kubeconfig.Extract(name)
	if err != nil {
		return err
	}
	config, err := clientcmd.NewDefaultClientConfig(*extracted, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("reading the context %q: %w", name, err)
	}
	config.Timeout = versionLimit
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client for the context %q: %w", name, err)
	}
	if err := client.RESTClient().Get().AbsPath("/version").Do(ctx).Error(); err != nil {
		return fmt.Errorf("asking the cluster of the context %q for its version; does it run (`kwokctl start cluster`)? %w",
			name, err)
	}
	return nil
}

// clientConfig is the kubeconfig of one of the cluster's clients, such as
// collector. In a cluster that is not ours the user is all of them.
func (r *recipe) clientConfig(client string) (*clientcmdapi.Config, error) {
	if r.ownControlPlane() {
		return controlplane.ClientConfig(r.control, client)
	}
	config, err := clientcmd.LoadFromFile(contextKubeconfig(r.folder))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's kubeconfig: %w", err)
	}
	return config, nil
}

// kubeletPair names the certificates of the kubelet API: its CA's, and a
// client's.
func (r *recipe) kubeletPair() (ca, client string) {
	if r.ownControlPlane() {
		return "kubelet-ca", "collector"
	}
	return "ca", "client" // what the stats-proxy makes
}

// writeCredentials writes what lets the containers in, each into the folder
// that it sees.
func (r *recipe) writeCredentials(ctx context.Context) error {
	return errors.Join(r.writeCollectorFiles(ctx), r.writeStatsProxyFiles())
}

func (r *recipe) writeCollectorFiles(ctx context.Context) error {
	ca, client := r.kubeletPair()
	dir := containerDir(r.folder, collectorName)
	if err := errors.Join(
		r.writeContainerKubeconfig(dir, "collector"),
		copyPrivate(r.control.Certificate(ca), filepath.Join(dir, "ca.crt")),
		copyPrivate(r.control.Certificate(client), filepath.Join(dir, "client.crt")),
		copyPrivate(r.control.Key(client), filepath.Join(dir, "client.key")),
	); err != nil {
		return err
	}
	env := r.plan.Environment
	switch {
	case env.Telemetry.Collectors.Cluster != "":
		return copyPrivate(env.Telemetry.Collectors.Cluster, containerCollectorFile(r.folder))
	case env.Cluster.KubeContext != "":
		names, err := r.simulated(ctx)
		if err != nil {
			return err
		}
		return r.configureCollector(names)
	}
	return r.configureCollector(nodes.Fleet{Nodes: env.Cluster.Nodes}.Names())
}

func (r *recipe) writeStatsProxyFiles() error {
	if r.plan.Environment.Images.StatsProxy == "" {
		return nil
	}
	ca, _ := r.kubeletPair()
	dir := containerDir(r.folder, statsProxyName)
	return errors.Join(
		r.writeContainerKubeconfig(dir, "kubelet"),
		copyPrivate(r.control.Certificate(ca), filepath.Join(dir, "serving-ca.crt")),
		copyPrivate(r.control.Key(ca), filepath.Join(dir, "serving-ca.key")),
		// Both kinds of cluster have the clients' CA under this name.
		copyPrivate(r.control.Certificate("ca"), filepath.Join(dir, "client-ca.crt")),
	)
}

func (r *recipe) writeContainerKubeconfig(dir, client string) error {
	config, err := r.clientConfig(client)
	if err != nil {
		return err
	}
	// An API server that is elsewhere is asked as it is.
	if port := r.containers.apiPort; port != 0 {
		// Our own API server's certificate names docker.HostName.
		ours := r.plan.Environment.Cluster.KubeContext == ""
		if config, err = kubeconfig.Moved(config, docker.HostName, port, !ours); err != nil {
			return err
		}
	}
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the containers' kubeconfig: %w", err)
	}
	return writeConfig(filepath.Join(dir, "kubeconfig"), data)
}

// copyPrivate copies a file; the copy is for the user alone.
func copyPrivate(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copying a file for a container: %w", err)
	}
	return writeConfig(to, data)
}
