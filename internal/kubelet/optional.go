package kubelet

import (
	"context"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"

	"github.com/diorama-lab/diorama/internal/wait"
)

// How soon it is tried again to read what could not be: the API server may come
// back, a definition be installed, a right be given.
const (
	failedRetry = time.Second
	absentRetry = 5 * time.Second
)

// optionalResource is a resource that not every cluster has, or lets every
// user read. It is followed from when it can be.
type optionalResource struct {
	name      string
	without   string        // what cannot be done, for people
	retry     time.Duration // how soon it is tried again if it may not be read
	probe     func(context.Context) error
	reflector func(listed func()) *cache.Reflector
}

// optional are the resources that say what pods are to use.
func optional(c clients, s *store) []optionalResource {
	out := []optionalResource{resourceUsages(c, s), clusterResourceUsages(c, s)}
	for _, w := range []struct{ kind, group, resource string }{
		{"Deployment", "apps", "deployments"}, {"StatefulSet", "apps", "statefulsets"}, {"DaemonSet", "apps", "daemonsets"},
		{"Job", "batch", "jobs"}, {"CronJob", "batch", "cronjobs"},
	} {
		out = append(out, workloadMetadata(c, s, w.kind, schema.GroupVersionResource{
			Group: w.group, Version: "v1", Resource: w.resource,
		}))
	}
	return out
}

// listable returns a probe that lists one object.
func listable[L any](list func(context.Context, metav1.ListOptions) (L, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := list(ctx, metav1.ListOptions{Limit: 1})
		return err
	}
}

// follow waits until the resource can be read, and follows it until ctx ends.
// decided is called when its first list is in, or it turns out that there is none.
func (o optionalResource) follow(ctx context.Context, decided func()) {
	defer decided()
	said := false
	for {
		retry := failedRetry
		err := o.probe(ctx)
		if err == nil {
			o.reflector(decided).RunWithContext(ctx)
			return
		}
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) {
			if !said {
				slog.Warn(o.without, "resource", o.name, "error", err)
			}
			said, retry = true, o.retry
			decided()
		}
		if wait.Pause(ctx, retry) != nil {
			return
		}
	}
}

func workloadMetadata(c clients, s *store, kind string, resource schema.GroupVersionResource) optionalResource {
	client := c.metadata.Resource(resource).Namespace(metav1.NamespaceAll)
	return optionalResource{
		name:  resource.Resource,
		retry: absentRetry,
		without: "The annotation " + profileAnnotation + " of " + resource.Resource +
			" is not followed: they cannot be read. Annotate the pods, or give the user the right to list and watch them.",
		probe: listable(client.List),
		reflector: func(listed func()) *cache.Reflector {
			return newReflector(c.metadata, resource.Resource, &metav1.PartialObjectMetadata{},
				sink[*metav1.PartialObjectMetadata]{
					trim: trimWorkload,
					set: func(o *metav1.PartialObjectMetadata) error {
						s.setWorkload(newWorkload(kind, o))
						return nil
					},
					remove: func(key string) {
						namespace, name, _ := cache.SplitMetaNamespaceKey(key)
						s.setWorkload(workloadKey{kind, namespace, name}, workload{})
					},
					replace: func(list []*metav1.PartialObjectMetadata) error {
						all := make(map[workloadKey]workload, len(list))
						for _, o := range list {
							key, w := newWorkload(kind, o)
							all[key] = w
						}
						s.replaceWorkloads(kind, all)
						listed()
						return nil
					},
				}, listWatch("", client.List, client.Watch))
		},
	}
}

// trimWorkload keeps, in place, what newWorkload reads.
func trimWorkload(o *metav1.PartialObjectMetadata) {
	profile, found := o.Annotations[profileAnnotation]
	o.Annotations, o.Labels = nil, nil
	if found {
		o.Annotations = map[string]string{profileAnnotation: profile}
	}
}

func resourceUsages(c clients, s *store) optionalResource {
	client := c.kwok.KwokV1alpha1().ResourceUsages(metav1.NamespaceAll)
	named := func(key string) func(*pod) bool { return func(p *pod) bool { return p.key == key } }
	return optionalResource{
		name:    "resourceusages",
		retry:   absentRetry,
		without: withoutUsage,
		probe:   listable(client.List),
		reflector: func(listed func()) *cache.Reflector {
			return newReflector(c.kwok, "resourceusages", &v1alpha1.ResourceUsage{}, sink[*v1alpha1.ResourceUsage]{
				set: func(o *v1alpha1.ResourceUsage) error {
					key := o.Namespace + "/" + o.Name
					return s.changeRules(named(key), func(r *rules) error { return r.setPod(key, o) })
				},
				remove: func(key string) {
					_ = s.changeRules(named(key), func(r *rules) error { return r.setPod(key, nil) }) // nothing to go wrong
				},
				replace: func(all []*v1alpha1.ResourceUsage) error {
					defer listed()
					return s.changeRules(everyPod, func(r *rules) error { return r.replacePods(all) })
				},
			}, listWatch("", client.List, client.Watch))
		},
	}
}

func clusterResourceUsages(c clients, s *store) optionalResource {
	client := c.kwok.KwokV1alpha1().ClusterResourceUsages()
	return optionalResource{
		name:    "clusterresourceusages",
		retry:   absentRetry,
		without: withoutUsage,
		probe:   listable(client.List),
		reflector: func(listed func()) *cache.Reflector {
			return newReflector(c.kwok, "clusterresourceusages", &v1alpha1.ClusterResourceUsage{},
				sink[*v1alpha1.ClusterResourceUsage]{
					set: func(o *v1alpha1.ClusterResourceUsage) error {
						return s.changeRules(everyPod, func(r *rules) error { return r.setCluster(o.Name, o) })
					},
					remove: func(name string) {
						_ = s.changeRules(everyPod, func(r *rules) error { return r.setCluster(name, nil) }) // nothing to go wrong
					},
					replace: func(all []*v1alpha1.ClusterResourceUsage) error {
						defer listed()
						return s.changeRules(everyPod, func(r *rules) error { return r.replaceCluster(all) })
					},
				}, listWatch("", client.List, client.Watch))
		},
	}
}

const withoutUsage = "Objects that say what pods use are not followed: they cannot be read. " +
	"Install KWOK's definitions, or give the user the right to list and watch them."
