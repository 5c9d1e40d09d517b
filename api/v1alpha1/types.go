// Package v1alpha1 holds the environment file: its types, its defaults, its
// strict loading and its validation.
//
// The file is the interface of diorama; the flags of `up` only set the fields
// that people change by hand each time.
package v1alpha1

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/versions"
)

// APIVersion is the version that an environment file names.
const APIVersion = "diorama/v1alpha1"

// Kind says what an environment is made of.
type Kind string

// The kinds of environment that this version can bring up.
const (
	// Embedded needs nothing but the binary.
	Embedded Kind = "embedded"
	// Kwok watches a simulated cluster with containers: the contrib collector
	// and Grafana's LGTM. It needs Docker.
	Kwok Kind = "kwok"
	// K3d is a real cluster of k3s nodes in containers, with LGTM and two
	// collectors in it. It needs Docker.
	K3d Kind = "k3d"
)

// The words of Cluster.Workloads.
const (
	WorkloadsDefault = "default"
	WorkloadsNone    = "none"
)

// Kinds are the kinds that this version can bring up.
func Kinds() []Kind { return []Kind{Embedded, Kwok, K3d} }

// Environment is a whole environment file.
type Environment struct {
	APIVersion string `yaml:"apiVersion" json:"apiVersion"`
	Kind       Kind   `yaml:"kind" json:"kind"`
	Name       string `yaml:"name" json:"name"`

	Cluster   Cluster   `yaml:"cluster" json:"cluster"`
	Telemetry Telemetry `yaml:"telemetry" json:"telemetry"`
	Backend   Backend   `yaml:"backend" json:"backend"`
	// Dashboards come on top of those that are built in.
	Dashboards Dashboards     `yaml:"dashboards,omitempty" json:"dashboards,omitempty"`
	Kwok       KwokComponents `yaml:"kwok,omitempty" json:"kwok,omitzero"`
	Images     Images         `yaml:"images" json:"images"`
	Chart      Chart          `yaml:"chart,omitempty" json:"chart,omitzero"`
	Ports      Ports          `yaml:"ports" json:"ports"`
}

// Cluster says what is simulated.
type Cluster struct {
	Nodes int `yaml:"nodes" json:"nodes"`
	Pods  int `yaml:"pods" json:"pods"`
	// PodTemplate and Stages are paths, relative to the environment file.
	PodTemplate string   `yaml:"podTemplate,omitempty" json:"podTemplate,omitempty"`
	Stages      []string `yaml:"stages,omitempty" json:"stages,omitempty"`
	// KubeContext is a context of the user's kubeconfig: a KWOK cluster that
	// is there already, and is watched as it is.
	KubeContext string `yaml:"kubeContext,omitempty" json:"kubeContext,omitempty"`
	// Servers and Agents are real nodes, each a container.
	Servers int `yaml:"servers,omitempty" json:"servers,omitempty"`
	Agents  int `yaml:"agents,omitempty" json:"agents,omitempty"`
	// Workloads is WorkloadsDefault or WorkloadsNone.
	Workloads string `yaml:"workloads,omitempty" json:"workloads,omitempty"`
}

// Telemetry says how the cluster is watched.
type Telemetry struct {
	Interval Duration `yaml:"interval" json:"interval"`
	Seed     uint64   `yaml:"seed" json:"seed"`
	// Collectors are paths of collector configurations that replace the
	// rendered ones.
	Collectors Collectors `yaml:"collectors,omitempty" json:"collectors,omitempty"`
}

// Collectors names a configuration file for each collector.
type Collectors struct {
	Cluster string `yaml:"cluster,omitempty" json:"cluster,omitempty"`
	Nodes   string `yaml:"nodes,omitempty" json:"nodes,omitempty"`
}

// Chart says where the collectors' Helm chart comes from.
type Chart struct {
	Repository string `yaml:"repository,omitempty" json:"repository,omitempty"`
	Version    string `yaml:"version,omitempty" json:"version,omitempty"`
	Digest     string `yaml:"digest,omitempty" json:"digest,omitempty"`
	// Path is relative to the environment file.
	Path string `yaml:"path,omitempty" json:"path,omitempty"`
}

// keys are those of attributes.
type keys = []string

// Backend says how metrics and events are kept.
type Backend struct {
	Retention           Duration `yaml:"retention" json:"retention"`
	OutOfOrderWindow    Duration `yaml:"outOfOrderWindow" json:"outOfOrderWindow"`
	TranslationStrategy string   `yaml:"translationStrategy" json:"translationStrategy"`
	// PromoteResourceAttributes come on top of the built-in ones.
	PromoteResourceAttributes keys `yaml:"promoteResourceAttributes,omitempty" json:"promoteResourceAttributes,omitempty"`

	Rules     []string `yaml:"rules,omitempty" json:"rules,omitempty"`
	MaxEvents int      `yaml:"maxEvents" json:"maxEvents"`
	// PublishPrometheus publishes the LGTM container's Prometheus.
	PublishPrometheus bool `yaml:"publishPrometheus,omitempty" json:"publishPrometheus,omitempty"`
}

