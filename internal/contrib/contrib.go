// Package contrib is the OpenTelemetry Collector's contrib image as it watches a
// simulated cluster from a container: its configuration, what it is given to reach
// this machine, and how it follows the nodes.
package contrib

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/state"
)

// The names of the containers in their network.
const (
	Name       = "collector"
	StatsProxy = "stats-proxy"
)

// given is where containers have what they are given.
const given = "/etc/diorama"

// Ports that the containers listen on, each on its own address.
const (
	healthPort       = 13133
	selfMetricsPort  = 8888
	kubeletProxyPort = 10250
)

// Collector is the collector in a container, and what lets it, and the kubelet API
// if that is one too, reach this machine.
type Collector struct {
	Environment v1alpha1.Environment
	Folder      state.Folder
	Shared      *containers.Shared
	Cluster     *cluster.Cluster
	// Health and SelfMetrics are the ports of this machine for the collector's.
	Health, SelfMetrics int

	// apiPort and kubeletPort are where containers reach the Kubernetes API and the
	// kubelet API of this machine, once the gateway is open; 0 if what they ask is
	// elsewhere.
	apiPort, kubeletPort int
	// delivered tells that the collector can be there: before, it reads what is written
	// when it starts.
	delivered atomic.Bool
	// unread tells that the collector could not be asked to read its configuration.
	unread atomic.Bool
}

// Own is the path of a configuration of the user's, "" for diorama's.
func (c *Collector) Own() string { return c.Environment.Telemetry.Collectors.Cluster }

// CheckOwn says what is wrong with a configuration of the user's, as far as that can
// be known without the image, which alone knows its components.
func (c *Collector) CheckOwn() error {
	if c.Own() == "" {
		return nil
	}
	return collector.CheckStructure(c.Own())
}

// Proxied tells that the kubelet API is a container.
func (c *Collector) Proxied() bool { return c.Environment.Images.StatsProxy != "" }

// Config renders the collector's configuration for the nodes that are planned;
// those of a cluster that is not ours are found when it starts.
func (c *Collector) Config() (string, error) {
	var names []string
	if !c.Cluster.Foreign {
		names = nodes.Fleet{Nodes: c.Environment.Cluster.Nodes}.Names()
	}
	return c.render(c.Environment.Ports.Kubelet, names)
}

// ConfigFile is the path of the collector's configuration.
func ConfigFile(folder state.Folder) string { return filepath.Join(dirOf(folder, Name), "config.yaml") }

// dirOf is the folder of this machine that a container sees as given.
func dirOf(folder state.Folder, name string) string { return filepath.Join(folder.ConfigDir(), name) }

// render writes the configuration of the collector, which reaches the kubelet API
// of this machine at a port of its network's gateway.
func (c *Collector) render(kubeletPort int, nodes []string) (string, error) {
	kubelet := fmt.Sprintf("https://%s:%d", docker.HostName, kubeletPort)
	if c.Proxied() {
		kubelet = fmt.Sprintf("https://%s:%d", StatsProxy, kubeletProxyPort)
	}
	env, everywhere := c.Environment, func(port int) string { return fmt.Sprintf("0.0.0.0:%d", port) }
	return collector.ContainerConfig(collector.Options{
		Kubeconfig: given + "/kubeconfig", ClusterName: env.Name, Image: env.Images.Collector,
		BackendURL:      lgtm.OTLP(),
		KubeletEndpoint: kubelet, KubeletCA: given + "/ca.crt",
		ClientCert: given + "/client.crt", ClientKey: given + "/client.key",
		Interval: time.Duration(env.Telemetry.Interval),
		OTLPGRPC: everywhere(lgtm.OTLPGRPCPort), OTLPHTTP: everywhere(lgtm.OTLPHTTPPort),
		Health: everywhere(healthPort), SelfMetrics: everywhere(selfMetricsPort), Nodes: nodes,
	})
}

// OpenGateway forwards from the network's gateway to the Kubernetes API and the
// kubelet API, as far as they are on this machine.
func (c *Collector) OpenGateway(ctx context.Context) error {
	config, err := c.Cluster.Client("admin")
	if err != nil {
		return err
	}
	api, err := kubeconfig.LocalServer(ctx, config, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return err
	}
	var targets []containers.Target
	var ports []*int
	if api != "" {
		targets, ports = append(targets, containers.Target{Address: api}), append(ports, &c.apiPort)
	}
	if !c.Proxied() {
		// A configuration of the user's names the port.
		kubelets := loopback.Address(c.Environment.Ports.Kubelet)
		targets = append(targets, containers.Target{Address: kubelets, SamePort: c.Own() != ""})
		ports = append(ports, &c.kubeletPort)
	}
	open, err := c.Shared.Gateway.Open(c.Shared.Network, targets...)
	for i, port := range open {
		*ports[i] = port
	}
	return err
}

// WriteCredentials writes a kubeconfig and certificates for the containers, once
// the gateway is open and the kubelets have made theirs.
func (c *Collector) WriteCredentials(ctx context.Context) error {
	err := errors.Join(c.writeCollectorFiles(ctx), c.writeStatsProxyFiles())
	c.delivered.Store(err == nil)
	return err
}

