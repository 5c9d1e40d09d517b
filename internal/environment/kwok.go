package environment

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/state"
)

// The components that only kinds with containers have.
const (
	imagesName       = "images"
	networkName      = "network"
	gatewayName      = "gateway"
	provisioningName = "provisioning"
	credentialsName  = "credentials"
	lgtmName         = "lgtm"
	collectorName    = "collector"
	statsProxyName   = "stats-proxy"
	beylaName        = "beyla"
)

// Paths in containers: of what we give them, and of what LGTM's image has.
const (
	inContainers       = "/etc/diorama"
	lgtmRules          = inContainers + "/rules"
	lgtmDashboards     = inContainers + "/dashboards"
	lgtmData           = "/data"
	lgtmProvider       = "/otel-lgtm/grafana/conf/provisioning/dashboards/diorama.yaml"
	lgtmPrometheusFile = "/otel-lgtm/prometheus.yaml"
)

// Ports that containers listen on, each on its own address.
const (
	grafanaPort      = 3000
	prometheusPort   = 9090
	otlpGRPCPort     = 4317
	otlpHTTPPort     = 4318
	healthPort       = 13133
	selfMetricsPort  = 8888
	kubeletProxyPort = 10250
)

// planKwok plans a simulated cluster that containers watch: the contrib
// collector, and Grafana's LGTM.
func planKwok(p Plan, folder state.Folder) (Plan, error) {
	control := controlPlaneOptions(p)
	p.Network = "diorama-" + p.Environment.Name
	if err := addLGTMFiles(&p, folder); err != nil {
		return p, err
	}
	if err := addCollectorFile(&p, folder); err != nil {
		return p, err
	}
	p.step(imagesName, "loads or pulls the images that Docker does not have: "+strings.Join(imagesOf(p.Environment), ", "))
	p.step(networkName, "makes the Docker network "+p.Network+", and removes what an earlier run left")
	if p.Environment.Cluster.KubeContext == "" {
		p.addControlPlane(control, folder)
		p.addCluster()
	} else {
		addStatsProxy(&p, folder)
		p.step(cluster, "looks for simulated nodes in the cluster of the context "+p.Environment.Cluster.KubeContext, kubelets)
	}
	p.step(gatewayName, "leads connections from the network's gateway to the Kubernetes API and the kubelet API, for containers of the network only", networkName)
	p.step(credentialsName, "writes a kubeconfig and certificates for the containers", kubelets, gatewayName)
	p.step(provisioningName, "writes the dashboards and rules for Grafana and Prometheus, again whenever one is saved")
	p.container(lgtmName, []string{imagesName, networkName, provisioningName}, lgtmSpec(p, folder))
	if p.Environment.Kwok.Beyla {
		p.container(beylaName, []string{lgtmName}, beylaSpec(p))
	}
	needs := []string{lgtmName, gatewayName, credentialsName}
	if image := p.Environment.Images.StatsProxy; image != "" {
		p.container(statsProxyName, []string{imagesName, gatewayName, credentialsName}, statsProxySpec(image, p.Environment, folder))
		needs = append(needs, statsProxyName)
	}
	p.container(collectorName, needs, collectorSpec(p, folder))
	p.step(telemetry, "waits for the first metrics", collectorName, cluster)
	needs = []string{telemetry}
	if p.Environment.Cluster.KubeContext == "" {
		needs = append(needs, metricsAPI)
	}
	p.addContext(p.Environment.Name, needs...)
	return p, nil
}

// imagesOf are the images that an environment's containers run.
func imagesOf(env v1alpha1.Environment) []string {
	images := []string{env.Images.LGTM, env.Images.Collector}
	if env.Images.StatsProxy != "" {
		images = append(images, env.Images.StatsProxy)
	}
	if env.Kwok.Beyla {
		images = append(images, env.Images.Beyla)
	}
	return images
}

// addStatsProxy plans the kubelet API for a cluster that is not ours.
func addStatsProxy(p *Plan, folder state.Folder) {
	p.program(kubelets, nil, statsProxyArgs(p.Environment, folder))
}

