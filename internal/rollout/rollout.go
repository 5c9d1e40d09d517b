// Package rollout applies objects to a cluster server-side and waits until
// what they run is there.
package rollout

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/apply"
	"github.com/diorama-lab/diorama/internal/wait"
)

// pollEvery is how often a workload is looked at while it is waited for.
const pollEvery = 500 * time.Millisecond

// Cluster is one that objects are applied to.
type Cluster struct {
	client  *http.Client
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	mapper  meta.ResettableRESTMapper
}

// discoveryLimit is how long one question for the APIs may take; it is client-go's.
const discoveryLimit = 32 * time.Second

// New returns the cluster that config points to. It asks it nothing yet. What it
// asks later ends with ctx at the latest.
func New(ctx context.Context, config *rest.Config) (*Cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 50, 100
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bound{ctx: ctx, RoundTripper: next} })
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("setting up a connection to apply objects: %w", err)
	}
	typed, errTyped := kubernetes.NewForConfigAndClient(config, client)
	untyped, errDynamic := dynamic.NewForConfigAndClient(config, client)
	// One that hangs does not wait as long as the whole start.
	impatient := *client
	impatient.Timeout = discoveryLimit
	known, errDiscovery := discovery.NewDiscoveryClientForConfigAndClient(config, &impatient)
	if err := errors.Join(errTyped, errDynamic, errDiscovery); err != nil {
		return nil, fmt.Errorf("setting up clients to apply objects: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(known))
	return &Cluster{client: client, typed: typed, dynamic: untyped, mapper: mapper}, nil
}

// CloseIdleConnections ends the connections that nothing uses at the moment.
func (c *Cluster) CloseIdleConnections() { utilnet.CloseIdleConnectionsFor(c.client.Transport) }

// bound ends requests with a context that not all who make them know: discovery
// takes none.
type bound struct {
	http.RoundTripper
	ctx context.Context
}

// RoundTrip implements http.RoundTripper.
func (b *bound) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(request.Context())
	leave := context.AfterFunc(b.ctx, cancel)
	end := func() { leave(); cancel() }
	response, err := b.RoundTripper.RoundTrip(request.WithContext(ctx))
	if err != nil {
		end()
		return nil, cmp.Or(b.ctx.Err(), err)
	}
	response.Body = &endingBody{ReadCloser: response.Body, end: end}
	return response, nil
}

// WrappedRoundTripper returns the one that has the connections.
func (b *bound) WrappedRoundTripper() http.RoundTripper { return b.RoundTripper }

// endingBody ends its request when it is closed.
type endingBody struct {
	io.ReadCloser
	end func()
}

// Close implements io.Closer.
func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// Object is one that is to be in a cluster.
type Object = unstructured.Unstructured

// Parse reads the objects of YAML documents; empty documents are left out.
func Parse(text []byte) ([]*Object, error) {
	var objects []*Object
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		object := &Object{}
		err := decoder.Decode(object)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("reading an object: %w", err)
		case len(object.Object) == 0:
			continue
		case object.GetKind() == "" || object.GetName() == "":
			return nil, fmt.Errorf("an object without a kind or a name: %.80q", fmt.Sprint(object.Object))
		}
		objects = append(objects, object)
	}
}

// Apply writes the objects in their order. Those of a namespaced kind that
// name no namespace go into the one given. Objects get the namespace set.
// report takes what is tried again; it may be nil.
func (c *Cluster) Apply(ctx context.Context, namespace string, objects []*Object, report apiretry.Report) error {
	for _, object := range objects {
		what := "applying " + nameOf(object)
		var in dynamic.ResourceInterface
		err := apiretry.Do(ctx, what, report, func(context.Context) (err error) {
			in, err = c.resources(object, namespace)
			return err
		})
		if err == nil {
			_, err = apply.Object(ctx, what, in, object, report)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func nameOf(o *Object) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// resources is where the API has objects of this kind.
func (c *Cluster) resources(object *Object, namespace string) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		// It may be of a definition that was applied a moment ago.
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("asking what the cluster calls a %s: %w", object.GetKind(), err)
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	if object.GetNamespace() == "" {
		object.SetNamespace(namespace)
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
}

// workloads are the kinds whose pods are waited for.
var workloads = []string{"Deployment", "StatefulSet", "DaemonSet"}

// Wait returns when all workloads among the applied objects have the pods that
// they ask for, each of them ready. It says what it waits for, and returns an
// error as soon as a pod cannot come up: its image cannot be had, or it ends
// again and again.
func (c *Cluster) Wait(ctx context.Context, objects []*Object, detail func(string)) error {
	for _, object := range objects {
		if !slices.Contains(workloads, object.GetKind()) {
			continue
		}
		if err := c.waitOne(ctx, object, detail); err != nil {
			return fmt.Errorf("%s: %w", nameOf(object), err)
		}
	}
	return nil
}

func (c *Cluster) waitOne(ctx context.Context, object *Object, detail func(string)) error {
	resources, err := c.resources(object, "")
	if err != nil {
		return err
	}
	last := ""
	for {
		done, message, err := c.look(ctx, resources, object.GetName())
		if done {
			return nil
		}
		var failed *PodError
		if errors.As(err, &failed) {
			return err
		}
		if err != nil {
			message = err.Error() // the API server may be away for a moment
		}
		if message != last {
			detail(message)
			last = message
		}
		if err := wait.Pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("%w; last: %s", err, last)
		}
	}
}

// look tells whether a workload is there, and if not, what is missing.
func (c *Cluster) look(
	ctx context.Context, resources dynamic.ResourceInterface, name string,
) (done bool, message string, err error) {
	object, err := resources.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, "", err
	}
	result, err := status.Compute(object)
	if err != nil {
		return false, "", err
	}
	if result.Status == status.CurrentStatus {
		return true, "", nil
	}
	trouble, err := c.trouble(ctx, object)
	if err != nil || trouble == "" {
		return false, result.Message, err
	}
	return false, trouble, nil
}
