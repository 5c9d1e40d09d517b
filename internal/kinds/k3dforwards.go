package kinds

import (
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/plan"
)

// Forward makes a port of 127.0.0.1 one of a Service's.
type Forward struct {
	Host    int    `json:"host"`
	Service string `json:"service"`
	Port    int    `json:"port"`
}

// forward plans the forwarded ports, which LGTM is asked at.
func (k *k3dCluster) forward() plan.Component {
	local := k.p.Environment.Ports
	ports := lgtm.Ports(local, k.p.Internal[lgtmSelf])
	for _, port := range ports {
		k.Forwards = append(k.Forwards, Forward{port.Local, lgtm.Name, port.Remote})
	}
	f := lgtm.NewForwards(k.p.Cluster.Config, k3dNamespace, local, ports)
	k.p.Forwards = f.Statuses
	return plan.Component{
		Name: forwardsName, Needs: []string{lgtm.Name}, Probe: lgtm.Probe(local),
		Runs: plan.Step{
			Does: "forwards ports of 127.0.0.1 to Grafana, Prometheus and OTLP, anew when a pod has gone",
			Do:   f.Open, Undo: f.Close, Again: f.Renew, GivenUp: lgtm.RenewAfter,
		},
	}
}
