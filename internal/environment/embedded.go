package environment

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/state"
)

// The components of the embedded kind; those of the cluster are other kinds' too.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	bootstrap         = "bootstrap"
	kubelets          = "kubelet"
	backendName       = "backend"
	dashboardsName    = "dashboards"
	clusterCollector  = "collector-cluster"
	nodeCollector     = "collector-nodes"
	cluster           = "cluster"
	metricsAPI        = "metrics-api"
	telemetry         = "telemetry"
	kubeContext       = "context"
)

func controlPlaneOptions(p Plan) controlplane.Options {
	return controlplane.Options{Dir: p.Folder, Ports: controlplane.Ports{
		API: p.Environment.Ports.Kubernetes, EtcdClient: p.Internal["etcdClient"], EtcdPeer: p.Internal["etcdPeer"],
		ControllerManager: p.Internal["controllerManager"], Scheduler: p.Internal["scheduler"], KubeletTunnel: p.Internal["kubeletTunnel"],
	}}
}

// planEmbedded plans the kind that needs nothing but the binary.
func planEmbedded(p Plan, folder state.Folder) (Plan, error) {
	env, control := p.Environment, controlPlaneOptions(p)
	clusterArgs, nodesArgs, err := collectorArgs(&p, control, folder)
	if err != nil {
		return p, err
	}
	rules, err := shippedRules(&p, folder)
	if err != nil {
		return p, err
	}
	collectorEnv := "KUBECONFIG=" + control.Kubeconfig("collector")

	p.addControlPlane(control, folder)
	// The dashboards are small beside what a process of their own would cost.
	p.program(backendName, nil, slices.Concat([]string{backendName}, backendArgs(p, folder, rules), []string{"--", dashboardsName}, dashboardsArgs(p, control)))
	p.program(clusterCollector, []string{bootstrap, backendName}, clusterArgs, collectorEnv)
	p.program(nodeCollector, []string{kubelets, backendName}, nodesArgs, collectorEnv)
	p.addCluster()
	p.step(telemetry, "waits for the first metrics of both collectors", clusterCollector, nodeCollector, cluster)
	p.addContext(env.Name, telemetry, metricsAPI)
	return p, nil
}

// addControlPlane plans an API server and the simulated kubelets.
func (p *Plan) addControlPlane(control controlplane.Options, folder state.Folder) {
	maps.Copy(p.Files, control.Files())
	p.program(etcd, nil, control.EtcdArgs())
	p.program(apiServer, []string{etcd}, control.APIServerArgs())
	p.program(controllerManager, []string{apiServer}, control.ControllerManagerArgs())
	p.program(scheduler, []string{apiServer}, control.SchedulerArgs())
	p.step(bootstrap, "installs KWOK's definitions, access rules and stages", apiServer)
	// KWOK's controllers and the kubelet API are one actor, the simulated
	// kubelets, and one process: each of its own costs some 20 MB.
	p.program(kubelets, []string{bootstrap}, slices.Concat([]string{"stats-proxy"}, kubeletArgs(*p, control, folder), []string{
		"--", "kwok", "--kubeconfig=" + control.Kubeconfig("kwok"), "--health-address=" + loopback(p.Internal["kwokHealth"]),
	}))
	p.step(metricsAPI, "registers the metrics API, for kubectl top and autoscalers", kubelets)
}

// addCluster plans the simulated nodes and pods.
func (p *Plan) addCluster() {
	size := p.Environment.Cluster
	p.step(cluster, fmt.Sprintf("makes %d nodes and %d pods and waits until they run", size.Nodes, size.Pods), kubelets, controllerManager, scheduler)
}

// addContext plans the change to the user's kubeconfig, which comes last.
func (p *Plan) addContext(name string, needs ...string) {
	p.step(kubeContext, "adds the context diorama-"+name+" to the kubeconfig and makes it current", needs...)
}

// commandOf returns the verb that runs a component.
func commandOf(name string) string {
	switch name {
	case kubelets, backendName:
		return "together"
	case clusterCollector, nodeCollector, simulatedCollector:
		return "collector"
	}
	return name
}

// kubeletArgs are the arguments of the kubelet API.
func kubeletArgs(p Plan, control controlplane.Options, folder state.Folder) []string {
	env := p.Environment
	args := []string{
		"--kubeconfig=" + control.Kubeconfig("kubelet"),
		"--listen=" + loopback(env.Ports.Kubelet), "--tunnel-listen=" + loopback(p.Internal["kubeletTunnel"]),
		"--serving-ca-cert=" + control.Certificate("kubelet-ca"), "--serving-ca-key=" + control.Key("kubelet-ca"),
		"--metrics-host=" + controlplane.MetricsServerIP, "--requestheader-client-ca=" + control.Certificate("front-proxy-ca"),
		"--client-ca=" + control.Certificate("ca"), "--seed=" + strconv.FormatUint(env.Telemetry.Seed, 10),
		"--state-file=" + filepath.Join(folder.DataDir(), "kubelet.json"),
	}
	if p.Network != "" {
		args = append(args, "--serving-name="+docker.HostName)
	}
	return args
}

