package environment

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"k8s.io/client-go/kubernetes"

	"github.com/diorama-lab/diorama/internal/controlplane"
)

// probe is what a process or container is asked, for as long as it runs; nil
// where nothing can be asked.
func (r *recipe) probe(name string) func(context.Context) error {
	plain := func(port int, path string) func(context.Context) error {
		return func(ctx context.Context) error {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			return controlplane.Probe(ctx, client, "http://"+loopback(port)+path)
		}
	}
	switch name {
	case etcd:
		return r.control.ProbeEtcd
	case apiServer:
		return r.control.ProbeAPIServer
	case controllerManager:
		return r.control.ProbeControllerManager
	case scheduler:
		return r.control.ProbeScheduler
	case kubelets:
		ca, client := r.kubeletPair()
		kubelet := r.control.ProbeKubelets(r.plan.Environment.Ports.Kubelet, ca, client)
		if r.plan.Environment.Cluster.KubeContext != "" {
			return kubelet // KWOK's controllers run elsewhere
		}
		return both(kubelet, plain(r.plan.Internal["kwokHealth"], "/healthz"))
	case backendName:
		ports := r.plan.Environment.Ports
		return both(plain(ports.Prometheus, "/-/ready"), plain(ports.Dashboards, "/api/health"))
	case clusterCollector:
		return plain(r.plan.Internal["clusterCollectorHealth"], "/")
	case nodeCollector, simulatedCollector:
		return plain(r.plan.Internal["nodeCollectorHealth"], "/")
	case lgtmName:
		return r.probeLGTM
	case beylaName:
		return r.probeBeyla
	case collectorName:
		// A configuration of the user's need not have a health check.
		if r.plan.Environment.Telemetry.Collectors.Cluster == "" {
			return plain(r.plan.Internal["clusterCollectorHealth"], "/")
		}
	}
	return nil
}

// both asks two probes.
func both(first, second func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return cmp.Or(first(ctx), second(ctx)) }
}

// probeAPI asks a Kubernetes API that is no process of ours.
func (r *recipe) probeAPI(ctx context.Context) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	if err := client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error(); err != nil {
		return fmt.Errorf("asking the Kubernetes API: %w", err)
	}
	return nil
}
