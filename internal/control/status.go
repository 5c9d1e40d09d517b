package control

import (
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/portforward"
	"github.com/diorama-lab/diorama/internal/state"
)

// Status is what `status -o json` prints. Fields are only ever added.
type Status struct {
	Name      string        `json:"name"`
	Kind      v1alpha1.Kind `json:"kind"`
	Phase     state.Phase   `json:"phase"`
	Message   string        `json:"message,omitempty"`
	CreatedAt time.Time     `json:"createdAt"`
	// StartedIn is how long up took, as Go writes durations.
	StartedIn   string            `json:"startedIn"`
	KubeContext string            `json:"kubeContext"`
	Endpoints   Endpoints         `json:"endpoints"`
	Cluster     ClusterStatus     `json:"cluster"`
	Components  []ComponentStatus `json:"components"`
	Telemetry   Telemetry         `json:"telemetry"`
	// RSSBytes is the resident memory of all processes together: pages that
	// they share (the executable above all) count once. Containers are not
	// counted.
	RSSBytes uint64 `json:"rssBytes"`
	// Forwards are the ports of 127.0.0.1 that lead to pods, for kinds whose
	// pods are real.
	Forwards []portforward.Status `json:"forwards,omitempty"`
	// Warnings are what does not keep the environment from running, such as
	// rule files that do not load, and dashboards that cannot be read or that
	// Grafana would not take, for kinds whose page does not say so.
	Warnings []string `json:"warnings,omitempty"`
}

// Endpoints are the addresses that users know; one that the environment does
// not serve is empty.
type Endpoints struct {
	Dashboards       string `json:"dashboards"`
	Prometheus       string `json:"prometheus"`
	OTLPGRPC         string `json:"otlpGRPC"`
	OTLPHTTP         string `json:"otlpHTTP"`
	Kubernetes       string `json:"kubernetes"`
	Kubelet          string `json:"kubelet"`
	CollectorMetrics string `json:"collectorMetrics"`
	NodeMetrics      string `json:"nodeMetrics"`
}

// ClusterStatus counts nodes and pods.
type ClusterStatus struct {
	Nodes      NodeCounts `json:"nodes"`
	Pods       PodCounts  `json:"pods"`
	DaemonPods int        `json:"daemonPods"`
	JobPods    int        `json:"jobPods"`
}

// NodeCounts are counts of simulated nodes.
type NodeCounts struct {
	Desired int `json:"desired"`
	Ready   int `json:"ready"`
}

// PodCounts are counts of long-running pods, without those of daemon sets and jobs.
type PodCounts struct {
	Desired int `json:"desired"`
	Running int `json:"running"`
}

// ComponentStatus is one part of the environment.
type ComponentStatus struct {
	component.Status
	StartedIn string `json:"startedIn"`
	// RSSBytes is the resident memory of the process or container alone.
	RSSBytes uint64 `json:"rssBytes"`
}

// Telemetry says how the metrics flow.
type Telemetry struct {
	// Series are the series in the head of the store.
	Series           uint64  `json:"series"`
	SamplesPerSecond float64 `json:"samplesPerSecond"`
	// LastSampleAge is in seconds; -1 before the first sample.
	LastSampleAge float64 `json:"lastSampleAge"`
	// FailedScrapes counts since the collectors started.
	FailedScrapes uint64 `json:"failedScrapes"`
	// DroppedSamples counts what the collectors could not send and what the
	// store did not take, since they started.
	DroppedSamples uint64 `json:"droppedSamples"`
	Events         uint64 `json:"events"`
	// Error says why these figures are missing.
	Error string `json:"error,omitempty"`
}
