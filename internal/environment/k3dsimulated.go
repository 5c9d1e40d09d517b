package environment

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/state"
)

// The components of simulated nodes beside real ones.
const (
	simulatedName      = "simulated-nodes"
	simulatedCollector = "collector-simulated"
)

// addSimulated plans simulated nodes beside the real ones of a k3d cluster:
// KWOK's controllers, the kubelet API and the node collector are diorama's own
// processes, as in the kind embedded, and what they see goes to LGTM.
func addSimulated(p *Plan, folder state.Folder) error {
	env := p.Environment
	path := filepath.Join(folder.ConfigDir(), "collector-simulated.yaml")
	text, err := collector.NodesConfig(collector.Options{
		Kubeconfig: contextKubeconfig(folder), ClusterName: env.Name, BackendURL: "http://" + loopback(env.Ports.OTLPHTTP), OTLP: true,
		KubeletEndpoint: "https://" + loopback(env.Ports.Kubelet), KubeletCA: filepath.Join(ownPKI(folder), "ca.crt"),
		ClientCert: filepath.Join(ownPKI(folder), "client.crt"), ClientKey: filepath.Join(ownPKI(folder), "client.key"),
		Interval: time.Duration(env.Telemetry.Interval),
		Health:   loopback(p.Internal["nodeCollectorHealth"]), SelfMetrics: loopback(p.Internal["nodeCollectorSelf"]),
	})
	if err != nil {
		return err
	}
	p.Files[path] = text
	p.step(bootstrap, "installs KWOK's definitions and stages", cluster)
	p.program(kubelets, []string{bootstrap}, append(statsProxyArgs(env, folder), "--", "kwok",
		"--kubeconfig="+contextKubeconfig(folder), "--health-address="+loopback(p.Internal["kwokHealth"])))
	p.step(simulatedName, fmt.Sprintf("makes %d simulated nodes and %d pods, kept apart from the real ones, and waits until they run", env.Cluster.Nodes, env.Cluster.Pods), kubelets)
	p.program(simulatedCollector, []string{kubelets, forwardsName}, []string{"--config=" + path}, "KUBECONFIG="+contextKubeconfig(folder))
	return nil
}

// simulateNodes makes the simulated nodes and their pods.
func (r *recipe) simulateNodes(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	return r.resize(ctx, config, r.plan.Environment.Cluster, func(text string) { r.host.detail(simulatedName, text) })
}
