package kinds

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/helm"
	"github.com/diorama-lab/diorama/internal/k3d"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/logfile"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/rollout"
	"github.com/diorama-lab/diorama/internal/state"
)

// K3dPlan is what the kind k3d makes: a cluster, what is applied to it and
// installed in it, and what is forwarded from it.
type K3dPlan struct {
	Cluster K3dCluster `json:"cluster"`
	// Manifests are paths of rendered files, by the component that applies them.
	Manifests map[string]string   `json:"manifests"`
	Releases  []helm.Installation `json:"releases"`
	Forwards  []Forward           `json:"forwards"`
}

// K3dCluster is a cluster of k3s nodes, each a container.
type K3dCluster struct {
	// Name is k3d's; its containers and network have the prefix k3d- before it.
	Name    string `json:"name"`
	Servers int    `json:"servers"`
	Agents  int    `json:"agents"`
	Image   string `json:"image"`
	// APIPort is where the Kubernetes API is on 127.0.0.1.
	APIPort int `json:"apiPort"`
	// Mounts are folders of this machine that every node sees.
	Mounts []docker.Mount `json:"mounts"`
	// Images are what the pods run; the engine's are copied into every node,
	// and all that is in the tarballs of Load.
	Images []string `json:"images"`
	Load   []string `json:"load,omitempty"`
}

// k3dCluster is the cluster of a plan, and what runs while it does.
type k3dCluster struct {
	K3dPlan
	p       *plan.Plan
	folder  state.Folder
	shared  *containers.Shared
	reads   *grafana
	members *k3d.Members
	charts  *helm.Charts
}

// newK3dCluster renders what is applied and installed.
func newK3dCluster(p *plan.Plan, folder state.Folder) (*k3dCluster, error) {
	env := p.Environment
	reads, err := newGrafana(p, folder)
	if err != nil {
		return nil, err
	}
	if strings.Contains(reads.dir, ":") {
		return nil, fmt.Errorf("the folder %s has a colon in its path, and k3d cannot mount it: "+
			"set DIORAMA_HOME to another one", folder.Path)
	}
	k := &k3dCluster{
		p: p, folder: folder, shared: shareContainers(p, folder), reads: reads,
		members: &k3d.Members{Namespace: k3dNamespace},
	}
	k.Cluster = planCluster(env)
	k.Cluster.Mounts = []docker.Mount{{Source: reads.dir, Target: lgtmOnNodes, ReadOnly: true}}
	if k.Manifests, err = renderManifests(p, folder); err != nil {
		return nil, err
	}
	if k.Releases, err = planReleases(p, folder); err != nil {
		return nil, err
	}
	k.charts = helm.NewCharts(k.Releases)
	p.K3d = &k.K3dPlan
	p.Cluster = &cluster.Cluster{Access: cluster.Given(folder), Foreign: true, Alongside: true}
	if env.Cluster.Nodes == 0 {
		p.Cluster.Fixed = "the environment has no simulated nodes (cluster.nodes is 0), and real ones are not scaled: " +
			"bring it down, and up again with --nodes, or with other --servers and --agents"
	}
	return k, nil
}

// planCluster is the cluster of an environment, without its mounts.
func planCluster(env v1alpha1.Environment) K3dCluster {
	c := K3dCluster{
		Name: plan.ContextName(env.Name), Servers: env.Cluster.Servers, Agents: env.Cluster.Agents,
		Image: env.Images.K3s, APIPort: env.Ports.Kubernetes,
		Images: []string{env.Images.LGTM, env.Images.Collector}, Load: env.Images.Load,
	}
	if env.Cluster.Workloads == v1alpha1.WorkloadsDefault {
		c.Images = append(c.Images, env.Images.Workload)
	}
	return c
}

// renderManifests renders what is applied, and returns the paths by component.
func renderManifests(p *plan.Plan, folder state.Folder) (map[string]string, error) {
	env, paths := p.Environment, map[string]string{}
	add := func(name, text string, err error) error {
		path := filepath.Join(folder.ConfigDir(), "manifests", name+".yaml")
		p.Files[path], paths[name] = text, path
		return err
	}
	text, err := lgtm.Manifest(env, k3dNamespace, lgtmOnNodes)
	if err := add(lgtm.Name, text, err); err != nil || env.Cluster.Workloads != v1alpha1.WorkloadsDefault {
		return paths, err
	}
	text, err = k3d.Workloads(env.Images.Workload)
	return paths, add(workloadsName, text, err)
}