// shippedRules adds the rules that come with diorama to the plan's files and
// returns their paths.
func shippedRules(p *Plan, folder state.Folder) ([]string, error) {
	files, err := dashboards.RuleFiles()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(folder.ConfigDir(), "rules", name)
		p.Files[path] = files[name]
		paths = append(paths, path)
	}
	return paths, nil
}

// backendArgs are the backend's arguments; the user's rules come on top of the
// shipped ones.
func backendArgs(p Plan, folder state.Folder, shipped []string) []string {
	b := p.Environment.Backend
	args := []string{
		"--listen=" + loopback(p.Environment.Ports.Prometheus), "--data=" + filepath.Join(folder.DataDir(), "backend"),
		"--retention=" + b.Retention.String(), "--out-of-order-window=" + b.OutOfOrderWindow.String(),
		"--translation-strategy=" + b.TranslationStrategy, "--max-events=" + strconv.Itoa(b.MaxEvents),
	}
	for _, attribute := range b.PromoteResourceAttributes {
		args = append(args, "--promote-resource-attribute="+attribute)
	}
	for _, rules := range slices.Concat(shipped, b.Rules) {
		args = append(args, "--rules="+rules)
	}
	return args
}

// dashboardsArgs are the arguments of what serves dashboards. It reads of the
// cluster what the collectors read too, with their credentials.
func dashboardsArgs(p Plan, control controlplane.Options) []string {
	env := p.Environment
	args := []string{
		"--listen=" + loopback(env.Ports.Dashboards), "--prometheus=http://" + loopback(env.Ports.Prometheus),
		"--scrape-interval=" + env.Telemetry.Interval.String(), "--environment=" + env.Name, "--kubeconfig=" + control.Kubeconfig("collector"),
	}
	if env.Dashboards.Folder != "" {
		args = append(args, "--dashboards="+env.Dashboards.Folder)
	}
	for _, path := range env.Dashboards.JsonnetPaths {
		args = append(args, "--jsonnet-path="+path)
	}
	return args
}

// collectorArgs renders the collectors' configurations into the plan, or names
// the user's own, and returns the arguments of both.
func collectorArgs(p *Plan, control controlplane.Options, folder state.Folder) (clusterArgs, nodesArgs []string, err error) {
	args := func(own, which, prefix string, render func(collector.Options) (string, error)) ([]string, error) {
		if own != "" {
			// It need not have a health check of its own.
			return []string{"--config=" + own, "--health-address=" + loopback(p.Internal[prefix+"Health"])}, nil
		}
		path := CollectorFile(folder, which)
		text, err := render(collectorOptions(p.Environment, p.Internal, control, prefix))
		p.Files[path] = text
		return []string{"--config=" + path}, err
	}
	own := p.Environment.Telemetry.Collectors
	clusterArgs, clusterErr := args(own.Cluster, "cluster", "clusterCollector", collector.ClusterConfig)
	nodesArgs, nodesErr := args(own.Nodes, "nodes", "nodeCollector", collector.NodesConfig)
	return clusterArgs, nodesArgs, errors.Join(clusterErr, nodesErr)
}

// CollectorFile is the path of the rendered configuration of a collector:
// cluster or nodes.
func CollectorFile(folder state.Folder, which string) string {
	return filepath.Join(folder.ConfigDir(), "collector-"+which+".yaml")
}

// CollectorConfig returns the configuration of a collector, cluster or nodes,
// or of the one in a container: what a running environment uses, else what the
// environment would use. Ports that are picked at start are 0 then.
func CollectorConfig(env v1alpha1.Environment, folder state.Folder, which string) (string, error) {
	env.Telemetry.Collectors = v1alpha1.Collectors{}
	plan, err := DryPlan(env, folder)
	if err != nil {
		return "", err
	}
	path := CollectorFile(folder, which)
	switch env.Kind {
	case v1alpha1.Kwok:
		path = containerCollectorFile(folder)
	case v1alpha1.K3d:
		path = valuesFile(folder, which)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return plan.Files[path], nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the collector's configuration: %w", err)
	}
	return string(data), nil
}

// AdminKubeconfig is the path of the administrator's kubeconfig.
func AdminKubeconfig(folder state.Folder) string {
	return controlplane.Options{Dir: folder.Path}.Kubeconfig("admin")
}

// collectorOptions are what a collector's configuration is rendered from.
// prefix picks the internal ports of one of the two collectors.
func collectorOptions(env v1alpha1.Environment, internal map[string]int, control controlplane.Options, prefix string) collector.Options {
	exporter := env.Ports.CollectorMetrics
	if prefix == "nodeCollector" {
		exporter = env.Ports.NodeMetrics
	}
	return collector.Options{
		Kubeconfig: control.Kubeconfig("collector"), ClusterName: env.Name,
		BackendURL:      "http://" + loopback(env.Ports.Prometheus),
		KubeletEndpoint: "https://" + loopback(env.Ports.Kubelet), KubeletCA: control.Certificate("kubelet-ca"),
		ClientCert: control.Certificate("collector"), ClientKey: control.Key("collector"),
		Interval: time.Duration(env.Telemetry.Interval),
		OTLPGRPC: loopback(env.Ports.OTLPGRPC), OTLPHTTP: loopback(env.Ports.OTLPHTTP),
		PrometheusExporter: loopback(exporter), Health: loopback(internal[prefix+"Health"]), SelfMetrics: loopback(internal[prefix+"Self"]),
	}
}
