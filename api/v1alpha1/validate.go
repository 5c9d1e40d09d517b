package v1alpha1

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/otlptranslator"
)

// MaxNodes and MaxPods bound what one machine can hold with any use.
const (
	MaxNodes = 5000
	MaxPods  = 20000
)

// maxServers and maxAgents bound the real nodes: each is a container with a
// kubelet of its own.
const (
	maxServers = 7
	maxAgents  = 20
)

// TranslationStrategies are the names that Prometheus gives its OTLP
// translation strategies, the default first.
func TranslationStrategies() []string {
	return []string{
		string(otlptranslator.UnderscoreEscapingWithSuffixes),
		string(otlptranslator.UnderscoreEscapingWithoutSuffixes),
		string(otlptranslator.NoUTF8EscapingWithSuffixes),
		string(otlptranslator.NoTranslation),
	}
}

// A name becomes a folder, a context and a label value: a DNS label that
// leaves room for the prefix.
var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// ValidateName says what is wrong with the name of an environment.
func ValidateName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("name %q: use 1 to 40 lower-case letters, digits and dashes, "+
			"beginning and ending with a letter or digit", name)
	}
	return nil
}

// Validate says all that is wrong with the environment.
func (e Environment) Validate() error {
	var problems []error
	fail := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if e.APIVersion != APIVersion {
		fail("apiVersion %q: this diorama reads %s", e.APIVersion, APIVersion)
	}
	if !slices.Contains(Kinds(), e.Kind) {
		fail("kind %q: this diorama brings up %q", e.Kind, Kinds())
	}
	if err := ValidateName(e.Name); err != nil {
		problems = append(problems, err)
	}
	least := 1
	if e.Kind == K3d {
		least = 0
	}
	if e.Cluster.Nodes < least || e.Cluster.Nodes > MaxNodes {
		fail("cluster.nodes is %d: a cluster has %d to %d nodes", e.Cluster.Nodes, least, MaxNodes)
	}
	if e.Cluster.Pods < 0 || e.Cluster.Pods > MaxPods {
		fail("cluster.pods is %d: a cluster has 0 to %d pods", e.Cluster.Pods, MaxPods)
	}
	if i := time.Duration(e.Telemetry.Interval); i < time.Second || i > time.Hour {
		fail("telemetry.interval is %s: use 1s to 1h", e.Telemetry.Interval)
	}
	if r := time.Duration(e.Backend.Retention); r < time.Hour {
		fail("backend.retention is %s: keep at least 1h", e.Backend.Retention)
	}
	if w := time.Duration(e.Backend.OutOfOrderWindow); w < 0 || w > 24*time.Hour {
		fail("backend.outOfOrderWindow is %s: use 0s to 24h", e.Backend.OutOfOrderWindow)
	}
	if known := TranslationStrategies(); !slices.Contains(known, e.Backend.TranslationStrategy) {
		fail("backend.translationStrategy %q: Prometheus knows %q", e.Backend.TranslationStrategy, known)
	}
	if e.Backend.MaxEvents < 1 {
		fail("backend.maxEvents is %d: keep at least 1", e.Backend.MaxEvents)
	}
	problems = append(problems, e.validateKind()...)
	problems = append(problems, e.Ports.validate()...)
	problems = append(problems, e.validateFiles()...)
	return errors.Join(problems...)
}

func (p Ports) validate() []error {
	var problems []error
	taken := map[int]string{}
	for _, port := range p.List() {
		switch other, twice := taken[port.Number]; {
		case port.Number < 0 || port.Number > 65535:
			problems = append(problems,
				fmt.Errorf("ports.%s is %d: use 1 to 65535, or 0 for a free one", port.Name, port.Number))
		case port.Number != 0 && twice:
			problems = append(problems, fmt.Errorf("ports.%s and ports.%s are both %d", other, port.Name, port.Number))
		}
		taken[port.Number] = port.Name
	}
	return problems
}

// NamedPort is one port with the name of its field.
type NamedPort struct {
	Name   string
	Number int
}

// List returns the ports in a fixed order, with the names of their fields.
func (p Ports) List() []NamedPort {
	return []NamedPort{
		{"kubernetes", p.Kubernetes}, {"kubelet", p.Kubelet}, {"dashboards", p.Dashboards}, {"prometheus", p.Prometheus},
		{"otlpGRPC", p.OTLPGRPC}, {"otlpHTTP", p.OTLPHTTP},
		{"collectorMetrics", p.CollectorMetrics}, {"nodeMetrics", p.NodeMetrics},
	}
}

// UsedPorts are those of List that an environment of this kind listens on.
func (e Environment) UsedPorts() []NamedPort {
	unused := map[string]bool{}
	switch e.Kind {
	case Kwok:
		unused = map[string]bool{
			"collectorMetrics": true, "nodeMetrics": true,
			"prometheus": !e.Backend.PublishPrometheus, "kubernetes": e.Cluster.KubeContext != "",
		}
	case K3d:
		unused = map[string]bool{"collectorMetrics": true, "nodeMetrics": true, "kubelet": e.Cluster.Nodes == 0}
	}
	return slices.DeleteFunc(e.Ports.List(), func(p NamedPort) bool { return unused[p.Name] })
}

func (e Environment) validateFiles() []error {
	files := [][2]string{
		{"cluster.podTemplate", e.Cluster.PodTemplate},
		{"telemetry.collectors.cluster", e.Telemetry.Collectors.Cluster},
		{"telemetry.collectors.nodes", e.Telemetry.Collectors.Nodes},
	}
	for _, path := range e.Images.Load {
		if _, err := os.Stat(path); err != nil {
			files = append(files, [2]string{"images.load", path})
		}
	}
	for _, path := range e.Cluster.Stages {
		files = append(files, [2]string{"cluster.stages", path})
	}
	var problems []error
	for _, file := range files {
		if file[1] == "" {
			continue
		}
		if _, err := os.ReadFile(file[1]); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", file[0], err))
		}
	}
	return append(problems, e.Dashboards.validate()...)
}

func (d Dashboards) validate() []error {
	folders := [][2]string{{"dashboards.folder", d.Folder}}
	for _, path := range d.JsonnetPaths {
		folders = append(folders, [2]string{"dashboards.jsonnetPaths", path})
	}
	var problems []error
	for _, folder := range folders {
		if folder[1] == "" {
			continue
		}
		info, err := os.Stat(folder[1])
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", folder[0], err))
		case !info.IsDir():
			problems = append(problems, fmt.Errorf("%s: %s is no folder", folder[0], folder[1]))
		}
	}
	return problems
}
