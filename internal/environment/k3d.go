package environment

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/state"
)

//go:embed manifests/*.tmpl
var manifests embed.FS

// The components that only the kind k3d has, beside cluster and lgtm.
const (
	chartStep      = "chart"
	nodeImagesName = "node-images"
	workloadsName  = "workloads"
	forwardsName   = "forwards"
)

const (
	// k3dNamespace is where LGTM and the collectors are.
	k3dNamespace = "diorama"
	// lgtmOnNodes is the folder of every node that has what LGTM reads.
	lgtmOnNodes = inContainers + "/" + lgtmName
	chartName   = "opentelemetry-collector"
)

// K3dPlan is what the kind k3d makes: a cluster, what is applied to it and
// installed in it, and what is forwarded from it.
type K3dPlan struct {
	Cluster K3dCluster `json:"cluster"`
	// Manifests are paths of rendered files, by the component that applies them.
	Manifests map[string]string `json:"manifests"`
	Releases  []Release         `json:"releases"`
	Forwards  []Forward         `json:"forwards"`
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

// Release is a chart installed with values. Chart is a path, or a name in
// Repository.
type Release struct {
	Name       string `json:"name"`
	Namespace  string `json:"namespace"`
	Chart      string `json:"chart"`
	Repository string `json:"repository,omitempty"`
	Version    string `json:"version,omitempty"`
	Digest     string `json:"digest,omitempty"`
	// Values is the path of a file.
	Values string `json:"values"`
}

// Forward leads a port of 127.0.0.1 to a Service's.
type Forward struct {
	Host    int    `json:"host"`
	Service string `json:"service"`
	Port    int    `json:"port"`
}

// planK3d plans a real cluster in containers, with LGTM and two collectors in
// it.
func planK3d(p Plan, folder state.Folder) (Plan, error) {
	env := p.Environment
	p.Network = "diorama-" + env.Name
	mounted := containerDir(folder, lgtmName)
	if strings.Contains(mounted, ":") {
		return p, fmt.Errorf("the folder %s has a colon in its path, and k3d cannot mount it: set DIORAMA_HOME to another one", folder.Path)
	}
	if err := addLGTMFiles(&p, folder); err != nil {
		return p, err
	}
	p.K3d = &K3dPlan{
		Cluster:   planCluster(env),
		Manifests: map[string]string{},
		Forwards: []Forward{
			{env.Ports.Dashboards, lgtmName, grafanaPort}, {env.Ports.Prometheus, lgtmName, prometheusPort},
			{env.Ports.OTLPGRPC, lgtmName, otlpGRPCPort}, {env.Ports.OTLPHTTP, lgtmName, otlpHTTPPort},
			{p.Internal[lgtmCollectorSelf], lgtmName, selfMetricsPort},
		},
	}
	p.K3d.Cluster.Mounts = []docker.Mount{{Source: mounted, Target: lgtmOnNodes, ReadOnly: true}}
	if err := addManifests(&p, folder); err != nil {
		return p, err
	}
	if err := addReleases(&p, folder); err != nil {
		return p, err
	}
	p.step(imagesName, "loads or pulls the images that Docker does not have: "+strings.Join(p.images(), ", "))
	p.step(networkName, "makes the Docker network "+p.Network+", and removes what an earlier run left")
	p.step(chartStep, "fetches the collectors' Helm chart, unless it is here, and reads it")
	p.step(provisioningName, "writes the dashboards and rules for Grafana and Prometheus, again whenever one is saved")
	p.step(cluster, fmt.Sprintf("makes the k3d cluster %s of %d servers and %d agents, and waits for its nodes", p.K3d.Cluster.Name, env.Cluster.Servers, env.Cluster.Agents),
		provisioningName, imagesName, networkName)
	p.step(nodeImagesName, "copies the images of the pods into the nodes", cluster)
	p.step(lgtmName, "applies LGTM as a Deployment and a Service, and waits for it", nodeImagesName)
	if env.Cluster.Workloads == v1alpha1.WorkloadsDefault {
		p.step(workloadsName, "applies a few small workloads and waits for them", nodeImagesName)
	}
	p.step(clusterCollector, "installs the Helm release "+collector.ClusterRelease+", a Deployment, and waits for it", nodeImagesName, chartStep)
	p.step(nodeCollector, "installs the Helm release "+collector.NodesRelease+", a DaemonSet, and waits for it", nodeImagesName, chartStep)
	p.step(forwardsName, "leads ports of 127.0.0.1 to Grafana, Prometheus and OTLP, anew when a pod has gone", lgtmName)
	needs := []string{clusterCollector, nodeCollector, forwardsName}
	if env.Cluster.Nodes > 0 {
		if err := addSimulated(&p, folder); err != nil {
			return p, err
		}
		needs = append(needs, simulatedName, simulatedCollector)
	}
	p.step(telemetry, "waits for the first metrics", needs...)
	p.addContext(env.Name, telemetry)
	return p, nil
}

// planCluster is the cluster of an environment, without its mounts.
func planCluster(env v1alpha1.Environment) K3dCluster {
	c := K3dCluster{
		Name: contextName(env), Servers: env.Cluster.Servers, Agents: env.Cluster.Agents, Image: env.Images.K3s, APIPort: env.Ports.Kubernetes,
		Images: []string{env.Images.LGTM, env.Images.Collector}, Load: env.Images.Load,
	}
	if env.Cluster.Workloads == v1alpha1.WorkloadsDefault {
		c.Images = append(c.Images, env.Images.Workload)
	}
	return c
}

// nodeNames are the names of the containers that are nodes.
func (p *K3dPlan) nodeNames() []string {
	if p == nil {
		return nil
	}
	return p.Cluster.names().NodeNames()
}

// images are those of the nodes and of the pods in them.
func (p *K3dPlan) images() []string {
	if p == nil {
		return nil
	}
	return append([]string{p.Cluster.Image}, p.Cluster.Images...)
}

// addManifests renders what is applied.
func addManifests(p *Plan, folder state.Folder) error {
	env := p.Environment
	type port struct {
		Name   string
		Number int
	}
	type mount struct{ Name, Source, Target, Type string }
	views := map[string]any{lgtmName: map[string]any{
		"Name": env.Name, "Namespace": k3dNamespace, "Image": env.Images.LGTM, "Env": lgtmEnv(env),
		"NodeDir": lgtmOnNodes, "Data": lgtmData, "Probe": lgtmProbePath,
		"Ports": []port{
			{"grafana", grafanaPort}, {"otlp-grpc", otlpGRPCPort}, {"otlp-http", otlpHTTPPort}, {"prometheus", prometheusPort},
			{"otel-metrics", selfMetricsPort},
		},
		"Mounts": []mount{
			{"dashboards", "dashboards", lgtmDashboards, "Directory"}, {"rules", "rules", lgtmRules, "Directory"},
			{"provider", "provider.yaml", lgtmProvider, "File"}, {"datasource", "datasource.yaml", lgtmDatasource, "File"},
			{"prometheus", "prometheus.yaml", lgtmPrometheusFile, "File"},
		},
	}}
	if env.Cluster.Workloads == v1alpha1.WorkloadsDefault {
		views[workloadsName] = map[string]any{"Image": env.Images.Workload}
	}
	for name, view := range views {
		text, err := renderManifest(name, view)
		if err != nil {
			return err
		}
		path := filepath.Join(folder.ConfigDir(), "manifests", name+".yaml")
		p.Files[path], p.K3d.Manifests[name] = text, path
	}
	return nil
}

func renderManifest(name string, view any) (string, error) {
	quote := func(v any) (string, error) {
		data, err := json.Marshal(v)
		return string(data), err
	}
	parsed, err := template.New(name).Funcs(template.FuncMap{"json": quote}).ParseFS(manifests, "manifests/"+name+".yaml.tmpl")
	if err != nil {
		return "", fmt.Errorf("parsing the manifest of %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.ExecuteTemplate(&out, name+".yaml.tmpl", view); err != nil {
		return "", fmt.Errorf("rendering the manifest of %s: %w", name, err)
	}
	return out.String(), nil
}

// addReleases plans the collectors; values of the user's take the place of
// those that are rendered.
func addReleases(p *Plan, folder state.Folder) error {
	env := p.Environment
	options := collector.ChartOptions{
		ClusterName: env.Name, Image: env.Images.Collector, BackendURL: fmt.Sprintf("http://%s:%d", lgtmName, otlpHTTPPort),
		Interval: time.Duration(env.Telemetry.Interval),
	}
	for _, r := range []struct {
		which, name, own string
		render           func(collector.ChartOptions) (string, error)
	}{
		{"cluster", collector.ClusterRelease, env.Telemetry.Collectors.Cluster, collector.ClusterValues},
		{"nodes", collector.NodesRelease, env.Telemetry.Collectors.Nodes, collector.NodesValues},
	} {
		release := Release{Name: r.name, Namespace: k3dNamespace, Chart: env.Chart.Path, Values: r.own}
		if release.Chart == "" {
			release.Chart, release.Repository, release.Version, release.Digest = chartName, env.Chart.Repository, env.Chart.Version, env.Chart.Digest
		}
		if release.Values == "" {
			text, err := r.render(options)
			if err != nil {
				return err
			}
			release.Values = valuesFile(folder, r.which)
			p.Files[release.Values] = text
		}
		p.K3d.Releases = append(p.K3d.Releases, release)
	}
	return nil
}

// valuesFile is the path of the rendered Helm values of a collector, cluster
// or nodes.
func valuesFile(folder state.Folder, which string) string {
	return filepath.Join(folder.ConfigDir(), "values-"+which+".yaml")
}