// Images are the containers' images, for the kinds that need Docker.
type Images struct {
	LGTM      string `yaml:"lgtm" json:"lgtm"`
	Collector string `yaml:"collector" json:"collector"`
	// StatsProxy is an image of diorama itself.
	StatsProxy string `yaml:"statsProxy,omitempty" json:"statsProxy,omitempty"`
	// Beyla is run if Kwok.Beyla says so.
	Beyla string `yaml:"beyla,omitempty" json:"beyla,omitempty"`
	// K3s and Workload are those of the kind k3d.
	K3s      string `yaml:"k3s,omitempty" json:"k3s,omitempty"`
	Workload string `yaml:"workload,omitempty" json:"workload,omitempty"`
	// Load are paths of tarballs, relative to the environment file.
	Load []string `yaml:"load,omitempty" json:"load,omitempty"`
}

// KwokComponents are what the kind kwok runs alongside the collector and LGTM.
type KwokComponents struct {
	// Beyla traces LGTM: what Grafana is asked, and what it asks Prometheus.
	Beyla bool `yaml:"beyla,omitempty" json:"beyla,omitempty"`
}

// Dashboards says where the user's own dashboards are.
type Dashboards struct {
	// Folder and JsonnetPaths are paths of folders.
	Folder       string   `yaml:"folder,omitempty" json:"folder,omitempty"`
	JsonnetPaths []string `yaml:"jsonnetPaths,omitempty" json:"jsonnetPaths,omitempty"`
}

// Ports are the loopback ports that users know. 0 picks a free one.
type Ports struct {
	Kubernetes       int `yaml:"kubernetes" json:"kubernetes"`
	Kubelet          int `yaml:"kubelet" json:"kubelet"`
	Dashboards       int `yaml:"dashboards" json:"dashboards"`
	Prometheus       int `yaml:"prometheus" json:"prometheus"`
	OTLPGRPC         int `yaml:"otlpGRPC" json:"otlpGRPC"`
	OTLPHTTP         int `yaml:"otlpHTTP" json:"otlpHTTP"`
	CollectorMetrics int `yaml:"collectorMetrics" json:"collectorMetrics"`
	NodeMetrics      int `yaml:"nodeMetrics" json:"nodeMetrics"`
}

// Auto returns ports that are all picked at start.
func Auto() Ports { return Ports{} }

// DefaultPorts returns the ports of the reference environments.
func DefaultPorts() Ports {
	return Ports{
		Kubernetes: 6443, Kubelet: 10250, Dashboards: 3000, Prometheus: 9090,
		OTLPGRPC: 4317, OTLPHTTP: 4318, CollectorMetrics: 8889, NodeMetrics: 8890,
	}
}

// Open returns the ports that are to be picked.
func (p *Ports) Open() []*int {
	var open []*int
	for _, port := range []*int{
		&p.Kubernetes, &p.Kubelet, &p.Dashboards, &p.Prometheus,
		&p.OTLPGRPC, &p.OTLPHTTP, &p.CollectorMetrics, &p.NodeMetrics,
	} {
		if *port == 0 {
			open = append(open, port)
		}
	}
	return open
}

// UnmarshalYAML takes the word auto or a mapping of ports.
func (p *Ports) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		if node.Value != "auto" {
			return fmt.Errorf("line %d: ports: %q is neither a mapping nor the word auto", node.Line, node.Value)
		}
		*p = Auto()
		return nil
	}
	type plain Ports
	return node.Decode((*plain)(p))
}

// Duration is a time.Duration that is written as Go writes it: 5s, 10m, 24h.
type Duration time.Duration

// UnmarshalYAML parses Go's notation.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	v, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is no duration; write it as 5s, 10m or 24h", node.Line, node.Value)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes Go's notation without the parts that are zero.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalYAML writes what UnmarshalYAML reads.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// String is Go's notation with whole hours and minutes kept short.
func (d Duration) String() string {
	v := time.Duration(d)
	switch {
	case v != 0 && v%time.Hour == 0:
		return fmt.Sprintf("%dh", v/time.Hour)
	case v != 0 && v%time.Minute == 0:
		return fmt.Sprintf("%dm", v/time.Minute)
	}
	return v.String()
}

// DefaultOf returns the environment that a file describes which says nothing
// but its kind.
func DefaultOf(kind Kind) Environment {
	env := Default()
	env.Kind = kind
	switch kind {
	case Kwok:
		env.Images.Beyla = versions.Beyla
	case K3d:
		env.Cluster = Cluster{Servers: 1, Workloads: WorkloadsDefault}
		env.Images.K3s, env.Images.Workload = versions.K3s, versions.Workload
		env.Chart = Chart{Repository: versions.ChartRepository, Version: versions.Chart}
	}
	return env
}

// Default returns the environment that an empty file describes.
func Default() Environment {
	return Environment{
		APIVersion: APIVersion,
		Kind:       Embedded,
		Name:       "default",
		Cluster:    Cluster{Nodes: 50, Pods: 200},
		Telemetry:  Telemetry{Interval: Duration(5 * time.Second), Seed: 1},
		Backend: Backend{
			Retention:           Duration(24 * time.Hour),
			OutOfOrderWindow:    Duration(10 * time.Minute),
			TranslationStrategy: TranslationStrategies()[0],
			MaxEvents:           100000,
		},
		Images: Images{LGTM: versions.LGTM, Collector: versions.Collector},
		Ports:  DefaultPorts(),
	}
}
