// Package nodes is what runs on a simulated cluster: its nodes, the life of the
// pods on them, and the workloads that make these pods.
//
//   - RunKwok runs KWOK's controllers: they play the kubelets.
//   - ApplyStages writes the Stage objects that say how nodes, pods and volumes
//     live; files of the user's come on top.
//   - Scale makes the cluster have a Fleet and Workloads, up and down.
//   - Counter says at any time what is there, without asking the API server.
//
// Only API objects are made here. Scheduling, replica sets, jobs and volume
// binding are left to the real controllers, so that owner references, events
// and conditions are theirs.
package nodes
