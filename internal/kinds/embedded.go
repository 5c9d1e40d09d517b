package kinds

import (
	"context"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/telemetry"
)

// The components of the kind embedded, without those of its cluster.
const (
	backendName      = "backend"
	clusterCollector = "collector-cluster"
	nodeCollector    = "collector-nodes"
	telemetryName    = "telemetry"
	contextStep      = "context"
)

// embedded needs nothing but the binary.
func embedded() Kind {
	return Kind{
		Name: v1alpha1.Embedded,
		Ports: append(controlPlanePorts(),
			"clusterCollectorHealth", "clusterCollectorSelf", "nodeCollectorHealth", "nodeCollectorSelf"),
		Plan:       planEmbedded,
		Collectors: []string{"cluster"}, CollectorFile: collectorFile,
		OwnPage: true,
		// Its processes have ended with their supervisor.
		CleanUp: func(context.Context, state.Folder, v1alpha1.Environment, bool) (error, error) { return nil, nil },
	}
}

func planEmbedded(p *plan.Plan, folder state.Folder) error {
	ownCluster(p)
	ofCluster, ofNodes, err := renderCollectors(p, folder)
	if err != nil {
		return err
	}
	rules, err := shippedRules(p, folder)
	if err != nil {
		return err
	}
	ports := p.Environment.Ports
	p.Add(simulated(p, folder)...)
	p.Add(
		// The dashboards are small next to what a process of their own would cost.
		plan.Component{
			Name: backendName,
			Runs: together(append([]string{backendName}, backendArgs(p, folder, rules)...),
				append([]string{"dashboards"}, dashboardsArgs(p, controlPlane(p).Kubeconfig("collector"))...)...),
			Probe: both(answers(ports.Prometheus, "/-/ready"), answers(ports.Dashboards, "/api/health")),
		},
		plan.Component{
			Name: clusterCollector, Needs: []string{bootstrap, backendName}, Runs: ofCluster,
			Probe: answers(p.Internal["clusterCollectorHealth"], "/"),
		},
		plan.Component{
			Name: nodeCollector, Needs: []string{kubelets, backendName}, Runs: ofNodes,
			Probe: answers(p.Internal["nodeCollectorHealth"], "/"),
		},
		simulatedNodes(p),
		plan.Component{Name: telemetryName, Needs: []string{clusterCollector, nodeCollector, clusterName}, Runs: plan.Step{
			Does: "waits for the first metrics of both collectors", Do: awaitTelemetry(p),
		}},
		kubeContext(p, telemetryName, metricsAPI),
	)
	p.Endpoints = embeddedEndpoints(ports)
	p.Telemetry = embeddedTelemetry(p)
	own := p.Environment.Telemetry.Collectors
	p.CheckFiles = collector.Checks(controlPlane(p).Kubeconfig("collector"), own.Cluster, own.Nodes)
	if own.Nodes == "" {
		p.Cluster.Leaving = collector.LetGo(p.Cluster.Simulated, loopback.HTTP(p.Internal["nodeCollectorSelf"], "/metrics"))
	}
	return nil
}

func embeddedEndpoints(ports v1alpha1.Ports) control.Endpoints {
	return control.Endpoints{
		Dashboards: loopback.HTTP(ports.Dashboards, ""), Prometheus: loopback.HTTP(ports.Prometheus, ""),
		OTLPGRPC: loopback.Address(ports.OTLPGRPC), OTLPHTTP: loopback.HTTP(ports.OTLPHTTP, ""),
		Kubernetes: loopback.HTTPS(ports.Kubernetes), Kubelet: loopback.HTTPS(ports.Kubelet),
		CollectorMetrics: loopback.HTTP(ports.CollectorMetrics, "/metrics"),
		NodeMetrics:      loopback.HTTP(ports.NodeMetrics, "/metrics"),
	}
}

// embeddedTelemetry knows of a configuration of the user's neither what it sends
// nor whether it has a page of its own metrics.
func embeddedTelemetry(p *plan.Plan) telemetry.Sources {
	own := p.Environment.Telemetry.Collectors
	s := telemetry.Sources{
		Prometheus: p.Endpoints.Prometheus, Interval: time.Duration(p.Environment.Telemetry.Interval),
		First: map[string]string{},
	}
	if own.Cluster == "" {
		s.Collectors = append(s.Collectors, loopback.HTTP(p.Internal["clusterCollectorSelf"], "/metrics"))
		s.First["k8s_cluster"] = telemetry.OfCluster
	}
	if own.Nodes == "" {
		s.Collectors = append(s.Collectors, loopback.HTTP(p.Internal["nodeCollectorSelf"], "/metrics"))
		s.First["kubeletstats"] = telemetry.OfKubelets
	}
	return s
}

// renderCollectors renders the collectors' configurations into the plan, or names
// the user's own, and returns what runs them.
func renderCollectors(p *plan.Plan, folder state.Folder) (ofCluster, ofNodes plan.Process, err error) {
	own, ports := p.Environment.Telemetry.Collectors, p.Environment.Ports
	ofCluster, err = renderCollector(p, collectorFile(folder, "cluster"), own.Cluster, "clusterCollector",
		ports.CollectorMetrics, collector.ClusterConfig)
	if err != nil {
		return ofCluster, ofNodes, err
	}
	ofNodes, err = renderCollector(p, collectorFile(folder, "nodes"), own.Nodes, "nodeCollector",
		ports.NodeMetrics, collector.NodesConfig)
	return ofCluster, ofNodes, err
}

// renderCollector has internal ports that begin with prefix; exporter is that of
// its metrics.
func renderCollector(
	p *plan.Plan, path, own, prefix string, exporter int, render func(collector.Options) (string, error),
) (plan.Process, error) {
	control, env := controlPlane(p), p.Environment
	process := plan.Process{Env: []string{"KUBECONFIG=" + control.Kubeconfig("collector")}}
	health := loopback.Address(p.Internal[prefix+"Health"])
	if own != "" {
		// It need not have a health check of its own.
		process.Args = []string{"collector", "--config=" + own, "--health-address=" + health}
		return process, nil
	}
	access := p.Cluster.Access
	text, err := render(collector.Options{
		Kubeconfig: control.Kubeconfig("collector"), ClusterName: env.Name,
		BackendURL:      loopback.HTTP(env.Ports.Prometheus, ""),
		KubeletEndpoint: loopback.HTTPS(env.Ports.Kubelet), KubeletCA: access.KubeletCA.Certificate,
		ClientCert: access.KubeletClient.Certificate, ClientKey: access.KubeletClient.Key,
		Interval: time.Duration(env.Telemetry.Interval),
		OTLPGRPC: loopback.Address(env.Ports.OTLPGRPC), OTLPHTTP: loopback.Address(env.Ports.OTLPHTTP),
		PrometheusExporter: loopback.Address(exporter), Health: health,
		SelfMetrics: loopback.Address(p.Internal[prefix+"Self"]),
	})
	p.Files[path] = text
	process.Args = []string{"collector", "--config=" + path}
	return process, err
}

// collectorFile is the path of the rendered configuration of a collector that is a
// process: cluster or nodes.
func collectorFile(folder state.Folder, which string) string {
	return filepath.Join(folder.ConfigDir(), "collector-"+which+".yaml")
}
