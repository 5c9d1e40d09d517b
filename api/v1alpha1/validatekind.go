package v1alpha1

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"regexp"

	"github.com/distribution/reference"

	"github.com/diorama-lab/diorama/internal/versions"
)

var (
	digestPattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	versionPattern = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
)

// validateKind says what does not go together with the kind.
func (e Environment) validateKind() []error {
	var problems failing
	problems = append(problems, e.foreign()...)
	if e.Kind != Embedded {
		if e.Images.LGTM == "" {
			problems.add("images.lgtm", ": name an image")
		}
		if e.Images.Collector == "" {
			problems.add("images.collector", ": name an image")
		}
		problems = append(problems, e.Images.validate()...)
	}
	switch e.Kind {
	case Kwok:
		problems = append(problems, e.validateKwok()...)
	case K3d:
		problems = append(problems, e.validateK3d()...)
	}
	return problems
}

// validate says which names no image can have.
func (i Images) validate() []error {
	var problems failing
	for _, image := range []struct{ field, name string }{
		{"lgtm", i.LGTM}, {"collector", i.Collector}, {"statsProxy", i.StatsProxy}, {"k3s", i.K3s}, {"workload", i.Workload},
		{"beyla", i.Beyla},
	} {
		if image.name == "" {
			continue
		}
		if _, err := reference.ParseNormalizedNamed(image.name); err != nil {
			problems.add("images."+image.field, " is %q: %w; use name:tag, name@sha256:… or name:tag@sha256:…",
				image.name, err)
		}
	}
	return problems
}

func (e Environment) validateKwok() []error {
	var problems failing
	if e.Telemetry.Collectors.Nodes != "" {
		problems.add("telemetry.collectors.nodes", ": the kind %s has one collector; "+
			"its configuration is telemetry.collectors.cluster", e.Kind)
	}
	if e.Kwok.Beyla && e.Images.Beyla == "" {
		problems.add("images.beyla", ": name an image, or set kwok.beyla to false")
	}
	if e.Cluster.KubeContext != "" && (e.Cluster.PodTemplate != "" || len(e.Cluster.Stages) > 0) {
		problems.add("cluster.kubeContext", ": the cluster behind it is watched as it is; "+
			"leave out cluster.podTemplate and cluster.stages")
	}
	return problems
}

// foreign reports the fields of other kinds that the environment sets.
func (e Environment) foreign() []error {
	var problems failing
	for _, field := range []struct {
		name string
		kind Kind
		set  bool
	}{
		{"cluster.servers", K3d, e.Cluster.Servers != 0}, {"cluster.agents", K3d, e.Cluster.Agents != 0},
		{"cluster.workloads", K3d, e.Cluster.Workloads != ""}, {"images.k3s", K3d, e.Images.K3s != ""},
		{"images.workload", K3d, e.Images.Workload != ""}, {"chart", K3d, e.Chart != Chart{}},
		{"kwok.beyla", Kwok, e.Kwok.Beyla}, {"images.beyla", Kwok, e.Images.Beyla != ""},
	} {
		if field.set && e.Kind != field.kind {
			problems.add(field.name, ": only the kind %s has it", field.kind)
		}
	}
	if e.Kind != Kwok && e.Cluster.KubeContext != "" {
		problems.add("cluster.kubeContext", ": only the kind %s watches a cluster that is there already", Kwok)
	}
	return problems
}

func (e Environment) validateK3d() []error {
	var problems failing
	c := e.Cluster
	// etcd, which several servers keep the cluster in, wants an odd number.
	if c.Servers < 1 || c.Servers > maxServers || c.Servers%2 == 0 {
		problems.add("cluster.servers", " is %d: use 1, or an odd number up to %d", c.Servers, maxServers)
	}
	if c.Agents < 0 || c.Agents > maxAgents {
		problems.add("cluster.agents", " is %d: use 0 to %d", c.Agents, maxAgents)
	}
	if c.Workloads != WorkloadsDefault && c.Workloads != WorkloadsNone {
		problems.add("cluster.workloads", " %q: use %s or %s", c.Workloads, WorkloadsDefault, WorkloadsNone)
	}
	if c.Nodes == 0 && c.Pods > 0 {
		problems.add("cluster.pods", " is %d: simulated pods need simulated nodes; set cluster.nodes", c.Pods)
	}
	if c.Nodes == 0 && c.PodTemplate != "" {
		problems.add("cluster.podTemplate", ": simulated pods need simulated nodes; set cluster.nodes and cluster.pods")
	}
	if c.Nodes == 0 && len(c.Stages) > 0 {
		problems.add("cluster.stages", ": only simulated nodes and pods have stages; set cluster.nodes")
	}
	if e.Images.K3s == "" {
		problems.add("images.k3s", ": name an image")
	}
	if e.Images.Workload == "" && c.Workloads == WorkloadsDefault {
		problems.add("images.workload", ": name an image, or set cluster.workloads to %s", WorkloadsNone)
	}
	if e.Images.StatsProxy != "" {
		problems.add("images.statsProxy", ": only the kind %s has it", Kwok)
	}
	if e.Backend.PublishPrometheus {
		problems.add("backend.publishPrometheus", ": the kind %s always forwards Prometheus", K3d)
	}
	return append(problems, e.Chart.validate()...)
}

// validate says whether the chart can be found: here, or in a repository.
func (c Chart) validate() []error {
	var problems failing
	if c.Path != "" {
		switch _, err := os.Stat(c.Path); {
		case errors.Is(err, fs.ErrNotExist):
			problems.add("chart.path", ": there is no chart %s", c.Path)
		case err != nil:
			problems.add("chart.path", ": %w", err)
		}
		return problems
	}
	u, err := url.Parse(c.Repository)
	switch {
	case err == nil && u.Scheme == "oci":
		problems.add("chart.repository", " %q: OCI registries are not read; "+
			"fetch the chart with `helm pull`, and give it as chart.path", c.Repository)
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		problems.add("chart.repository", " %q: give the URL of a Helm repository, or the chart itself as chart.path",
			c.Repository)
	}
	if c.Digest != "" && !digestPattern.MatchString(c.Digest) {
		problems.add("chart.digest", " %q: give the SHA-256 of the chart as 64 hexadecimal digits", c.Digest)
	}
	switch {
	case c.Version == "":
		problems.add("chart.version", ": name one; the values files are written for a certain chart")
	case !versionPattern.MatchString(c.Version):
		problems.add("chart.version", " %q: name one as the repository's index does, such as %s", c.Version, versions.Chart)
	}
	return problems
}
