// Package versions holds the versions that diorama plays, and those of what it
// runs unless an environment file names others. Its test compares what else
// names them: go.mod, the Makefile and the documents.
package versions

// Kubernetes is the version of the API server, and of the kubelets that are
// simulated.
const Kubernetes = "v1.35.4"

// Images of the kinds with containers: those of the reference environments.
const (
	LGTM      = "grafana/otel-lgtm:0.28.0"
	Collector = "otel/opentelemetry-collector-contrib:0.153.0"
	Beyla     = "grafana/beyla:3.15.0"
	// K3s is the one that the library of k3d would take.
	K3s      = "rancher/k3s:v1.35.5-k3s1"
	Workload = "busybox:1.37"
)

// The Helm chart of the collectors.
const (
	ChartRepository = "https://open-telemetry.github.io/opentelemetry-helm-charts"
	Chart           = "0.156.0"
)
