package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/state"
)

// containers is what the containers of an environment share. The step of the
// network sets network, before any container is made.
type containers struct {
	engine       *docker.Engine
	owner        docker.Owner
	network      docker.Network
	gateway      forwarder
	provisioning *provisioning
}

func ownerOf(folder state.Folder) docker.Owner {
	return docker.Owner{Environment: folder.Name, Folder: folder.Path}
}

// checkDocker says early what would keep containers from starting.
func checkDocker(ctx context.Context, plan Plan, folder state.Folder) error {
	if plan.Network == "" {
		return nil
	}
	engine, err := docker.Connect(ctx)
	if err != nil {
		return err
	}
	err = engine.CheckNames(ctx, ownerOf(folder), plan.containerNames(), []string{plan.Network}, plan.volumes())
	return errors.Join(err, engine.Close())
}

// removeContainers removes what an environment whose supervisor is gone left
// in Docker.
func removeContainers(ctx context.Context, folder state.Folder, keepVolumes bool) error {
	engine, err := docker.Connect(ctx)
	if err != nil {
		return fmt.Errorf("removing the containers of %s: %w", folder.Name, err)
	}
	return errors.Join(engine.RemoveAll(ctx, ownerOf(folder), keepVolumes), engine.Close())
}

// ensureImages loads or pulls what the engine does not have.
func (r *recipe) ensureImages(ctx context.Context) error {
	engine, images := r.containers.engine, r.plan.images()
	missing, err := engine.Missing(ctx, images)
	if err != nil {
		return err
	}
	for _, path := range r.plan.Environment.Images.Load {
		if len(missing) == 0 {
			return nil
		}
		r.host.detail(imagesName, "loading "+path)
		if err := engine.LoadFile(ctx, path); err != nil {
			return err
		}
		if missing, err = engine.Missing(ctx, missing); err != nil {
			return err
		}
	}
	for _, image := range missing {
		r.host.detail(imagesName, "pulling "+image)
		progress := func(text string) { r.host.detail(imagesName, "pulling "+image+": "+text) }
		if err := engine.Pull(ctx, image, progress); err != nil {
			return err
		}
	}
	return nil
}

// makeNetwork comes before all containers, so it removes what an earlier run
// left of them.
func (r *recipe) makeNetwork(ctx context.Context) error {
	c := r.containers
	if err := c.engine.RemoveAll(ctx, c.owner, true); err != nil {
		return err
	}
	network, err := c.engine.CreateNetwork(ctx, c.owner, r.plan.Network)
	c.network = network
	return err
}

// removeNetwork removes all but the volumes, which a later up may go on from.
func (r *recipe) removeNetwork(ctx context.Context) error {
	return r.containers.engine.RemoveAll(ctx, r.containers.owner, true)
}

// forget removes the volumes too, and ends the connection to the engine.
func (r *recipe) forget(keepVolumes bool) error {
	if r.containers == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	c := r.containers
	return errors.Join(c.engine.RemoveAll(ctx, c.owner, keepVolumes), c.engine.Close())
}

func (r *recipe) openGateway(context.Context) error {
	var ports []int
	env := r.plan.Environment
	if env.Images.StatsProxy == "" {
		ports = append(ports, env.Ports.Kubelet)
	}
	config, err := r.clientConfig("admin")
	if err != nil {
		return err
	}
	port, err := kubeconfig.LoopbackPort(config)
	if err != nil {
		return err
	}
	if port != 0 {
		ports = append(ports, port)
	}
	return r.containers.gateway.start(r.containers.network, ports)
}

func (r *recipe) closeGateway(context.Context) error {
	r.containers.gateway.close()
	return nil
}

// provision writes what Grafana and Prometheus read, and keeps it fresh.
func (r *recipe) provision(ctx context.Context) error {
	dir, env := containerDir(r.folder, lgtmName), r.plan.Environment
	if err := writeRules(filepath.Join(dir, "rules"), env.Backend.Rules); err != nil {
		return err
	}
	// The rendered files hold nothing secret, and LGTM has a user of its own.
	for path, text := range r.plan.Files {
		if filepath.Dir(path) == dir {
			if err := state.WritePublicFile(path, []byte(text)); err != nil {
				return err
			}
		}
	}
	library, err := OpenLibrary(env.Dashboards.Folder, env.Dashboards.JsonnetPaths, r.executable)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.containers.provisioning = &provisioning{library: library, dir: filepath.Join(dir, "dashboards")}
	return r.containers.provisioning.start(ctx)
}

func (r *recipe) endProvisioning(context.Context) error {
	r.mu.Lock()
	p := r.containers.provisioning
	r.mu.Unlock()
	if p != nil {
		p.close()
	}
	return nil
}

// warnings are the dashboards that cannot be read, where Grafana does not know.
func (r *recipe) warnings() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.containers == nil || r.containers.provisioning == nil {
		return nil
	}
	return r.containers.provisioning.broken()
}

