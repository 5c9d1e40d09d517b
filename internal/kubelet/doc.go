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
// The tunnel alone also serves /portForward, as KWOK's PortForward and ClusterPortForward objects say.
// With Options.MetricsHost the tunnel also reaches the metrics API
// (metrics.k8s.io), for the API server's aggregator and its certificate alone.
//
// # Stand-alone use
//
// With nothing but a kubeconfig this serves any KWOK cluster (diorama
// stats-proxy --kubeconfig F --listen ADDR). A CA, and a client certificate to
// call with, are then made and kept in Options.CertDir, or in a temporary folder
// whose path is logged. Options.Insecure serves plain HTTP instead, on loopback only.
// The kubeconfig's user needs get, list and watch on pods, nodes and persistentvolumeclaims. It may have the same on
// deployments, statefulsets, daemonsets, jobs and cronjobs (for profiles), on KWOK's resourceusages and
// clusterresourceusages, create and patch on events, and patch on pods (for containers to be killed when their memory
// is full); what it may not do is said once in the log.
//
// # What a container uses
//
// Its profile says: the pod's annotation diorama.dev/profile, that of its workload, or the default of the workload's
// kind. In its place come, as in KWOK and in this order, a ResourceUsage of the pod's name, the pod's annotations
// kwok.x-k8s.io/usage-cpu and -memory, and ClusterResourceUsages. Changes act at once. A value that makes no sense is
// reported by an event on the pod, one of an object that concerns many pods on their nodes, and the next in order is
// used.
//
// CPU ends at the container's limit. A container whose memory reaches the limit is named in the pod's annotation
// diorama.dev/oom-kill, and a Stage of KWOK restarts it. If a node could be asked for more CPU than it has, each
// container gets its share; if memory does not suffice, that is divided alike.
//
// # Counters
//
// A container's counters are closed-form from its start. When what it uses changes, they go on from where they were
// (see course); an expression is evaluated each sampleInterval and held in between. A pod's counters have all runs of
// its containers, and those of a node outlive its pods: what a deleted pod had used is added up per node. With
// Options.StateFile all that survives a restart.
package kubelet
