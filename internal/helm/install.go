package helm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/rollout"
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
	// Values is the path of a file.
	Values string `json:"values"`
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
