package kinds

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/beyla"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/contrib"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/telemetry"
)

// The components of the kind kwok, without those of its cluster.
const (
	gatewayName     = "gateway"
	credentialsName = "credentials"
	beylaName       = "beyla"
)

// kwok is a simulated cluster, of diorama's own or kwokctl's, that containers
// watch: the contrib collector, and Grafana's LGTM.
func kwok() Kind {
	return Kind{
		Name: v1alpha1.Kwok,
		Ports: append(controlPlanePorts(),
			"clusterCollectorHealth", "clusterCollectorSelf", lgtmSelf, "beylaMetrics"),
		Plan: planKwok,
		// One collector has all.
		Collectors:    []string{"cluster"},
		CollectorFile: func(folder state.Folder, _ string) string { return contrib.ConfigFile(folder) },
		CleanUp: func(ctx context.Context, folder state.Folder, _ v1alpha1.Environment, keepData bool) (error, error) {
			return nil, containers.Remove(ctx, folder, keepData)
		},
	}
}

func planKwok(p *plan.Plan, folder state.Folder) error {
	env, shared := p.Environment, shareContainers(p, folder)
	given := env.Cluster.KubeContext != ""
	if given {
		givenCluster(p, folder)
	} else {
		ownCluster(p)
	}
	reads, err := newGrafana(p, folder)
	if err != nil {
		return err
	}
	collects, err := newContrib(p, folder, shared)
	if err != nil {
		return err
	}
	p.Add(firstSteps(p, shared, unique(kwokImages(env)))...)
	if given {
		p.Add(givenNodes(p, folder)...)
	} else {
		p.Add(simulated(p, folder, "--serving-name="+docker.HostName)...)
		p.Add(simulatedNodes(p))
	}
	p.Add(
		plan.Component{Name: gatewayName, Needs: []string{networkName}, Runs: plan.Step{
			Does: "forwards connections from the network's gateway to the Kubernetes API and the kubelet API, " +
				"for containers of the network only",
			Do:   func(ctx context.Context, _ func(string)) error { return collects.OpenGateway(ctx) },
			Undo: func(context.Context) error { shared.Gateway.Close(); return nil },
		}},
		plan.Component{Name: credentialsName, Needs: []string{kubelets, gatewayName}, Runs: plan.Step{
			Does: "writes a kubeconfig and certificates for the containers",
			Do:   func(ctx context.Context, _ func(string)) error { return collects.WriteCredentials(ctx) },
		}},
		reads.provisioning(),
	)
	p.Add(kwokContainers(p, shared, reads, collects)...)
	p.Add(plan.Component{Name: telemetryName, Needs: []string{contrib.Name, clusterName}, Runs: plan.Step{
		Does: "waits for the first metrics", Do: awaitTelemetry(p),
	}})
	last := []string{telemetryName}
	if !given {
		last = append(last, metricsAPI)
	}
	p.Add(kubeContext(p, last...))

	p.Endpoints = kwokEndpoints(env)
	p.Telemetry = kwokTelemetry(p)
	p.CheckFiles = func() error { return errors.Join(lgtm.CheckRules(env.Backend.Rules), collects.CheckOwn()) }
	p.Check = func(ctx context.Context) error {
		if given {
			if err := cluster.CheckContext(ctx, env.Cluster.KubeContext); err != nil {
				return err
			}
		}
		return shared.Check(ctx, p.ContainerNames(), p.Volumes())
	}
	p.Warnings = func() []string { return append(shared.Images.Warnings(), reads.warnings()...) }
	return nil
}

// kwokContainers are LGTM and what sends to it.
func kwokContainers(
	p *plan.Plan, shared *containers.Shared, reads *grafana, collects *contrib.Collector,
) []plan.Component {
	env, traced := p.Environment, shared.Name+"-"+lgtm.Name
	all := []plan.Component{{
		Name: lgtm.Name, Needs: []string{imagesName, networkName, provisioningName}, Probe: lgtm.Probe(env.Ports),
		Runs: plan.NewContainer(shared, lgtm.Name, lgtm.Container(env, reads.dir, traced, p.Internal[lgtmSelf])),
	}}
	if env.Kwok.Beyla {
		metrics := p.Internal["beylaMetrics"]
		all = append(all, plan.Component{
			Name: beylaName, Needs: []string{lgtm.Name}, Probe: beyla.Probe(metrics),
			Runs: plan.NewContainer(shared, beylaName, beyla.Container(env.Images.Beyla, traced, metrics)),
		})
	}
	needs := []string{lgtm.Name, gatewayName, credentialsName}
	if collects.Proxied() {
		all = append(all, plan.Component{
			Name: contrib.StatsProxy, Needs: []string{imagesName, gatewayName, credentialsName},
			Runs: plan.NewContainer(shared, contrib.StatsProxy, collects.StatsProxyContainer()),
		})
		needs = append(needs, contrib.StatsProxy)
	}
	collector := plan.Component{
		Name: contrib.Name, Needs: needs, Runs: plan.NewContainer(shared, contrib.Name, collects.Container()),
	}
	// A configuration of the user's need not have a health check.
	if collects.Own() == "" {
		collector.Probe = answers(collects.Health, "/")
	}
	return append(all, collector)
}

