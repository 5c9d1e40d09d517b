package environment

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/state"
)

// containers is what the containers of an environment share. The step of the
// network sets network, that of the gateway the ports, before any container is
// made.
type containers struct {
	engine  *docker.Engine
	owner   docker.Owner
	network docker.Network
	gateway forwarder
	// apiPort and kubeletPort are where containers reach the Kubernetes API
	// and the kubelet API of this machine, once the gateway is open; 0 if what
	// they ask is elsewhere.
	apiPort, kubeletPort int

	provisioning *provisioning
	images       localImages
}

// creator returns what creates a planned container. The network and the images
// are there when the first one is created, not before.
func (c *containers) creator(spec docker.Spec) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		spec := spec
		spec.Image = c.images.find(spec.Image).Name
		return c.engine.Run(ctx, c.owner, c.network, spec)
	}
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

func (r *recipe) openGateway(ctx context.Context) error {
	config, err := r.clientConfig("admin")
	if err != nil {
		return err
	}
	api, err := kubeconfig.LocalServer(ctx, config, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return err
	}
	c, env := r.containers, r.plan.Environment
	var targets []target
	var ports []*int
	if api != "" {
		targets, ports = append(targets, target{address: api}), append(ports, &c.apiPort)
	}
	if env.Images.StatsProxy == "" {
		// A configuration of the user's names the port.
		own := env.Telemetry.Collectors.Cluster != ""
		targets = append(targets, target{address: loopback(env.Ports.Kubelet), samePort: own})
		ports = append(ports, &c.kubeletPort)
	}
	open, err := c.gateway.start(c.network, targets...)
	for i, port := range open {
		*ports[i] = port
	}
	return err
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
	p := &provisioning{
		library: library, dir: filepath.Join(dir, "dashboards"),
		folders: newGrafanaFolders("http://" + loopback(env.Ports.Dashboards)),
	}
	// It may have much jsonnet to evaluate: the status does not wait for that.
	if err := p.start(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.containers.provisioning = p
	return nil
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

// warnings are the dashboards that cannot be read, or that Grafana would not
// take, where its page does not say so, and images that are taken on trust.
func (r *recipe) warnings() []string {
	if r.containers == nil {
		return nil
	}
	warnings := r.containers.images.warnings()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.containers.provisioning != nil {
		warnings = append(warnings, r.containers.provisioning.warnings()...)
	}
	return warnings
}

// configureCollector writes the collector's configuration for nodes of these
// names.
func (r *recipe) configureCollector(names []string) error {
	text, err := containerCollector(r.plan.Environment, r.containers.kubeletPort, names)
	if err != nil {
		return err
	}
	return writeConfig(containerCollectorFile(r.folder), []byte(text))
}

// memoryOf is what a container holds, in bytes.
func (r *recipe) memoryOf(name string) uint64 { return r.made[name].Memory() }

// adoptLimit bounds how long the API server of a cluster that is not ours may
// be away.
const adoptLimit = 30 * time.Second

// adoptCluster looks whether a cluster that is not ours can be watched, and
// starts counting what is in it.
func (r *recipe) adoptCluster(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	// One that does not run will not by itself.
	looking, cancel := context.WithTimeout(ctx, adoptLimit)
	defer cancel()
	names, err := nodes.Simulated(looking, config)
	if err != nil {
		return fmt.Errorf("the cluster of the context %s: %w", r.plan.Environment.Cluster.KubeContext, err)
	}
	if len(names) == 0 {
		return fmt.Errorf("the cluster of the context %s has no simulated nodes (annotation kwok.x-k8s.io/node); `kwokctl scale node --replicas 50` makes some", r.plan.Environment.Cluster.KubeContext)
	}
	return r.startCounting(config)
}
