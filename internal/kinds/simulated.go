package kinds

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// The components of a simulated cluster.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	bootstrap         = "bootstrap"
	kubelets          = "kubelet"
	metricsAPI        = "metrics-api"
	clusterName       = "cluster"
)

// controlPlanePorts are the internal ports of a simulated cluster.
func controlPlanePorts() []string {
	return []string{"etcdClient", "etcdPeer", "controllerManager", "scheduler", "kubeletTunnel", "kwokHealth"}
}

func controlPlane(p *plan.Plan) controlplane.Options {
	return controlplane.Options{Dir: p.Folder, Ports: controlplane.Ports{
		API: p.Environment.Ports.Kubernetes, EtcdClient: p.Internal["etcdClient"], EtcdPeer: p.Internal["etcdPeer"],
		ControllerManager: p.Internal["controllerManager"], Scheduler: p.Internal["scheduler"],
		KubeletTunnel: p.Internal["kubeletTunnel"],
	}}
}

// ownCluster makes the plan's cluster one of diorama's own.
func ownCluster(p *plan.Plan) {
	control := controlPlane(p)
	p.Cluster = &cluster.Cluster{Access: cluster.Own(control)}
	maps.Copy(p.Files, control.Files())
	p.Prepare = func() error { return controlplane.EnsureCredentials(control) }
}

// simulated are an API server and the simulated kubelets; more are further
// arguments of the kubelet API.
func simulated(p *plan.Plan, folder state.Folder, more ...string) []plan.Component {
	control, access := controlPlane(p), p.Cluster.Access
	return []plan.Component{
		{Name: etcd, Runs: verb(etcd, control.EtcdArgs()...), Probe: control.ProbeEtcd},
		{
			Name: apiServer, Needs: []string{etcd},
			Runs: verb(apiServer, control.APIServerArgs()...), Probe: control.ProbeAPIServer,
		},
		{
			Name: controllerManager, Needs: []string{apiServer},
			Runs: verb(controllerManager, control.ControllerManagerArgs()...), Probe: control.ProbeControllerManager,
		},
		{
			Name: scheduler, Needs: []string{apiServer},
			Runs: verb(scheduler, control.SchedulerArgs()...), Probe: control.ProbeScheduler,
		},
		{Name: bootstrap, Needs: []string{apiServer}, Runs: plan.Step{
			Does: "installs KWOK's definitions, access rules and stages",
			Do:   define(access, p.Environment.Cluster.Stages, controlplane.Bootstrap),
		}},
		// KWOK's controllers and the kubelet API are one actor, the simulated
		// kubelets, and one process: each of its own costs some 20 MB.
		{
			Name: kubelets, Needs: []string{bootstrap},
			Runs: together(
				slices.Concat([]string{"stats-proxy"}, kubeletArgs(p, folder, control), more),
				kwokArgs(control.Kubeconfig("kwok"), p)...),
			Probe: both(
				access.ProbeKubelets(p.Environment.Ports.Kubelet), answers(p.Internal["kwokHealth"], "/healthz"),
			),
		},
		{Name: metricsAPI, Needs: []string{kubelets}, Runs: plan.Step{
			Does: "registers the metrics API, for kubectl top and autoscalers",
			Do:   registerMetrics(access),
		}},
	}
}

// simulatedNodes are the nodes and pods of a cluster of diorama's own.
func simulatedNodes(p *plan.Plan) plan.Component {
	size, members := p.Environment.Cluster, p.Cluster
	return plan.Component{Name: clusterName, Needs: []string{kubelets, controllerManager, scheduler}, Runs: plan.Step{
		Does: fmt.Sprintf("makes %d nodes and %d pods and waits until they run", size.Nodes, size.Pods),
		Do: func(ctx context.Context, report func(string)) error {
			config, err := members.Config()
			if err != nil {
				return err
			}
			if err := members.Count(config); err != nil {
				return err
			}
			return members.Resize(ctx, config, size, report)
		},
		Undo: endCounting(members),
	}}
}

func endCounting(members *cluster.Cluster) func(context.Context) error {
	return func(context.Context) error {
		members.EndCounting()
		return nil
	}
}

// verb runs a component by its name.
func verb(name string, args ...string) plan.Process {
	return plan.Process{Args: append([]string{name}, args...)}
}

// together runs two verbs with their arguments in one process.
func together(first []string, second ...string) plan.Process {
	return verb("together", slices.Concat(first, []string{"--"}, second)...)
}

// kwokArgs run KWOK's controllers.
func kwokArgs(kubeconfig string, p *plan.Plan) []string {
	health := loopback.Address(p.Internal["kwokHealth"])
	return []string{"kwok", "--kubeconfig=" + kubeconfig, "--health-address=" + health}
}

// kubeletArgs are the arguments of the kubelet API of a control plane of ours.
func kubeletArgs(p *plan.Plan, folder state.Folder, control controlplane.Options) []string {
	env, access := p.Environment, p.Cluster.Access
	return []string{
		"--kubeconfig=" + control.Kubeconfig("kubelet"), "--listen=" + loopback.Address(env.Ports.Kubelet),
		"--tunnel-listen=" + loopback.Address(p.Internal["kubeletTunnel"]),
		"--serving-ca-cert=" + access.KubeletCA.Certificate, "--serving-ca-key=" + access.KubeletCA.Key,
		"--metrics-host=" + controlplane.MetricsServerIP,
		"--requestheader-client-ca=" + control.Certificate("front-proxy-ca"),
		"--client-ca=" + control.Certificate("ca"), "--seed=" + strconv.FormatUint(env.Telemetry.Seed, 10),
		"--state-file=" + filepath.Join(folder.DataDir(), "kubelet.json"),
	}
}

// define installs what the API of a cluster has to know of KWOK: what diorama's own
// control plane needs, or any other; and the Stage objects.
func define(
	access cluster.Access, stages []string, install func(context.Context, *rest.Config, apiretry.Report) error,
) func(context.Context, func(string)) error {
	return func(ctx context.Context, report func(string)) error {
		config, err := access.Config()
		if err != nil {
			return err
		}
		if err := install(ctx, config, report); err != nil {
			return err
		}
		files, err := cluster.StageFiles(stages)
		if err != nil {
			return err
		}
		return nodes.ApplyStages(ctx, config, files, report)
	}
}

// registerMetrics comes once the kubelets are there, which serve the API.
func registerMetrics(access cluster.Access) func(context.Context, func(string)) error {
	return func(ctx context.Context, report func(string)) error {
		config, err := access.Config()
		if err != nil {
			return err
		}
		ca, err := os.ReadFile(access.KubeletCA.Certificate)
		if err != nil {
			return fmt.Errorf("reading the kubelets' CA: %w", err)
		}
		return controlplane.RegisterMetrics(ctx, config, ca, report)
	}
}