// newContrib renders the collector's configuration; one of the user's is copied
// when the environment starts.
func newContrib(p *plan.Plan, folder state.Folder, shared *containers.Shared) (*contrib.Collector, error) {
	c := &contrib.Collector{
		Environment: p.Environment, Folder: folder, Shared: shared, Cluster: p.Cluster,
		Health: p.Internal["clusterCollectorHealth"], SelfMetrics: p.Internal["clusterCollectorSelf"],
	}
	p.Cluster.Resized = c.Reconfigure
	p.Cluster.Leaving = func(ctx context.Context, _ []string) error { return c.Reconfigure(ctx) }
	if c.Own() != "" {
		return c, nil
	}
	text, err := c.Config()
	p.Files[contrib.ConfigFile(folder)] = text
	return c, err
}

// kwokImages are the images that the containers run.
func kwokImages(env v1alpha1.Environment) []string {
	images := []string{env.Images.LGTM, env.Images.Collector}
	if env.Images.StatsProxy != "" {
		images = append(images, env.Images.StatsProxy)
	}
	if env.Kwok.Beyla {
		images = append(images, env.Images.Beyla)
	}
	return images
}

// kwokEndpoints publishes Prometheus only if it is asked to: Grafana forwards to it.
func kwokEndpoints(env v1alpha1.Environment) control.Endpoints {
	ports := env.Ports
	e := control.Endpoints{
		Dashboards: loopback.HTTP(ports.Dashboards, ""), Prometheus: lgtm.Prometheus(ports.Dashboards),
		OTLPGRPC: loopback.Address(ports.OTLPGRPC), OTLPHTTP: loopback.HTTP(ports.OTLPHTTP, ""),
		Kubelet: loopback.HTTPS(ports.Kubelet),
	}
	if env.Backend.PublishPrometheus {
		e.Prometheus = loopback.HTTP(ports.Prometheus, "")
	}
	if env.Cluster.KubeContext == "" {
		e.Kubernetes = loopback.HTTPS(ports.Kubernetes)
	}
	return e
}

func kwokTelemetry(p *plan.Plan) telemetry.Sources {
	s := telemetry.Sources{
		Prometheus: p.Endpoints.Prometheus, Foreign: true, Relay: loopback.HTTP(p.Internal[lgtmSelf], "/metrics"),
		Interval: time.Duration(p.Environment.Telemetry.Interval), First: map[string]string{},
	}
	// A configuration of the user's need not have a page of its own metrics, and may
	// send something else, or nothing.
	if p.Environment.Telemetry.Collectors.Cluster == "" {
		s.Collectors = []string{loopback.HTTP(p.Internal["clusterCollectorSelf"], "/metrics")}
		s.First["k8s_cluster"], s.First["kubeletstats"] = telemetry.OfCluster, telemetry.OfKubelets
	}
	return s
}

// givenCluster makes the plan's cluster the one of a context of the user's.
func givenCluster(p *plan.Plan, folder state.Folder) {
	name := p.Environment.Cluster.KubeContext
	p.Cluster = &cluster.Cluster{
		Access: cluster.Given(folder), Foreign: true,
		Fixed: "the cluster is not diorama's: scale it with `kwokctl scale`, and bring the environment up again",
	}
	access := p.Cluster.Access
	p.Prepare = func() error {
		config, err := kubeconfig.Extract(name)
		if err != nil {
			return err
		}
		return access.Write(config)
	}
}

// givenNodes are the kubelets of a cluster that is there already, and its nodes.
func givenNodes(p *plan.Plan, folder state.Folder) []plan.Component {
	name, members := p.Environment.Cluster.KubeContext, p.Cluster
	return []plan.Component{
		{
			Name: kubelets, Runs: verb("together", statsProxyArgs(p.Environment, folder)...),
			Probe: members.ProbeKubelets(p.Environment.Ports.Kubelet),
		},
		{
			Name: clusterName, Needs: []string{kubelets}, Probe: members.Access.Probe,
			Runs: plan.Step{
				Does: "looks for simulated nodes in the cluster of the context " + name,
				Do:   func(ctx context.Context, _ func(string)) error { return adopt(ctx, members, name) },
				Undo: endCounting(members),
			},
		},
	}
}

// adoptLimit bounds how long the API server of a cluster that is not ours may be
// away.
const adoptLimit = 30 * time.Second

// adopt looks whether the cluster of a context can be watched, and starts counting
// what is in it.
func adopt(ctx context.Context, members *cluster.Cluster, name string) error {
	config, err := members.Config()
	if err != nil {
		return err
	}
	// One that does not run will not by itself.
	looking, cancel := context.WithTimeout(ctx, adoptLimit)
	defer cancel()
	nodes, err := members.Simulated(looking)
	if err != nil {
		return fmt.Errorf("the cluster of the context %s: %w", name, err)
	}
	if len(nodes) == 0 {
		return errors.New("the cluster of the context " + name + " has no simulated nodes " +
			"(annotation kwok.x-k8s.io/node); `kwokctl scale node --replicas 50` makes some")
	}
	return members.Count(config)
}

// statsProxyArgs are those of the kubelet API for a cluster that is not ours.
func statsProxyArgs(env v1alpha1.Environment, folder state.Folder) []string {
	return []string{
		"stats-proxy", "--kubeconfig=" + cluster.Given(folder).Kubeconfig,
		"--listen=" + loopback.Address(env.Ports.Kubelet), "--cert-dir=" + cluster.PKI(folder),
		"--serving-name=" + docker.HostName, fmt.Sprintf("--seed=%d", env.Telemetry.Seed),
		"--state-file=" + filepath.Join(folder.DataDir(), "kubelet.json"),
	}
}
