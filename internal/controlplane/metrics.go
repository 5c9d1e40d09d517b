package controlplane

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/apiretry"
	"github.com/diorama-lab/diorama/internal/apply"
	"github.com/diorama-lab/diorama/internal/wait"
)

// MetricsServerIP is the address of the service of the metrics API, in the
// range of ServiceCIDR from which none is given by itself. The API server's
// connections to it end in the kubelets' tunnel.
const MetricsServerIP = "10.96.0.11"

// The service is called as it is in production.
const (
	metricsNamespace  = "kube-system"
	metricsService    = "metrics-server"
	metricsAPIService = "v1beta1.metrics.k8s.io"
)

var (
	metricsVersion     = schema.GroupVersion{Group: "metrics.k8s.io", Version: "v1beta1"}
	apiServiceResource = schema.GroupVersionResource{
		Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices",
	}
	serviceResource = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	sliceResource   = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
)

// RegisterMetrics adds the metrics API (metrics.k8s.io) to the API
// server's, and waits until it answers and clients discover it. What serves it
// has to be there: while an API is registered but does not answer, discovery
// fails for every client. ca, in PEM, signs its certificate. It may be called
// again. report gets what is tried again; it may be nil.
func RegisterMetrics(ctx context.Context, config *rest.Config, ca []byte, report apiretry.Report) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	discoverer, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	for _, o := range []struct {
		in     dynamic.ResourceInterface
		object map[string]any
	}{
		{client.Resource(roleResource), metricsReader()},
		{client.Resource(serviceResource).Namespace(metricsNamespace), metricsServiceObject()},
		{client.Resource(sliceResource).Namespace(metricsNamespace), metricsEndpoints()},
		{client.Resource(apiServiceResource), metricsRegistration(ca)},
	} {
		if err := writeObject(ctx, o.in, &unstructured.Unstructured{Object: o.object}, report); err != nil {
			return err
		}
	}
	err = wait.Until(ctx, 50*time.Millisecond, func(ctx context.Context) (bool, error) {
		problem := metricsServed(ctx, client, discoverer)
		return problem == nil, problem
	})
	if err != nil {
		return fmt.Errorf("waiting for the metrics API: %w", err)
	}
	return nil
}

// unregisterMetrics takes away what an earlier start has registered, until
// what serves it is there again.
func unregisterMetrics(ctx context.Context, client dynamic.Interface, report apiretry.Report) error {
	err := apiretry.Do(ctx, "unregistering the metrics API", report, func(ctx context.Context) error {
		return client.Resource(apiServiceResource).Delete(ctx, metricsAPIService, metav1.DeleteOptions{})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("unregistering the metrics API: %w", err)
	}
	return nil
}

func metricsServed(ctx context.Context, client dynamic.Interface, discoverer *discovery.DiscoveryClient) error {
	object, err := client.Resource(apiServiceResource).Get(ctx, metricsAPIService, metav1.GetOptions{})
	if err != nil {
		return err
	}
	conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return err
	}
	available := errors.New("the API server has not looked at it yet")
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["type"] == "Available" {
			available = fmt.Errorf("%v", condition["message"])
			if condition["status"] == "True" {
				available = nil
			}
		}
	}
	if available != nil {
		return available
	}
	_, resources, failed, err := discoverer.GroupsAndMaybeResources()
	if err != nil {
		return err
	}
	if problem := failed[metricsVersion]; problem != nil {
		return problem
	}
	if resources[metricsVersion] == nil {
		return errors.New("it is not discovered yet")
	}
	return nil
}

// metricsReader lets everybody read metrics who may view the rest.
func metricsReader() map[string]any {
	labels := map[string]any{}
	for _, role := range []string{"view", "edit", "admin"} {
		labels["rbac.authorization.k8s.io/aggregate-to-"+role] = "true"
	}
	return map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
		"metadata": map[string]any{"name": "system:aggregated-metrics-reader", "labels": labels},
		"rules": []any{map[string]any{
			"apiGroups": []any{metricsVersion.Group}, "resources": []any{"nodes", "pods"},
			"verbs": []any{"get", "list", "watch"},
		}},
	}
}

func metricsServiceObject() map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Service",
		"metadata": map[string]any{
			"name": metricsService, "namespace": metricsNamespace, "labels": map[string]any{"k8s-app": metricsService},
		},
		"spec": map[string]any{
			"clusterIP": MetricsServerIP,
			"ports": []any{
				map[string]any{"name": "https", "protocol": "TCP", "port": int64(443), "targetPort": int64(443)},
			},
		},
	}
}

// metricsEndpoints: there is no pod behind the service, it is its own endpoint.
func metricsEndpoints() map[string]any {
	return map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
		"metadata": map[string]any{"name": metricsService, "namespace": metricsNamespace, "labels": map[string]any{
			"kubernetes.io/service-name": metricsService, "endpointslice.kubernetes.io/managed-by": apply.FieldManager,
		}},
		"addressType": "IPv4",
		"endpoints": []any{
			map[string]any{"addresses": []any{MetricsServerIP}, "conditions": map[string]any{"ready": true}},
		},
		"ports": []any{map[string]any{"name": "https", "protocol": "TCP", "port": int64(443)}},
	}
}

func metricsRegistration(ca []byte) map[string]any {
	return map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
		"metadata": map[string]any{"name": metricsAPIService, "labels": map[string]any{"k8s-app": metricsService}},
		"spec": map[string]any{
			"group": metricsVersion.Group, "version": metricsVersion.Version,
			"groupPriorityMinimum": int64(100), "versionPriority": int64(100),
			"caBundle": base64.StdEncoding.EncodeToString(ca),
			"service":  map[string]any{"namespace": metricsNamespace, "name": metricsService, "port": int64(443)},
		},
	}
}
