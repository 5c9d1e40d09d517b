package environment

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

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
	images       localImages
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

// warnings are the dashboards that cannot be read, where Grafana does not know,
// and images that are taken on trust.
func (r *recipe) warnings() []string {
	if r.containers == nil {
		return nil
	}
	warnings := r.containers.images.warnings()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.containers.provisioning != nil {
		warnings = append(warnings, r.containers.provisioning.broken()...)
	}
	return warnings
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
	collector, contained := r.made[collectorName]
	if !contained || r.plan.Environment.Telemetry.Collectors.Cluster != "" {
		return nil // others follow the nodes by themselves
	}
	if err := r.configureCollector(ctx); err != nil {
		return err
	}
	return collector.signal(ctx, "HUP")
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
