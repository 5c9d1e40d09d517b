package kinds

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/wait"
)

const (
	// leaveLimit bounds how long a collector may take to stop asking nodes that are
	// to be removed. One that does not answer does not keep them.
	leaveLimit = 15 * time.Second
	// lookEvery is how often it is asked how far it is.
	lookEvery = 100 * time.Millisecond
)

// letGo returns when a collector that follows nodes by itself asks those no more
// that are marked as leaving. self is the port of its own metrics.
func letGo(members *cluster.Cluster, self int) func(context.Context, []string) error {
	return func(ctx context.Context, leaving []string) error {
		staying, err := members.Simulated(ctx)
		if err != nil {
			return err
		}
		done := func(h collector.Health) bool { return h.MostNodesFollowed <= uint64(len(staying)) }
		awaitCollector(ctx, fmt.Sprintf("stop asking %d nodes", len(leaving)), self, done)
		return nil
	}
}

// awaitCollector waits until what a collector says of itself is as wanted.
func awaitCollector(ctx context.Context, what string, self int, wanted func(collector.Health) bool) {
	bounded, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	page := loopback.HTTP(self, "/metrics")
	err := wait.Until(bounded, lookEvery, func(ctx context.Context) (bool, error) {
		health, err := collector.ReadHealth(ctx, page)
		return err == nil && wanted(health), err
	})
	if err != nil && ctx.Err() == nil {
		slog.Warn("a collector was not seen to "+what, "waited", leaveLimit, "error", err)
	}
}

// awaitTelemetry waits for the first series of all that sends to the store.
func awaitTelemetry(p *plan.Plan) func(context.Context, func(string)) error {
	return func(ctx context.Context, report func(string)) error { return p.Telemetry.Await(ctx, report) }
}

// kubeContext is the change to the user's kubeconfig, which comes last.
func kubeContext(p *plan.Plan, needs ...string) plan.Component {
	name := plan.ContextName(p.Environment.Name)
	return plan.Component{Name: contextStep, Needs: needs, Runs: plan.KubeContext{
		Does:    "adds the context " + name + " to the kubeconfig and makes it current",
		Context: name, Admin: func() (*clientcmdapi.Config, error) { return p.Cluster.Client("admin") },
	}}
}
