package environment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/internal/nodes"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// awaitTelemetry waits until series of both receivers can be queried. A
// configuration of the user's may send something else, or nothing.
func (r *recipe) awaitTelemetry(ctx context.Context) error {
	wanted := map[string]string{"k8s_cluster": `{__name__=~"k8s.pod.phase.*"}`, "kubeletstats": `{__name__=~"k8s.node.cpu.*"}`}
	if r.plan.Environment.Telemetry.Collectors.Cluster != "" {
		delete(wanted, "k8s_cluster")
	}
	// In a container, one collector has both.
	own := r.plan.Environment.Telemetry.Collectors
	if own.Nodes != "" || r.containers != nil && own.Cluster != "" {
		delete(wanted, "kubeletstats")
	}
	if r.plan.K3d != nil && r.plan.Environment.Cluster.Nodes > 0 {
		wanted["kubeletstats of simulated nodes"] = ofNode(nodes.Fleet{Nodes: 1}.Names()[0])
	}
	client := prometheus.NewClient(prometheusURL(r.plan))
	defer client.Close()
	for receiver, selector := range wanted {
		r.host.detail(telemetry, "waiting for "+receiver)
		if err := poll(ctx, func() (bool, error) { return hasSeries(ctx, client, selector) }); err != nil {
			return fmt.Errorf("waiting for the first metrics of %s: %w", receiver, err)
		}
	}
	return nil
}

// ofNode selects what its kubelet tells of a node, however the store names
// labels.
func ofNode(name string) string {
	const metric = `__name__=~"k8s.node.cpu.*"`
	return fmt.Sprintf(`{%s, k8s_node_name=%q} or {%[1]s, "k8s.node.name"=%q}`, metric, name)
}

// poll calls check until it is true; a cancelled ctx ends it with the last error.
func poll(ctx context.Context, check func() (bool, error)) error {
	for {
		ok, err := check()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func hasSeries(ctx context.Context, client *prometheus.Client, selector string) (bool, error) {
	answer, err := client.Query(ctx, "count("+selector+")", time.Now())
	return len(answer.Series) > 0, err
}
