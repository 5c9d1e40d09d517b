package kinds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// inContainers is where containers have what they are given.
const inContainers = "/etc/diorama"

// Ports that the containers listen on, each on its own address.
const (
	healthPort       = 13133
	selfMetricsPort  = 8888
	kubeletProxyPort = 10250
)

// containerCollector is the collector in a container, and what lets it, and the
// kubelet API if that is one too, reach this machine.
type containerCollector struct {
	p      *plan.Plan
	folder state.Folder
	shared *containers.Shared
	// own is the path of a configuration of the user's, "" for diorama's.
	own string
	// proxied tells that the kubelet API is a container.
	proxied bool
	// apiPort and kubeletPort are where containers reach the Kubernetes API and the
	// kubelet API of this machine, once the gateway is open; 0 if what they ask is
	// elsewhere.
	apiPort, kubeletPort int
}

// newContainerCollector renders the collector's configuration for the nodes that
// are planned; those of a cluster that is not ours are found when it starts, and a
// configuration of the user's is copied then.
func newContainerCollector(p *plan.Plan, folder state.Folder, shared *containers.Shared) (*containerCollector, error) {
	env := p.Environment
	c := &containerCollector{
		p: p, folder: folder, shared: shared,
		own: env.Telemetry.Collectors.Cluster, proxied: env.Images.StatsProxy != "",
	}
	p.Cluster.Resized = c.reconfigure
	p.Cluster.Leaving = func(ctx context.Context, _ []string) error { return c.reconfigure(ctx) }
	if c.own != "" {
		return c, nil
	}
	var names []string
	if !p.Cluster.Foreign {
		names = nodes.Fleet{Nodes: env.Cluster.Nodes}.Names()
	}
	text, err := c.render(env.Ports.Kubelet, names)
	p.Files[containerCollectorFile(folder)] = text
	return c, err
}

func containerCollectorFile(folder state.Folder) string {
	return filepath.Join(containerDir(folder, collectorName), "config.yaml")
}

// containerDir is the folder of this machine that a container sees as inContainers.
func containerDir(folder state.Folder, name string) string {
	return filepath.Join(folder.ConfigDir(), name)
}

// render writes the configuration of the collector, which reaches the kubelet API
// of this machine at a port of its network's gateway.
func (c *containerCollector) render(kubeletPort int, nodes []string) (string, error) {
	kubelet := fmt.Sprintf("https://%s:%d", docker.HostName, kubeletPort)
	if c.proxied {
		kubelet = fmt.Sprintf("https://%s:%d", statsProxyName, kubeletProxyPort)
	}
	env, everywhere := c.p.Environment, func(port int) string { return fmt.Sprintf("0.0.0.0:%d", port) }
	return collector.ContainerConfig(collector.Options{
		Kubeconfig: inContainers + "/kubeconfig", ClusterName: env.Name, Image: env.Images.Collector,
		BackendURL:      lgtm.OTLP(),
		KubeletEndpoint: kubelet, KubeletCA: inContainers + "/ca.crt",
		ClientCert: inContainers + "/client.crt", ClientKey: inContainers + "/client.key",
		Interval: time.Duration(env.Telemetry.Interval),
		OTLPGRPC: everywhere(lgtm.OTLPGRPCPort), OTLPHTTP: everywhere(lgtm.OTLPHTTPPort),
		Health: everywhere(healthPort), SelfMetrics: everywhere(selfMetricsPort), Nodes: nodes,
	})
}

func (c *containerCollector) gateway() plan.Component {
	return plan.Component{Name: gatewayName, Needs: []string{networkName}, Runs: plan.Step{
		Does: "forwards connections from the network's gateway to the Kubernetes API and the kubelet API, " +
			"for containers of the network only",
		Do:   func(ctx context.Context, _ func(string)) error { return c.openGateway(ctx) },
		Undo: func(context.Context) error { c.shared.Gateway.Close(); return nil },
	}}
}

func (c *containerCollector) openGateway(ctx context.Context) error {
	config, err := c.p.Cluster.Client("admin")
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
	if !c.proxied {
		// A configuration of the user's names the port.
		kubelets := loopback.Address(c.p.Environment.Ports.Kubelet)
		targets = append(targets, containers.Target{Address: kubelets, SamePort: c.own != ""})
		ports = append(ports, &c.kubeletPort)
	}
	open, err := c.shared.Gateway.Open(c.shared.Network, targets...)
	for i, port := range open {
		*ports[i] = port
	}
	return err
}

func (c *containerCollector) credentials() plan.Component {
	return plan.Component{Name: credentialsName, Needs: []string{kubelets, gatewayName}, Runs: plan.Step{
		Does: "writes a kubeconfig and certificates for the containers",
		Do: func(ctx context.Context, _ func(string)) error {
			return errors.Join(c.writeCollectorFiles(ctx), c.writeStatsProxyFiles())
		},
	}}
}