func statsProxyArgs(env v1alpha1.Environment, folder state.Folder) []string {
	return []string{
		"stats-proxy", "--kubeconfig=" + contextKubeconfig(folder), "--listen=" + loopback(env.Ports.Kubelet), "--cert-dir=" + ownPKI(folder),
		"--serving-name=" + docker.HostName, fmt.Sprintf("--seed=%d", env.Telemetry.Seed), "--state-file=" + filepath.Join(folder.DataDir(), "kubelet.json"),
	}
}

// contextKubeconfig is the copy of what the user's kubeconfig says of the
// cluster that is watched.
func contextKubeconfig(folder state.Folder) string {
	return controlplane.Options{Dir: folder.Path}.Kubeconfig("context")
}

func ownPKI(folder state.Folder) string { return filepath.Join(folder.Path, "pki") }

// containerDir is the folder of this machine that a container sees as
// inContainers.
func containerDir(folder state.Folder, name string) string {
	return filepath.Join(folder.ConfigDir(), name)
}

// lgtmSpec is the LGTM container. Its Prometheus is configured by our file in
// the place of its own: the labels and rules are those of the embedded kind.
func lgtmSpec(p Plan, folder state.Folder) docker.Spec {
	dir, ports := containerDir(folder, lgtmName), p.Environment.Ports
	spec := docker.Spec{
		Image: p.Environment.Images.LGTM,
		Mounts: []docker.Mount{
			{Source: filepath.Join(dir, "dashboards"), Target: lgtmDashboards, ReadOnly: true},
			{Source: filepath.Join(dir, "rules"), Target: lgtmRules, ReadOnly: true},
			{Source: filepath.Join(dir, "provider.yaml"), Target: lgtmProvider, ReadOnly: true},
			{Source: filepath.Join(dir, "datasource.yaml"), Target: lgtmDatasource, ReadOnly: true},
			{Source: filepath.Join(dir, "prometheus.yaml"), Target: lgtmPrometheusFile, ReadOnly: true},
			{Source: p.Network + "-" + lgtmName, Target: lgtmData},
		},
		Ports: []docker.Port{
			{Host: ports.Dashboards, Container: grafanaPort}, {Host: ports.OTLPGRPC, Container: otlpGRPCPort}, {Host: ports.OTLPHTTP, Container: otlpHTTPPort},
			{Host: p.Internal[lgtmCollectorSelf], Container: selfMetricsPort},
		},
	}
	for _, v := range lgtmEnv(p.Environment) {
		spec.Env = append(spec.Env, v.Name+"="+v.Value)
	}
	if p.Environment.Backend.PublishPrometheus {
		spec.Ports = append(spec.Ports, docker.Port{Host: ports.Prometheus, Container: prometheusPort})
	}
	return spec
}

// collectorSpec is the collector's container. It reads credentials that only
// the user may read.
func collectorSpec(p Plan, folder state.Folder) docker.Spec {
	return docker.Spec{
		Image: p.Environment.Images.Collector, AsUser: true,
		Args:   []string{"--config=" + inContainers + "/config.yaml"},
		Env:    []string{"KUBECONFIG=" + inContainers + "/kubeconfig"},
		Mounts: []docker.Mount{{Source: containerDir(folder, collectorName), Target: inContainers, ReadOnly: true}},
		Ports: []docker.Port{
			{Host: p.Internal["clusterCollectorHealth"], Container: healthPort}, {Host: p.Internal["clusterCollectorSelf"], Container: selfMetricsPort},
		},
	}
}

// statsProxySpec is the kubelet API in a container of diorama's own image.
func statsProxySpec(image string, env v1alpha1.Environment, folder state.Folder) docker.Spec {
	return docker.Spec{
		Image: image, AsUser: true,
		Args: []string{
			"stats-proxy", "--kubeconfig=" + inContainers + "/kubeconfig", fmt.Sprintf("--listen=0.0.0.0:%d", kubeletProxyPort),
			"--serving-ca-cert=" + inContainers + "/serving-ca.crt", "--serving-ca-key=" + inContainers + "/serving-ca.key",
			"--client-ca=" + inContainers + "/client-ca.crt", "--serving-name=" + statsProxyName, fmt.Sprintf("--seed=%d", env.Telemetry.Seed),
		},
		Mounts: []docker.Mount{{Source: containerDir(folder, statsProxyName), Target: inContainers, ReadOnly: true}},
	}
}