// prepareCredentials makes the cluster's, or copies those of a cluster that is
// there already.
func (r *recipe) prepareCredentials() error {
	name := r.plan.Environment.Cluster.KubeContext
	if name == "" {
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

// clientConfig is the kubeconfig of one of the cluster's clients, such as
// collector. In a cluster that is not ours the user is all of them.
func (r *recipe) clientConfig(client string) (*clientcmdapi.Config, error) {
	if r.plan.Environment.Cluster.KubeContext == "" {
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
	if r.plan.Environment.Cluster.KubeContext == "" {
		return "kubelet-ca", "collector"
	}
	return "ca", "client" // what the stats-proxy makes
}

// writeCredentials writes what lets the containers in, each into the folder
// that it sees.
func (r *recipe) writeCredentials(ctx context.Context) error {
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
	if own := r.plan.Environment.Telemetry.Collectors.Cluster; own != "" {
		return copyPrivate(own, containerCollectorFile(r.folder))
	}
	if r.plan.Environment.Cluster.KubeContext != "" {
		if err := r.configureCollector(ctx); err != nil {
			return err
		}
	}
	if r.plan.Environment.Images.StatsProxy == "" {
		return nil
	}
	clientCA := "ca"
	dir = containerDir(r.folder, statsProxyName)
	return errors.Join(
		r.writeContainerKubeconfig(dir, "kubelet"),
		copyPrivate(r.control.Certificate(ca), filepath.Join(dir, "serving-ca.crt")),
		copyPrivate(r.control.Key(ca), filepath.Join(dir, "serving-ca.key")),
		copyPrivate(r.control.Certificate(clientCA), filepath.Join(dir, "client-ca.crt")),
	)
}

func (r *recipe) writeContainerKubeconfig(dir, client string) error {
	config, err := r.clientConfig(client)
	if err != nil {
		return err
	}
	// Our own API server's certificate names docker.HostName.
	serverName := ""
	if r.plan.Environment.Cluster.KubeContext != "" {
		if serverName, err = kubeconfig.ServerHost(config); err != nil {
			return err
		}
	}
	if config, err = kubeconfig.ForContainers(config, docker.HostName, serverName); err != nil {
		return err
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

// configureCollector writes the collector's configuration for the nodes that
// there are now.
func (r *recipe) configureCollector(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	names, err := nodes.Simulated(ctx, config)
	if err != nil {
		return err
	}
	text, err := containerCollector(r.plan.Environment, names)
	if err != nil {
		return err
	}
	return writeConfig(containerCollectorFile(r.folder), []byte(text))
}

// reconfigureCollector makes the collector follow a change of the nodes; a
// configuration of the user's is left alone.
func (r *recipe) reconfigureCollector(ctx context.Context) error {
	if r.containers == nil || r.plan.Environment.Telemetry.Collectors.Cluster != "" {
		return nil
	}
	if err := r.configureCollector(ctx); err != nil {
		return err
	}
	return r.made[collectorName].signal(ctx, "HUP")
}

// memoryOf is what a container holds, in bytes.
func (r *recipe) memoryOf(name string) uint64 { return r.made[name].Memory() }

// adoptCluster looks whether a cluster that is not ours can be watched, and
// starts counting what is in it.
func (r *recipe) adoptCluster(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	names, err := nodes.Simulated(ctx, config)
	if err != nil {
		return fmt.Errorf("the cluster of the context %s: %w", r.plan.Environment.Cluster.KubeContext, err)
	}
	if len(names) == 0 {
		return fmt.Errorf("the cluster of the context %s has no simulated nodes (annotation kwok.x-k8s.io/node); `kwokctl scale node --replicas 50` makes some", r.plan.Environment.Cluster.KubeContext)
	}
	return r.startCounting(config)
}

// probeLGTM asks Grafana, Prometheus through Grafana, and the OTLP receiver.
func (r *recipe) probeLGTM(ctx context.Context) error {
	ports := r.plan.Environment.Ports
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if err := controlplane.Probe(ctx, client, "http://"+loopback(ports.Dashboards)+"/api/health"); err != nil {
		return err
	}
	if err := controlplane.Probe(ctx, client, prometheusURL(r.plan)+"/api/v1/query?query=1"); err != nil {
		return err
	}
	address := "http://" + loopback(ports.OTLPHTTP) + "/v1/metrics"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		return fmt.Errorf("making the probe: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	return nil
}

// prometheusURL is where Prometheus' API can be asked. LGTM's is not
// published, but Grafana leads to it.
func prometheusURL(p Plan) string {
	ports := p.Environment.Ports
	if p.Network == "" || p.Environment.Backend.PublishPrometheus {
		return "http://" + loopback(ports.Prometheus)
	}
	return "http://" + loopback(ports.Dashboards) + "/api/datasources/proxy/uid/prometheus"
}

// readPrometheus asks any Prometheus for what it tells of itself in its API:
// the series in its head, and the time of the newest sample.
// https://prometheus.io/docs/prometheus/latest/querying/api/#tsdb-stats
func readPrometheus(ctx context.Context, base string) (backend.Ingestion, error) {
	var answer struct {
		Data struct {
			HeadStats struct{ NumSeries, MaxTime int64 }
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/status/tsdb?limit=1", nil)
	if err != nil {
		return backend.Ingestion{}, fmt.Errorf("asking Prometheus: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return backend.Ingestion{}, fmt.Errorf("asking Prometheus: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return backend.Ingestion{}, fmt.Errorf("asking Prometheus: it answers %s", response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return backend.Ingestion{}, fmt.Errorf("reading Prometheus' answer: %w", err)
	}
	head := answer.Data.HeadStats
	ingestion := backend.Ingestion{Series: head.NumSeries}
	if head.NumSeries > 0 && head.MaxTime > 0 {
		ingestion.LastSampleTime = time.UnixMilli(head.MaxTime)
	}
	return ingestion, nil
}
