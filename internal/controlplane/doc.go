// Package controlplane runs the Kubernetes control plane from its own Go
// packages: etcd, kube-apiserver, kube-controller-manager and kube-scheduler,
// each in a process of its own because they share global state.
//
// The package renders their flags, makes their credentials and prepares a new
// API server (definitions, access rules). It starts no processes: kinds of
// environments plan them, and a supervisor does.
//
// The API server reaches the kubelets of simulated nodes through an HTTP
// CONNECT tunnel (its egress selector): the tunnel names the node, so that
// nodes need no addresses that exist.
package controlplane
