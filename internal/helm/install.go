package helm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/rollout"
	"github.com/diorama-lab/diorama/internal/yamlfile"
)

// Installation is a chart to be installed with values. Chart is a path, or a name
// in Repository.
type Installation struct {
	Name       string `json:"name"`
	Namespace  string `json:"namespace"`
	Chart      string `json:"chart"`
	Repository string `json:"repository,omitempty"`
	Version    string `json:"version,omitempty"`
	Digest     string `json:"digest,omitempty"`
	// Values is the path of a file; Own tells that the user has written it.
	Values string `json:"values"`
	Own    bool   `json:"-"`
}

// Charts are installations whose charts are fetched before they are needed.
type Charts struct {
	installations []Installation

	mu sync.Mutex
	// fetched are the releases, by their names.
	fetched map[string]Release
}

// NewCharts fetches nothing yet.
func NewCharts(installations []Installation) *Charts {
	return &Charts{installations: installations, fetched: map[string]Release{}}
}

// Fetch makes the charts be on this machine, in cache if they come from a
// repository, and reads them, so that what is wrong with one shows before its
// cluster is there.
func (c *Charts) Fetch(ctx context.Context, cache string, report func(text string)) error {
	for _, i := range c.installations {
		path := i.Chart
		if i.Repository != "" {
			report(i.Repository)
			source := Source{Repository: i.Repository, Name: i.Chart, Version: i.Version, Digest: i.Digest}
			var err error
			if path, err = Fetch(ctx, source, cache); err != nil {
				return err
			}
		}
		release := Release{Name: i.Name, Namespace: i.Namespace, Chart: path, Values: i.Values}
		if _, err := Render(release); err != nil {
			return err
		}
		c.mu.Lock()
		c.fetched[i.Name] = release
		c.mu.Unlock()
	}
	return nil
}

// Check says what is wrong with the user's chart and values, as far as that can be
// known without fetching one.
func (c *Charts) Check() error {
	var problems []error
	for _, i := range c.installations {
		if i.Repository == "" {
			if _, err := load(i.Chart); err != nil {
				return err
			}
		}
		if !i.Own {
			continue
		}
		err := checkValues(i.Values)
		if err == nil && i.Repository == "" {
			_, err = Render(Release{Name: i.Name, Namespace: i.Namespace, Chart: i.Chart, Values: i.Values})
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// checkValues refuses what no chart takes as values, and a collector's configuration
// in their place.
func checkValues(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the values: %w", err)
	}
	root, err := yamlfile.Mapping(data, "a file of Helm values")
	if err == nil && root == nil {
		err = errors.New("is empty; `diorama config collector --env k3d` prints Helm values to begin with")
	}
	if err != nil {
		return yamlfile.In(path, err)
	}
	if key, service := yamlfile.Get(root, "service"); service != nil {
		if _, pipelines := yamlfile.Get(service, "pipelines"); pipelines != nil {
			return yamlfile.In(path, yamlfile.At(key.Line, "this is a collector's configuration, and the kind k3d takes "+
				"Helm values: `diorama config collector --env k3d` shows where in them it goes"))
		}
	}
	return yamlfile.In(path, yamlfile.Twice(root))
}

func (c *Charts) release(name string) (Release, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	release, ok := c.fetched[name]
	if !ok {
		return release, fmt.Errorf("the chart of the release %s was not fetched", name)
	}
	return release, nil
}

// Workload renders the chart of a release for the cluster that config points to,
// and writes it down as Helm does when its objects are there.
func (c *Charts) Workload(name string, config func() (*rest.Config, error)) rollout.WorkloadConfig {
	var release Release
	var manifests []Manifest
	render := func(ctx context.Context, config *rest.Config, report func(string)) ([]*rollout.Object, error) {
		var err error
		if release, err = c.release(name); err != nil {
			return nil, err
		}
		err = apiretry.Do(ctx, "asking the cluster what it is", report, func(context.Context) error {
			return askCluster(config, &release)
		})
		if err != nil {
			return nil, err
		}
		if manifests, err = Render(release); err != nil {
			return nil, err
		}
		return objectsOf(release, manifests)
	}
	record := func(ctx context.Context, config *rest.Config, report func(string)) error {
		secret, err := Record(release, manifests, time.Now())
		if err != nil {
			return err
		}
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(secret)
		if err != nil {
			return fmt.Errorf("encoding the record of the release %s: %w", release.Name, err)
		}
		target, err := rollout.New(ctx, config)
		if err != nil {
			return err
		}
		defer target.CloseIdleConnections()
		return target.Apply(ctx, release.Namespace, []*rollout.Object{{Object: object}}, report)
	}
	return rollout.WorkloadConfig{
		What: "the Helm release " + name, Namespace: c.namespace(name), Config: config, Objects: render, Applied: record,
	}
}

func (c *Charts) namespace(name string) string {
	for _, i := range c.installations {
		if i.Name == name {
			return i.Namespace
		}
	}
	return ""
}

// askCluster fills in what charts may ask about a cluster.
func askCluster(config *rest.Config, release *Release) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	version, versionErr := client.ServerVersion()
	groups, groupsErr := client.ServerGroups()
	if err := errors.Join(versionErr, groupsErr); err != nil {
		return fmt.Errorf("asking the cluster for its version and APIs: %w", err)
	}
	release.Kubernetes, release.APIs = version.GitVersion, nil
	for _, group := range groups.Groups {
		for _, v := range group.Versions {
			release.APIs = append(release.APIs, v.GroupVersion)
		}
	}
	return nil
}

func objectsOf(release Release, manifests []Manifest) ([]*rollout.Object, error) {
	var objects []*rollout.Object
	for _, m := range manifests {
		parsed, err := rollout.Parse([]byte(m.Text))
		if err != nil {
			return nil, fmt.Errorf("the template %s of the release %s: %w", m.Source, release.Name, err)
		}
		for _, object := range parsed {
			release.Mark(object)
			objects = append(objects, object)
		}
	}
	return objects, nil
}
