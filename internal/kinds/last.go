package kinds

import (
	"context"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/plan"
)

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
