package kinds

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// The components of simulated nodes alongside real ones.
const (
	simulatedName      = "simulated-nodes"
	simulatedCollector = "collector-simulated"
)

// nodesAlongside are simulated nodes alongside the real ones of a k3d cluster:
// KWOK's controllers, the kubelet API and the node collector are diorama's own
// processes, as in the kind embedded, and what they see goes to LGTM.
func nodesAlongside(p *plan.Plan, folder state.Folder) ([]plan.Component, error) {
	env, members := p.Environment, p.Cluster
	path := filepath.Join(folder.ConfigDir(), "collector-simulated.yaml")
	text, err := collector.NodesConfig(collector.Options{
		Kubeconfig: members.Kubeconfig, ClusterName: env.Name,
		BackendURL: loopback.HTTP(env.Ports.OTLPHTTP, ""), OTLP: true,
		KubeletEndpoint: loopback.HTTPS(env.Ports.Kubelet), KubeletCA: members.KubeletCA.Certificate,
		ClientCert: members.KubeletClient.Certificate, ClientKey: members.KubeletClient.Key,
		Interval:    time.Duration(env.Telemetry.Interval),
		Health:      loopback.Address(p.Internal["nodeCollectorHealth"]),
		SelfMetrics: loopback.Address(p.Internal["nodeCollectorSelf"]),
	})
	p.Files[path] = text
	members.Leaving = collector.LetGo(members.Simulated, loopback.HTTP(p.Internal["nodeCollectorSelf"], "/metrics"))
	return []plan.Component{
		{Name: bootstrap, Needs: []string{clusterName}, Runs: plan.Step{
			Does: "installs KWOK's definitions and stages",
			Do:   define(members.Access, env.Cluster.Stages, controlplane.Define),
		}},
		{
			Name: kubelets, Needs: []string{bootstrap},
			Runs:  together(statsProxyArgs(env, folder), kwokArgs(members.Kubeconfig, p)...),
			Probe: both(members.ProbeKubelets(env.Ports.Kubelet), answers(p.Internal["kwokHealth"], "/healthz")),
		},
		{Name: simulatedName, Needs: []string{kubelets}, Runs: plan.Step{
			Does: fmt.Sprintf("makes %d simulated nodes and %d pods, kept apart from the real ones, and waits until they run",
				env.Cluster.Nodes, env.Cluster.Pods),
			Do: func(ctx context.Context, report func(string)) error {
				config, err := members.Config()
				if err != nil {
					return err
				}
				return members.Resize(ctx, config, env.Cluster, report)
			},
		}},
		{
			Name: simulatedCollector, Needs: []string{kubelets, forwardsName},
			Runs: plan.Process{
				Args: []string{"collector", "--config=" + path}, Env: []string{"KUBECONFIG=" + members.Kubeconfig},
			},
			Probe: answers(p.Internal["nodeCollectorHealth"], "/"),
		},
	}, err
}
