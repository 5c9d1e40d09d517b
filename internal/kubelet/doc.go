// Package kubelet answers for the kubelets of a cluster's simulated nodes:
// the nodes that carry the annotation kwok.x-k8s.io/node.
//
// It watches pods, nodes and claims, keeps them by node, and computes every
// answer from package usage at the moment of the question. Two listeners serve
// the same node API (/healthz, /stats/summary, /metrics/resource,
// /metrics/cadvisor, /pods, /hostmetrics):
//
//   - the plain one, for collectors and people, under /nodes/NODE/;
//   - the tunnel, for the API server's egress selector (HTTP CONNECT over
//     mutual TLS): whoever asks it for NODE:10250 speaks to that node and no
//     other, with a certificate in that node's name. No node needs an address
//     that exists or a listener of its own.
//
// Both require a client certificate; any certificate of the client CAs is let in.
// With Options.MetricsHost the tunnel also leads to the metrics API
// (metrics.k8s.io), for the API server's aggregator and its certificate alone.
//
// # Stand-alone use
//
// With nothing but a kubeconfig this serves any KWOK cluster (diorama
// stats-proxy --kubeconfig F --listen ADDR). A CA, and a client certificate to
// call with, are then made and kept in Options.CertDir, or in a temporary folder
// whose path is logged. Options.Insecure serves plain HTTP instead, on loopback only.
// The kubeconfig's user needs get, list and watch on pods, nodes and persistentvolumeclaims.
//
// # Counters
//
// A container's counters are closed-form from its start. Those of a node
// outlive its pods, so what a deleted pod had used is added up per node; with
// Options.StateFile that survives a restart.
package kubelet
