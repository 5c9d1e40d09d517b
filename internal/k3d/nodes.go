package k3d

import (
	"context"
	_ "embed" // the manifest
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/diorama-lab/diorama/internal/rollout"
	"github.com/diorama-lab/diorama/internal/wait"
)

// pollEvery is how often nodes are looked at that are not Ready yet.
const pollEvery = 100 * time.Millisecond

// AwaitNodes waits until the nodes of these names are Ready.
func AwaitNodes(ctx context.Context, config *rest.Config, names []string, report func(text string)) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up a client: %w", err)
	}
	err = wait.Until(ctx, pollEvery, func(ctx context.Context) (bool, error) {
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
		report(fmt.Sprintf("nodes %d/%d Ready", len(names)-len(missing), len(names)))
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

//go:embed workloads.yaml.tmpl
var workloads string

// Workloads renders the default workloads, all of one image.
func Workloads(image string) (string, error) {
	return rollout.Render("workloads", workloads, map[string]any{"Image": image})
}
