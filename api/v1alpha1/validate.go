package v1alpha1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/otlptranslator"

	"github.com/diorama-lab/diorama/internal/yamlfile"
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
		return &FieldError{Field: "name", Err: fmt.Errorf(" %q: use 1 to 40 lower-case letters, digits and dashes, "+
			"beginning and ending with a letter or digit", name)}
	}
	return nil
}

// Validate says all that is wrong with the environment.
func (e Environment) Validate() error {
	var problems failing
	if e.APIVersion != APIVersion {
		problems.add("apiVersion", " %q: this diorama reads %s", e.APIVersion, APIVersion)
	}
	if !slices.Contains(Kinds(), e.Kind) {
		problems.add("kind", " %q: this diorama brings up %s", e.Kind, oneOf(Kinds()))
	}
	if err := ValidateName(e.Name); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, e.validateSize()...)
	if i := time.Duration(e.Telemetry.Interval); i < time.Second || i > time.Hour {
		problems.add("telemetry.interval", " is %s: use 1s to 1h", e.Telemetry.Interval)
	}
	problems = append(problems, e.Backend.validate()...)
	problems = append(problems, e.validateKind()...)
	problems = append(problems, e.Ports.validate()...)
	problems = append(problems, e.validateFiles()...)
	return errors.Join(problems...)
}

// ValidateSize says what is wrong with how many nodes and pods are simulated.
func (e Environment) ValidateSize() error { return errors.Join(e.validateSize()...) }

func (e Environment) validateSize() []error {
	var problems failing
	least := 1
	if e.Kind == K3d {
		least = 0
	}
	if e.Cluster.Nodes < least || e.Cluster.Nodes > MaxNodes {
		problems.add("cluster.nodes", " is %d: a cluster has %d to %d nodes", e.Cluster.Nodes, least, MaxNodes)
	}
	if e.Cluster.Pods < 0 || e.Cluster.Pods > MaxPods {
		problems.add("cluster.pods", " is %d: a cluster has 0 to %d pods", e.Cluster.Pods, MaxPods)
	}
	return problems
}

func (b Backend) validate() []error {
	var problems failing
	if r := time.Duration(b.Retention); r < time.Hour {
		problems.add("backend.retention", " is %s: keep at least 1h", b.Retention)
	}
	if w := time.Duration(b.OutOfOrderWindow); w < 0 || w > 24*time.Hour {
		problems.add("backend.outOfOrderWindow", " is %s: use 0s to 24h", b.OutOfOrderWindow)
	}
	if known := TranslationStrategies(); !slices.Contains(known, b.TranslationStrategy) {
		problems.add("backend.translationStrategy", " %q: Prometheus knows %s", b.TranslationStrategy, oneOf(known))
	}
	if b.MaxEvents < 1 {
		problems.add("backend.maxEvents", " is %d: keep at least 1", b.MaxEvents)
	}
	return problems
}

func (p Ports) validate() []error {
	var problems failing
	taken := map[int]string{}
	for _, port := range p.List() {
		switch other, twice := taken[port.Number]; {
		case port.Number < 0 || port.Number > 65535:
			problems.add("ports."+port.Name, " is %d: use 1 to 65535, or 0 for a free one", port.Number)
		case port.Number != 0 && twice:
			problems.add("ports."+port.Name, " is %d, and ports.%s is too; change one of them, or use 0 for a free one",
				port.Number, other)
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
	var problems failing
	files := []struct {
		field string
		paths []string
	}{
		{"cluster.podTemplate", []string{e.Cluster.PodTemplate}}, {"cluster.stages", e.Cluster.Stages},
		{"telemetry.collectors.cluster", []string{e.Telemetry.Collectors.Cluster}},
		{"telemetry.collectors.nodes", []string{e.Telemetry.Collectors.Nodes}},
		{"images.load", e.Images.Load},
	}
	for _, file := range files {
		for i, path := range file.paths {
			if path == "" {
				continue
			}
			if err := yamlfile.CheckRegular(path); err != nil {
				problems.add(indexed(file.field, i, len(file.paths)), ": %w", err)
			}
		}
	}
	return append(problems, e.Dashboards.validate()...)
}

// indexed is the path of an item of a list, of a field of several.
func indexed(field string, i, of int) string {
	if of == 1 {
		return field
	}
	return fmt.Sprintf("%s[%d]", field, i)
}

func (d Dashboards) validate() []error {
	var problems failing
	check := func(field, path string) {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			problems.add(field, ": there is no folder %s", path)
		case err != nil:
			problems.add(field, ": %w", err)
		case !info.IsDir():
			problems.add(field, ": %s is no folder; name the folder that it is in", path)
		}
	}
	if d.Folder != "" {
		check("dashboards.folder", d.Folder)
	}
	for i, path := range d.JsonnetPaths {
		check(indexed("dashboards.jsonnetPaths", i, len(d.JsonnetPaths)), path)
	}
	return problems
}