// addCollectorFile renders the collector's configuration for the nodes that
// are planned; those of a cluster that is not ours are found when it starts.
func addCollectorFile(p *Plan, folder state.Folder) error {
	path := containerCollectorFile(folder)
	if own := p.Environment.Telemetry.Collectors.Cluster; own != "" {
		return nil // it is copied when the environment starts
	}
	var names []string
	if p.Environment.Cluster.KubeContext == "" {
		names = nodes.Fleet{Nodes: p.Environment.Cluster.Nodes}.Names()
	}
	text, err := containerCollector(p.Environment, p.Environment.Ports.Kubelet, names)
	p.Files[path] = text
	return err
}

func containerCollectorFile(folder state.Folder) string {
	return filepath.Join(containerDir(folder, collectorName), "config.yaml")
}

// containerCollector renders the configuration of the collector's container,
// which reaches the kubelet API of this machine at a port of its network's
// gateway.
func containerCollector(env v1alpha1.Environment, kubeletPort int, nodes []string) (string, error) {
	kubelet := fmt.Sprintf("https://%s:%d", docker.HostName, kubeletPort)
	if env.Images.StatsProxy != "" {
		kubelet = fmt.Sprintf("https://%s:%d", statsProxyName, kubeletProxyPort)
	}
	everywhere := func(port int) string { return fmt.Sprintf("0.0.0.0:%d", port) }
	return collector.ContainerConfig(collector.Options{
		Kubeconfig: inContainers + "/kubeconfig", ClusterName: env.Name, Image: env.Images.Collector,
		BackendURL:      fmt.Sprintf("http://%s:%d", lgtmName, otlpHTTPPort),
		KubeletEndpoint: kubelet, KubeletCA: inContainers + "/ca.crt", ClientCert: inContainers + "/client.crt", ClientKey: inContainers + "/client.key",
		Interval: time.Duration(env.Telemetry.Interval), OTLPGRPC: everywhere(otlpGRPCPort), OTLPHTTP: everywhere(otlpHTTPPort),
		Health: everywhere(healthPort), SelfMetrics: everywhere(selfMetricsPort), Nodes: nodes,
	})
}

// addLGTMFiles renders what configures the LGTM container.
func addLGTMFiles(p *Plan, folder state.Folder) error {
	dir := containerDir(folder, lgtmName)
	p.Files[filepath.Join(dir, "provider.yaml")] = providerFile()
	p.Files[filepath.Join(dir, "datasource.yaml")] = datasourceFile(time.Duration(p.Environment.Telemetry.Interval))
	prometheus, err := prometheusFile(p.Environment.Backend)
	p.Files[filepath.Join(dir, "prometheus.yaml")] = prometheus
	return err
}

// providerFile makes Grafana read a folder of dashboards, and again when one
// changes. https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
func providerFile() string {
	return `# Dashboards of diorama, and yours.
apiVersion: 1
providers:
  - name: diorama
    type: file
    updateIntervalSeconds: 3
    allowUiUpdates: true
    options:
      path: ` + lgtmDashboards + `
      foldersFromFilesStructure: true
`
}

// prometheusFile configures Prometheus as the embedded backend is.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/
func prometheusFile(b v1alpha1.Backend) (string, error) {
	attributes, err := json.Marshal(slices.Concat(backend.DefaultPromotedAttributes(), b.PromoteResourceAttributes))
	if err != nil {
		return "", fmt.Errorf("encoding the promoted attributes: %w", err)
	}
	return fmt.Sprintf(`# Takes the place of the image's own file: the same labels, names and rules as
# in diorama's embedded kind.
global:
  evaluation_interval: 15s
otlp:
  translation_strategy: %s
  promote_resource_attributes: %s
storage:
  tsdb:
    out_of_order_time_window: %s
rule_files: [%s/*.yaml]
`, b.TranslationStrategy, attributes, b.OutOfOrderWindow, lgtmRules), nil
}
