package telemetry

import (
	"context"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/internal/prometheus"
	"github.com/diorama-lab/diorama/internal/wait"
)

// The series that show that a receiver's telemetry is there, however the store
// names metrics.
const (
	OfCluster  = `{__name__=~"k8s.pod.phase.*"}`
	OfKubelets = `{__name__=~"k8s.node.cpu.*"}`
)

// OfNode selects what its kubelet reports of a node, however the store names
// labels.
func OfNode(name string) string {
	const metric = `__name__=~"k8s.node.cpu.*"`
	return fmt.Sprintf(`{%s, k8s_node_name=%q} or {%[1]s, "k8s.node.name"=%q}`, metric, name)
}

// Await waits until the first series of each source can be queried.
func (s Sources) Await(ctx context.Context, report func(text string)) error {
	client := prometheus.NewClient(s.Prometheus)
	defer client.Close()
	for source, selector := range s.First {
		report("waiting for " + source)
		err := wait.Until(ctx, pollEvery, func(ctx context.Context) (bool, error) {
			return hasSeries(ctx, client, selector)
		})
		if err != nil {
			return fmt.Errorf("waiting for the first metrics of %s: %w", source, err)
		}
	}
	return nil
}

// pollEvery is how often the store is asked for a series.
const pollEvery = 100 * time.Millisecond

func hasSeries(ctx context.Context, client *prometheus.Client, selector string) (bool, error) {
	answer, err := client.Query(ctx, "count("+selector+")", time.Now())
	return len(answer.Series) > 0, err
}
