package nodes

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/apiretry"
)

// Simulated returns the names of the nodes in a cluster whose kubelet is
// simulated, sorted, without those that are being removed.
func Simulated(ctx context.Context, config *rest.Config) ([]string, error) {
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("setting up a client: %w", err)
	}
	var list *metav1.PartialObjectMetadataList
	err = apiretry.Do(ctx, "listing the nodes", nil, func(ctx context.Context) (err error) {
		list, err = client.Resource(nodeResource).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the nodes: %w", err)
	}
	var names []string
	for _, node := range list.Items {
		_, simulated := node.Annotations["kwok.x-k8s.io/node"]
		if simulated && node.Annotations[leavingAnnotation] == "" {
			names = append(names, node.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}
