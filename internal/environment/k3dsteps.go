package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/helm"
	"github.com/diorama-lab/diorama/internal/k3d"
	"github.com/diorama-lab/diorama/internal/rollout"
	"github.com/diorama-lab/diorama/internal/state"
)

// makeK3d makes the containers of the nodes, and returns when all nodes are
// Ready. What k3d says is in the component's log.
func (r *recipe) makeK3d(ctx context.Context) error {
	log, err := r.openLog(cluster)
	if err != nil {
		return err
	}
	defer log.Close()
	r.host.detail(cluster, "starting the nodes")
	nodes := r.k3dCluster()
	if err := k3d.Create(ctx, nodes, log); err != nil {
		return err
	}
	config, err := k3d.Kubeconfig(ctx, nodes.Name)
	if err != nil {
		return err
	}
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig: %w", err)
	}
	if err := writeConfig(contextKubeconfig(r.folder), data); err != nil {
		return err
	}
	admin, err := r.restConfig()
	if err != nil {
		return err
	}
	if err := r.startCounting(admin); err != nil {
		return err
	}
	if err := r.parts.start(admin, r.containers); err != nil {
		return err
	}
	return r.awaitNodes(ctx, admin, nodes.NodeNames())
}

func (r *recipe) openLog(name string) (*os.File, error) {
	log, err := os.OpenFile(r.folder.Log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	return log, nil
}

func (r *recipe) endK3d(ctx context.Context) error {
	r.parts.end()
	return r.endCounting(ctx)
}

// k3dCluster is the plan's cluster in the words of the package that makes it.
func (r *recipe) k3dCluster() k3d.Cluster {
	planned := r.plan.K3d.Cluster
	c := planned.names()
	c.Image, c.Network = r.containers.images.find(planned.Image).Name, r.plan.Network
	c.APIPort, c.Labels = planned.APIPort, r.containers.owner.Labels()
	for _, m := range planned.Mounts {
		c.Mounts = append(c.Mounts, m.Source+":"+m.Target+":ro")
	}
	return c
}

// names is what the names of a cluster's containers follow from.
func (c K3dCluster) names() k3d.Cluster {
	return k3d.Cluster{Name: c.Name, Servers: c.Servers, Agents: c.Agents}
}

// awaitNodes waits until the nodes of these names are Ready.
func (r *recipe) awaitNodes(ctx context.Context, config *rest.Config, names []string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	err = poll(ctx, func() (bool, error) {
		list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		missing := slices.Clone(names)
		for i := range list.Items {
			if isReady(&list.Items[i]) {
				missing = slices.DeleteFunc(missing, func(name string) bool { return name == list.Items[i].Name })
			}
		}
		r.host.detail(cluster, fmt.Sprintf("nodes %d/%d Ready", len(names)-len(missing), len(names)))
		if len(missing) > 0 {
			return false, fmt.Errorf("%s: not Ready", strings.Join(missing, ", "))
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the nodes: %w", err)
	}
	return nil
}

func isReady(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// applyManifest applies the plan's manifest of a component and waits for its
// workloads.
func (r *recipe) applyManifest(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		data, err := os.ReadFile(r.plan.K3d.Manifests[name])
		if err != nil {
			return fmt.Errorf("reading the manifest of %s: %w", name, err)
		}
		objects, err := rollout.Parse(data)
		if err != nil {
			return fmt.Errorf("the manifest of %s: %w", name, err)
		}
		return r.rollOut(ctx, name, k3dNamespace, objects)
	}
}

// rollOut applies objects and waits for the workloads among them.
func (r *recipe) rollOut(ctx context.Context, component, namespace string, objects []*rollout.Object) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	target, err := rollout.New(ctx, config)
	if err != nil {
		return err
	}
	if err := target.Apply(ctx, namespace, objects, r.again(component)); err != nil {
		return err
	}
	return target.Wait(ctx, objects, func(text string) { r.host.detail(component, text) })
}

// fetchChart makes the chart be on this machine, and reads it, so that what is
// wrong with it shows before the cluster is there.
func (r *recipe) fetchChart(ctx context.Context) error {
	cache, err := state.CacheDir()
	if err != nil {
		return err
	}
	for _, release := range r.plan.K3d.Releases {
		path := release.Chart
		if release.Repository != "" {
			r.host.detail(chartStep, release.Repository)
			source := helm.Source{Repository: release.Repository, Name: release.Chart, Version: release.Version, Digest: release.Digest}
			if path, err = helm.Fetch(ctx, source, filepath.Join(cache, "charts")); err != nil {
				return err
			}
		}
		chart := helm.Release{Name: release.Name, Namespace: release.Namespace, Chart: path, Values: release.Values}
		if _, err := helm.Render(chart); err != nil {
			return err
		}
		r.charts = append(r.charts, chart)
	}
	return nil
}

// install renders the chart of a release for this cluster, applies it, waits
// for it, and writes it down as Helm does.
func (r *recipe) install(ctx context.Context, component string, release helm.Release) error {
	config, err := r.restConfig()
	if err != nil {
		return err
	}
	err = apiretry.Do(ctx, "asking the cluster what it is", r.again(component), func(context.Context) error {
		return askCluster(config, &release)
	})
	if err != nil {
		return err
	}
	manifests, err := helm.Render(release)
	if err != nil {
		return err
	}
	objects, err := objectsOf(release, manifests)
	if err != nil {
		return err
	}
	if err := r.rollOut(ctx, component, release.Namespace, objects); err != nil {
		return fmt.Errorf("the Helm release %s: %w", release.Name, err)
	}
	secret, err := helm.Record(release, manifests, time.Now())
	if err != nil {
		return err
	}
	record, err := runtime.DefaultUnstructuredConverter.ToUnstructured(secret)
	if err != nil {
		return fmt.Errorf("encoding the record of the release %s: %w", release.Name, err)
	}
	return r.rollOut(ctx, component, release.Namespace, []*rollout.Object{{Object: record}})
}

// askCluster fills in what charts may ask about a cluster.
func askCluster(config *rest.Config, release *helm.Release) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	version, err := client.ServerVersion()
	if err != nil {
		return fmt.Errorf("asking the cluster for its version: %w", err)
	}
	groups, err := client.ServerGroups()
	if err != nil {
		return fmt.Errorf("asking the cluster for its APIs: %w", err)
	}
	release.Kubernetes = version.GitVersion
	for _, group := range groups.Groups {
		for _, v := range group.Versions {
			release.APIs = append(release.APIs, v.GroupVersion)
		}
	}
	return nil
}

func objectsOf(release helm.Release, manifests []helm.Manifest) ([]*rollout.Object, error) {
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

// installer installs one of the plan's releases.
func (r *recipe) installer(component string, index int) func(context.Context) error {
	return func(ctx context.Context) error {
		if len(r.charts) <= index {
			return errors.New("its chart was not fetched")
		}
		return r.install(ctx, component, r.charts[index])
	}
}
