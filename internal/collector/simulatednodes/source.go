// Package simulatednodes follows the simulated nodes of a cluster and keeps
// one component running for each. The receivers that scrape every simulated
// node share it.
package simulatednodes

import (
	"context"
	"fmt"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Annotation marks the nodes that KWOK plays.
const Annotation = "kwok.x-k8s.io/node"

// Leaving marks those of them that are being removed.
const Leaving = "diorama.dev/leaving"

// The ways to reach the API server. They are spelled as in other receivers.
const (
	AuthKubeConfig     = "kubeConfig"
	AuthServiceAccount = "serviceAccount"
)

// APIConfig says how to reach the API server.
type APIConfig struct {
	// AuthType is kubeConfig (the file named by KUBECONFIG) or serviceAccount.
	AuthType string `mapstructure:"auth_type"`
	// Context overrides the kubeconfig's current context.
	Context string `mapstructure:"context"`
}

// Validate refuses ways that there are not.
func (c APIConfig) Validate() error {
	switch c.AuthType {
	case AuthKubeConfig, AuthServiceAccount:
		return nil
	}
	return fmt.Errorf("auth_type %q: use %s or %s", c.AuthType, AuthKubeConfig, AuthServiceAccount)
}

func (c APIConfig) restConfig() (*rest.Config, error) {
	if c.AuthType == AuthServiceAccount {
		return rest.InClusterConfig()
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.Context}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}

// Source tells which simulated nodes there are.
type Source interface {
	// Follow calls added and removed, one call at a time, until ctx ends. A
	// node may be added again without having been removed.
	Follow(ctx context.Context, added, removed func(node string)) error
}

// apiSource asks the API server.
type apiSource struct {
	client kubernetes.Interface
	logger *zap.Logger
}

// NewSource returns the nodes of a cluster. It does not connect yet.
func NewSource(c APIConfig, logger *zap.Logger) (Source, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, fmt.Errorf("reading how to reach the API server (auth_type %s): %w", c.AuthType, err)
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("setting up a client of the API server: %w", err)
	}
	return &apiSource{client: client, logger: logger}, nil
}

// Follow watches Node objects. The informer lists again after every outage.
func (s *apiSource) Follow(ctx context.Context, added, removed func(node string)) error {
	factory := informers.NewSharedInformerFactoryWithOptions(s.client, 0, informers.WithTransform(strip))
	informer := factory.Core().V1().Nodes().Informer()
	if err := informer.SetWatchErrorHandler(func(_ *cache.Reflector, err error) {
		s.logger.Warn("Watching nodes was interrupted; trying again", zap.Error(err))
	}); err != nil {
		return fmt.Errorf("watching nodes: %w", err)
	}
	seen := func(object any) {
		node, ok := object.(*corev1.Node)
		switch {
		case !ok:
		case !simulated(node), leaving(node):
			removed(node.Name)
		case ready(node):
			added(node.Name)
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    seen,
		UpdateFunc: func(_, object any) { seen(object) },
		DeleteFunc: func(object any) {
			if name, err := cache.DeletionHandlingObjectToName(object); err == nil {
				removed(name.Name)
			}
		},
	}); err != nil {
		return fmt.Errorf("watching nodes: %w", err)
	}
	// RunWithContext returns when the last handler has returned.
	informer.RunWithContext(ctx)
	return nil
}

func simulated(node *corev1.Node) bool {
	_, ok := node.Annotations[Annotation]
	return ok
}

// leaving says whether the node is being removed: with the Node object its
// kubelet ends too.
func leaving(node *corev1.Node) bool { return node.Annotations[Leaving] != "" }

// ready says whether the node's kubelet has reported. Before that it has no
// statistics: scraping it would only count failures. A node that has been
// ready once stays followed, because monitoring is to see it fail.
func ready(node *corev1.Node) bool {
	for i := range node.Status.Conditions {
		if node.Status.Conditions[i].Type == corev1.NodeReady {
			return node.Status.Conditions[i].Status == corev1.ConditionTrue
		}
	}
	return false
}

// strip keeps what simulated and ready read; a whole Node is ten times larger.
func strip(object any) (any, error) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return object, nil
	}
	small := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, UID: node.UID, ResourceVersion: node.ResourceVersion},
	}
	for _, name := range []string{Annotation, Leaving} {
		if value, ok := node.Annotations[name]; ok {
			metav1.SetMetaDataAnnotation(&small.ObjectMeta, name, value)
		}
	}
	for i := range node.Status.Conditions {
		if condition := &node.Status.Conditions[i]; condition.Type == corev1.NodeReady {
			small.Status.Conditions = []corev1.NodeCondition{{Type: condition.Type, Status: condition.Status}}
		}
	}
	return small, nil
}
