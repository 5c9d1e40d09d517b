// Package helm renders charts with Helm's own engine.
//
// It leaves Helm's action package alone: what that links (kubectl, OCI
// registries) allocates more when a process starts than every process of an
// environment can afford, because they are all one binary.
package helm

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
)

// Release is a chart with its values, under a name in a namespace.
type Release struct {
	Name, Namespace string
	// Chart is the path of a folder or a .tgz, Values that of a YAML file.
	Chart, Values string
	// Kubernetes is the cluster's version, such as v1.35.4; charts may ask.
	Kubernetes string
	// APIs are what the cluster serves, such as apps/v1; charts may ask.
	APIs []string
}

// Manifest is one object of a release.
type Manifest struct {
	// Source is the template that it comes from.
	Source string
	// Kind is the object's, such as Deployment; Text is its YAML.
	Kind, Text string
}

// Render returns the objects of a release in the order in which they are to be
// applied. Hooks, such as tests, are left out.
func Render(r Release) ([]Manifest, error) {
	loaded, err := load(r.Chart)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(r.Values)
	if err != nil {
		return nil, fmt.Errorf("reading the values of the release %s: %w", r.Name, err)
	}
	own, err := chartutil.ReadValues(data)
	if err != nil {
		return nil, fmt.Errorf("the values %s: %w", r.Values, err)
	}
	capabilities, err := capabilitiesOf(r)
	if err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}
	values, err := chartutil.ToRenderValues(loaded, own, options, capabilities)
	if err != nil {
		return nil, &ValuesError{Values: r.Values, Chart: loaded.Metadata.Name + " " + loaded.Metadata.Version, Err: err}
	}
	files, err := engine.Render(loaded, values)
	if err != nil {
		return nil, fmt.Errorf("rendering the chart %s with the values %s: %w", r.Chart, r.Values, err)
	}
	return sorted(r, files, capabilities.APIVersions)
}

func load(path string) (*chart.Chart, error) {
	loaded, err := loader.Load(path)
	if err != nil {
		return nil, fmt.Errorf("loading the chart %s: %w", path, err)
	}
	if err := checkChart(loaded); err != nil {
		return nil, fmt.Errorf("the chart %s: %w", path, err)
	}
	return loaded, nil
}

// ValuesError is about values that a chart does not take: its schema refuses them.
type ValuesError struct {
	// Values is the path of the file; Chart is the chart's name and version.
	Values, Chart string
	Err           error
}

// Error says what is refused, and where that is to be changed.
func (e *ValuesError) Error() string {
	var refused []string
	for line := range strings.Lines(e.Err.Error()) {
		if text, found := strings.CutPrefix(strings.TrimSpace(line), "- "); found {
			refused = append(refused, text)
		}
	}
	slices.Sort(refused) // Helm's order is not always the same
	said := strings.Join(refused, "; ")
	if said == "" {
		said = e.Err.Error()
	}
	return fmt.Sprintf("the Helm values %s do not fit the chart %s: %s. Change them in that file, "+
		"or take a version of the chart that they are for", e.Values, e.Chart, said)
}

// Unwrap is what Helm said.
func (e *ValuesError) Unwrap() error { return e.Err }

// checkChart refuses what cannot be rendered as it is.
func checkChart(c *chart.Chart) error {
	if c.Metadata.Type == "library" {
		return fmt.Errorf("%s is a library, which has nothing to install", c.Name())
	}
	var missing []string
	for _, dependency := range c.Metadata.Dependencies {
		if !hasDependency(c, dependency.Name) {
			missing = append(missing, dependency.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("it lacks the charts that it needs (%s): `helm dependency build` fetches them",
			strings.Join(missing, ", "))
	}
	return nil
}

func hasDependency(c *chart.Chart, name string) bool {
	for _, d := range c.Dependencies() {
		if d.Name() == name {
			return true
		}
	}
	return false
}

// capabilitiesOf says what a chart may ask about the cluster.
func capabilitiesOf(r Release) (*chartutil.Capabilities, error) {
	capabilities := chartutil.DefaultCapabilities.Copy()
	if r.Kubernetes != "" {
		version, err := chartutil.ParseKubeVersion(r.Kubernetes)
		if err != nil {
			return nil, fmt.Errorf("the cluster's version %q: %w", r.Kubernetes, err)
		}
		capabilities.KubeVersion = *version
	}
	if len(r.APIs) > 0 {
		capabilities.APIVersions = r.APIs
	}
	return capabilities, nil
}

// sorted splits rendered files into objects, in Helm's order of installation.
func sorted(r Release, files map[string]string, apis chartutil.VersionSet) ([]Manifest, error) {
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	_, found, err := releaseutil.SortManifests(files, apis, releaseutil.InstallOrder)
	if err != nil {
		return nil, fmt.Errorf("the objects of the chart %s: %w", r.Chart, err)
	}
	manifests := make([]Manifest, 0, len(found))
	for _, m := range found {
		manifests = append(manifests, Manifest{Source: m.Name, Kind: m.Head.Kind, Text: m.Content})
	}
	return manifests, nil
}
