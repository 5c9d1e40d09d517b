package kinds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/k3d"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/telemetry"
)

// The components that only the kind k3d has.
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
	lgtmOnNodes = "/etc/diorama/" + lgtm.Name
	chartName   = "opentelemetry-collector"
)

// k3dKind is a real cluster in containers, with LGTM and two collectors in it.
func k3dKind() Kind {
	return Kind{
		Name:       v1alpha1.K3d,
		Ports:      []string{lgtmSelf, "kwokHealth", "nodeCollectorHealth", "nodeCollectorSelf"},
		Plan:       planK3d,
		Collectors: []string{"cluster", "nodes"}, CollectorFile: valuesFile,
		CleanUp: func(ctx context.Context, folder state.Folder, env v1alpha1.Environment, keepData bool) (error, error) {
			// What k3d has left in the folder for temporary files is small.
			return k3d.RemoveTemporary(planCluster(env).names()), containers.Remove(ctx, folder, keepData)
		},
	}
}

func planK3d(p *plan.Plan, folder state.Folder) error {
	k, err := newK3dCluster(p, folder)
	if err != nil {
		return err
	}
	env := p.Environment
	images := unique(append([]string{k.Cluster.Image}, k.Cluster.Images...))
	p.Add(firstSteps(p, k.shared, images)...)
	p.Add(
		plan.Component{Name: chartStep, Runs: plan.Step{
			Does: "fetches the collectors' Helm chart, unless it is here, and reads it", Do: k.fetchCharts,
		}},
		k.reads.provisioning(),
		plan.Component{
			Name: clusterName, Needs: []string{provisioningName, imagesName, networkName},
			Runs: plan.Step{
				Does: fmt.Sprintf("makes the k3d cluster %s of %d servers and %d agents, and waits for its nodes",
					k.Cluster.Name, k.Cluster.Servers, k.Cluster.Agents),
				Do: k.create, Undo: k.close,
			},
			Probe: p.Cluster.Access.Probe,
		},
		plan.Component{Name: nodeImagesName, Needs: []string{clusterName}, Runs: plan.Step{
			Does: "copies the images of the pods into the nodes", Do: k.importImages,
		}},
	)
	p.Add(k.workloads()...)
	p.Add(k.forward())
	last := []string{clusterCollector, nodeCollector, forwardsName}
	if env.Cluster.Nodes > 0 {
		alongside, err := nodesAlongside(p, folder)
		if err != nil {
			return err
		}
		p.Add(alongside...)
		last = append(last, simulatedName, simulatedCollector)
	}
	p.Add(
		plan.Component{Name: telemetryName, Needs: last, Runs: plan.Step{
			Does: "waits for the first metrics", Do: awaitTelemetry(p),
		}},
		kubeContext(p, telemetryName),
	)
	k.runAs(p)
	return nil
}

// workloads are what runs in the cluster.
func (k *k3dCluster) workloads() []plan.Component {
	all := []plan.Component{{Name: lgtm.Name, Needs: []string{nodeImagesName}, Runs: plan.Workload{
		Does: "applies LGTM as a Deployment and a Service, and waits for it", Config: k.manifest(lgtm.Name),
	}}}
	if _, planned := k.Manifests[workloadsName]; planned {
		all = append(all, plan.Component{Name: workloadsName, Needs: []string{nodeImagesName}, Runs: plan.Workload{
			Does: "applies a few small workloads and waits for them", Config: k.manifest(workloadsName),
		}})
	}
	needs := []string{nodeImagesName, chartStep}
	return append(all,
		plan.Component{Name: clusterCollector, Needs: needs, Runs: plan.Workload{
			Does:   "installs the Helm release " + collector.ClusterRelease + ", a Deployment, and waits for it",
			Config: k.charts.Workload(collector.ClusterRelease, k.p.Cluster.Config),
		}},
		plan.Component{Name: nodeCollector, Needs: needs, Runs: plan.Workload{
			Does:   "installs the Helm release " + collector.NodesRelease + ", a DaemonSet, and waits for it",
			Config: k.charts.Workload(collector.NodesRelease, k.p.Cluster.Config),
		}},
	)
}

// runAs says how the environment is run, apart from its components.
func (k *k3dCluster) runAs(p *plan.Plan) {
	p.Endpoints = k3dEndpoints(p.Environment)
	p.Telemetry = k3dTelemetry(p)
	p.CheckFiles = func() error { return errors.Join(lgtm.CheckRules(p.Environment.Backend.Rules), k.charts.Check()) }
	p.Check = func(ctx context.Context) error {
		return k.shared.Check(ctx, k.Cluster.names().NodeNames(), nil)
	}
	p.Members = k.members.Statuses
	p.Warnings = func() []string { return append(k.shared.Images.Warnings(), k.reads.warnings()...) }
}

func k3dEndpoints(env v1alpha1.Environment) control.Endpoints {
	ports := env.Ports
	e := control.Endpoints{
		Dashboards: loopback.HTTP(ports.Dashboards, ""), Prometheus: loopback.HTTP(ports.Prometheus, ""),
		OTLPGRPC: loopback.Address(ports.OTLPGRPC), OTLPHTTP: loopback.HTTP(ports.OTLPHTTP, ""),
		Kubernetes: loopback.HTTPS(ports.Kubernetes),
	}
	if env.Cluster.Nodes > 0 {
		e.Kubelet = loopback.HTTPS(ports.Kubelet) // of the simulated nodes
	}
	return e
}

// k3dTelemetry reads of the collectors in the store: they are pods.
func k3dTelemetry(p *plan.Plan) telemetry.Sources {
	own := p.Environment.Telemetry.Collectors
	s := telemetry.Sources{
		Prometheus: p.Endpoints.Prometheus, Foreign: true, Stored: true,
		Relay:    loopback.HTTP(p.Internal[lgtmSelf], "/metrics"),
		Interval: time.Duration(p.Environment.Telemetry.Interval), First: map[string]string{},
	}
	if own.Cluster == "" {
		s.First["k8s_cluster"] = telemetry.OfCluster
	}
	if own.Nodes == "" && own.Cluster == "" {
		s.First["kubeletstats"] = telemetry.OfKubelets
	}
	if p.Environment.Cluster.Nodes > 0 {
		s.First["kubeletstats of simulated nodes"] = telemetry.OfNode(nodes.Fleet{Nodes: 1}.Names()[0])
	}
	return s
}