// Container is the collector's. It reads credentials that only the user may read.
func (c *Collector) Container() docker.Spec {
	return docker.Spec{
		Image: c.Environment.Images.Collector, AsUser: true,
		Args:   []string{"--config=" + given + "/config.yaml"},
		Env:    []string{"KUBECONFIG=" + given + "/kubeconfig"},
		Mounts: []docker.Mount{{Source: dirOf(c.Folder, Name), Target: given, ReadOnly: true}},
		Ports: []docker.Port{
			{Host: c.Health, Container: healthPort}, {Host: c.SelfMetrics, Container: selfMetricsPort},
		},
	}
}

// StatsProxyContainer is the kubelet API in a container of diorama's own image.
func (c *Collector) StatsProxyContainer() docker.Spec {
	return docker.Spec{
		Image: c.Environment.Images.StatsProxy, AsUser: true,
		Args: []string{
			"stats-proxy", "--kubeconfig=" + given + "/kubeconfig",
			fmt.Sprintf("--listen=0.0.0.0:%d", kubeletProxyPort),
			"--serving-ca-cert=" + given + "/serving-ca.crt", "--serving-ca-key=" + given + "/serving-ca.key",
			"--client-ca=" + given + "/client-ca.crt", "--serving-name=" + StatsProxy,
			fmt.Sprintf("--seed=%d", c.Environment.Telemetry.Seed),
		},
		Mounts: []docker.Mount{{Source: dirOf(c.Folder, StatsProxy), Target: given, ReadOnly: true}},
	}
}

func (c *Collector) writeCollectorFiles(ctx context.Context) error {
	access, dir := c.Cluster.Access, dirOf(c.Folder, Name)
	if err := errors.Join(
		c.writeKubeconfig(dir, "collector"),
		copyPrivate(access.KubeletCA.Certificate, filepath.Join(dir, "ca.crt")),
		copyPrivate(access.KubeletClient.Certificate, filepath.Join(dir, "client.crt")),
		copyPrivate(access.KubeletClient.Key, filepath.Join(dir, "client.key")),
	); err != nil {
		return err
	}
	if c.Own() != "" {
		return copyPrivate(c.Own(), ConfigFile(c.Folder))
	}
	if !c.Cluster.Foreign {
		return c.configure(nodes.Fleet{Nodes: c.Environment.Cluster.Nodes}.Names())
	}
	names, err := c.Cluster.Simulated(ctx)
	if err != nil {
		return err
	}
	return c.configure(names)
}

func (c *Collector) writeStatsProxyFiles() error {
	if !c.Proxied() {
		return nil
	}
	access, dir := c.Cluster.Access, dirOf(c.Folder, StatsProxy)
	return errors.Join(
		c.writeKubeconfig(dir, "kubelet"),
		copyPrivate(access.KubeletCA.Certificate, filepath.Join(dir, "serving-ca.crt")),
		copyPrivate(access.KubeletCA.Key, filepath.Join(dir, "serving-ca.key")),
		copyPrivate(access.ClientCA, filepath.Join(dir, "client-ca.crt")),
	)
}

// writeKubeconfig writes that of one of the cluster's clients as containers reach
// the cluster.
func (c *Collector) writeKubeconfig(dir, client string) error {
	config, err := c.Cluster.Client(client)
	if err != nil {
		return err
	}
	// An API server that is elsewhere is asked as it is.
	if c.apiPort != 0 {
		// Our own API server's certificate names docker.HostName.
		if config, err = kubeconfig.Moved(config, docker.HostName, c.apiPort, c.Cluster.Foreign); err != nil {
			return err
		}
	}
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the containers' kubeconfig: %w", err)
	}
	return state.WriteConfig(filepath.Join(dir, "kubeconfig"), data)
}

// copyPrivate copies a file; the copy is for the user alone.
func copyPrivate(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copying a file for a container: %w", err)
	}
	return state.WriteConfig(to, data)
}

// configure writes the collector's configuration for nodes of these names.
func (c *Collector) configure(names []string) error {
	text, err := c.render(c.kubeletPort, names)
	if err != nil {
		return err
	}
	return state.WriteConfig(ConfigFile(c.Folder), []byte(text))
}

// Reconfigure makes the collector follow a change of the nodes, and waits until it
// has; a configuration of the user's is left alone.
func (c *Collector) Reconfigure(ctx context.Context) error {
	if c.Own() != "" || !c.delivered.Load() {
		return nil
	}
	names, err := c.Cluster.Simulated(ctx)
	if err != nil {
		return err
	}
	path := ConfigFile(c.Folder)
	before, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the collector's configuration: %w", err)
	}
	if err := c.configure(names); err != nil {
		return err
	}
	after, err := os.ReadFile(path)
	if err != nil || bytes.Equal(before, after) && !c.unread.Load() {
		return err
	}
	asked := time.Now()
	err = c.Shared.Signal(ctx, c.Shared.Name+"-"+Name, "HUP")
	c.unread.Store(err != nil)
	if err != nil {
		return err
	}
	// What runs with the new configuration began after it was asked to.
	again := func(h collector.Health) bool {
		return h.UptimeSeconds > 0 && h.UptimeSeconds < time.Since(asked).Seconds()
	}
	collector.Await(ctx, "read its configuration again", loopback.HTTP(c.SelfMetrics, "/metrics"), again)
	return nil
}