// components are the collector, and the kubelet API if that is a container too.
// They read credentials that only the user may read.
func (c *containerCollector) components() []plan.Component {
	needs, env := []string{lgtm.Name, gatewayName, credentialsName}, c.p.Environment
	var all []plan.Component
	if c.proxied {
		all = append(all, plan.Component{
			Name: statsProxyName, Needs: []string{imagesName, gatewayName, credentialsName},
			Runs: plan.NewContainer(c.shared, statsProxyName, statsProxySpec(env, c.folder)),
		})
		needs = append(needs, statsProxyName)
	}
	collects := plan.Component{
		Name: collectorName, Needs: needs,
		Runs: plan.NewContainer(c.shared, collectorName, docker.Spec{
			Image: env.Images.Collector, AsUser: true,
			Args:   []string{"--config=" + inContainers + "/config.yaml"},
			Env:    []string{"KUBECONFIG=" + inContainers + "/kubeconfig"},
			Mounts: []docker.Mount{{Source: containerDir(c.folder, collectorName), Target: inContainers, ReadOnly: true}},
			Ports: []docker.Port{
				{Host: c.p.Internal["clusterCollectorHealth"], Container: healthPort},
				{Host: c.p.Internal["clusterCollectorSelf"], Container: selfMetricsPort},
			},
		}),
	}
	// A configuration of the user's need not have a health check.
	if c.own == "" {
		collects.Probe = answers(c.p.Internal["clusterCollectorHealth"], "/")
	}
	return append(all, collects)
}

// statsProxySpec is the kubelet API in a container of diorama's own image.
func statsProxySpec(env v1alpha1.Environment, folder state.Folder) docker.Spec {
	return docker.Spec{
		Image: env.Images.StatsProxy, AsUser: true,
		Args: []string{
			"stats-proxy", "--kubeconfig=" + inContainers + "/kubeconfig",
			fmt.Sprintf("--listen=0.0.0.0:%d", kubeletProxyPort),
			"--serving-ca-cert=" + inContainers + "/serving-ca.crt",
			"--serving-ca-key=" + inContainers + "/serving-ca.key",
			"--client-ca=" + inContainers + "/client-ca.crt", "--serving-name=" + statsProxyName,
			fmt.Sprintf("--seed=%d", env.Telemetry.Seed),
		},
		Mounts: []docker.Mount{{Source: containerDir(folder, statsProxyName), Target: inContainers, ReadOnly: true}},
	}
}

func (c *containerCollector) writeCollectorFiles(ctx context.Context) error {
	access, dir := c.p.Cluster.Access, containerDir(c.folder, collectorName)
	if err := errors.Join(
		c.writeKubeconfig(dir, "collector"),
		copyPrivate(access.KubeletCA.Certificate, filepath.Join(dir, "ca.crt")),
		copyPrivate(access.KubeletClient.Certificate, filepath.Join(dir, "client.crt")),
		copyPrivate(access.KubeletClient.Key, filepath.Join(dir, "client.key")),
	); err != nil {
		return err
	}
	if c.own != "" {
		return copyPrivate(c.own, containerCollectorFile(c.folder))
	}
	if !c.p.Cluster.Foreign {
		return c.configure(nodes.Fleet{Nodes: c.p.Environment.Cluster.Nodes}.Names())
	}
	names, err := c.p.Cluster.Simulated(ctx)
	if err != nil {
		return err
	}
	return c.configure(names)
}

func (c *containerCollector) writeStatsProxyFiles() error {
	if !c.proxied {
		return nil
	}
	access, dir := c.p.Cluster.Access, containerDir(c.folder, statsProxyName)
	return errors.Join(
		c.writeKubeconfig(dir, "kubelet"),
		copyPrivate(access.KubeletCA.Certificate, filepath.Join(dir, "serving-ca.crt")),
		copyPrivate(access.KubeletCA.Key, filepath.Join(dir, "serving-ca.key")),
		copyPrivate(access.ClientCA, filepath.Join(dir, "client-ca.crt")),
	)
}

// writeKubeconfig writes that of one of the cluster's clients as containers reach
// the cluster.
func (c *containerCollector) writeKubeconfig(dir, client string) error {
	config, err := c.p.Cluster.Client(client)
	if err != nil {
		return err
	}
	// An API server that is elsewhere is asked as it is.
	if c.apiPort != 0 {
		// Our own API server's certificate names docker.HostName.
		if config, err = kubeconfig.Moved(config, docker.HostName, c.apiPort, c.p.Cluster.Foreign); err != nil {
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
func (c *containerCollector) configure(names []string) error {
	text, err := c.render(c.kubeletPort, names)
	if err != nil {
		return err
	}
	return state.WriteConfig(containerCollectorFile(c.folder), []byte(text))
}

// reconfigure makes the collector follow a change of the nodes, and waits until it
// has; a configuration of the user's is left alone.
func (c *containerCollector) reconfigure(ctx context.Context) error {
	if c.own != "" {
		return nil
	}
	names, err := c.p.Cluster.Simulated(ctx)
	if err != nil {
		return err
	}
	path := containerCollectorFile(c.folder)
	before, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the collector's configuration: %w", err)
	}
	if err := c.configure(names); err != nil {
		return err
	}
	after, err := os.ReadFile(path)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	asked := time.Now()
	if err := c.shared.Signal(ctx, c.shared.Name+"-"+collectorName, "HUP"); err != nil {
		return err
	}
	// What runs with the new configuration began after it was asked to.
	again := func(h collector.Health) bool {
		return h.UptimeSeconds > 0 && h.UptimeSeconds < time.Since(asked).Seconds()
	}
	awaitCollector(ctx, "read its configuration again", c.p.Internal["clusterCollectorSelf"], again)
	return nil
}