// planReleases plans the collectors; values of the user's take the place of those
// that are rendered.
func planReleases(p *plan.Plan, folder state.Folder) ([]helm.Installation, error) {
	env := p.Environment
	options := collector.ChartOptions{
		ClusterName: env.Name, Image: env.Images.Collector, BackendURL: lgtm.OTLP(),
		Interval: time.Duration(env.Telemetry.Interval),
	}
	var all []helm.Installation
	for _, r := range []struct {
		which, name, own string
		render           func(collector.ChartOptions) (string, error)
	}{
		{"cluster", collector.ClusterRelease, env.Telemetry.Collectors.Cluster, collector.ClusterValues},
		{"nodes", collector.NodesRelease, env.Telemetry.Collectors.Nodes, collector.NodesValues},
	} {
		release := helm.Installation{Name: r.name, Namespace: k3dNamespace, Chart: env.Chart.Path, Values: r.own}
		if release.Chart == "" {
			release.Chart, release.Repository = chartName, env.Chart.Repository
			release.Version, release.Digest = env.Chart.Version, env.Chart.Digest
		}
		if release.Own = r.own != ""; !release.Own {
			text, err := r.render(options)
			if err != nil {
				return nil, err
			}
			release.Values = valuesFile(folder, r.which)
			p.Files[release.Values] = text
		}
		all = append(all, release)
	}
	return all, nil
}

// valuesFile is the path of the rendered Helm values of a collector, cluster or
// nodes.
func valuesFile(folder state.Folder, which string) string {
	return filepath.Join(folder.ConfigDir(), "values-"+which+".yaml")
}

// names is what the names of a cluster's containers follow from.
func (c K3dCluster) names() k3d.Cluster {
	return k3d.Cluster{Name: c.Name, Servers: c.Servers, Agents: c.Agents}
}

// create makes the containers of the nodes, and returns when all nodes are Ready.
// What k3d says is in the component's log.
func (k *k3dCluster) create(ctx context.Context, report func(string)) error {
	log, err := logfile.Open(k.folder.Log(clusterName))
	if err != nil {
		return err
	}
	defer log.Close()
	report("starting the nodes")
	nodes := k.Cluster.names()
	nodes.Image, nodes.Network = k.shared.Images.Find(k.Cluster.Image).Name, k.shared.Name
	nodes.APIPort, nodes.Labels = k.Cluster.APIPort, k.shared.Owner.Labels()
	for _, m := range k.Cluster.Mounts {
		nodes.Mounts = append(nodes.Mounts, m.Source+":"+m.Target+":ro")
	}
	if err := k3d.Create(ctx, nodes, log); err != nil {
		return err
	}
	config, err := k3d.Kubeconfig(ctx, nodes.Name)
	if err != nil {
		return err
	}
	if err := k.p.Cluster.Write(config); err != nil {
		return err
	}
	admin, err := k.p.Cluster.Config()
	if err != nil {
		return err
	}
	if err := k.p.Cluster.Count(admin); err != nil {
		return err
	}
	if err := k.members.Start(admin, k.shared); err != nil {
		return err
	}
	return k3d.AwaitNodes(ctx, admin, nodes.NodeNames(), report)
}

func (k *k3dCluster) fetchCharts(ctx context.Context, report func(string)) error {
	cache, err := state.CacheDir()
	if err != nil {
		return err
	}
	return k.charts.Fetch(ctx, filepath.Join(cache, "charts"), report)
}

func (k *k3dCluster) importImages(ctx context.Context, report func(string)) error {
	return k3d.ImportImages(ctx, k.shared, k.Cluster.names().NodeNames(), k.Cluster.Images, k.Cluster.Load, report)
}

func (k *k3dCluster) close(context.Context) error {
	k.members.Close()
	k.p.Cluster.EndCounting()
	return nil
}

// manifest is the rendered manifest of a component.
func (k *k3dCluster) manifest(name string) rollout.WorkloadConfig {
	read := func(context.Context, *rest.Config, func(string)) ([]*rollout.Object, error) {
		data, err := os.ReadFile(k.Manifests[name])
		if err != nil {
			return nil, fmt.Errorf("reading the manifest of %s: %w", name, err)
		}
		objects, err := rollout.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("the manifest of %s: %w", name, err)
		}
		return objects, nil
	}
	return rollout.WorkloadConfig{Namespace: k3dNamespace, Config: k.p.Cluster.Config, Objects: read}
}
