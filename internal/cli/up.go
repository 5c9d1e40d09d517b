package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/kinds"
	"github.com/diorama-lab/diorama/internal/spelling"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/supervisor"
)

type upFlags struct {
	file, name, ports, kind     string
	nodes, pods                 int
	servers, agents             int
	workloads                   string
	collectorConfig, nodeConfig string
	podTemplate, dashboards     string
	kubeContext                 string
	jsonnetPaths                []string
	foreground, retain, dryRun  bool
	output                      string
}

func newUp(c *console.Console) *cobra.Command {
	var flags upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring an environment up and return when it is ready",
		Args:  cobra.NoArgs,
		Example: `  diorama up
  diorama up --nodes 10 --pods 40
  diorama up --name second --ports auto
  diorama up --env kwok
  diorama up --file environment.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, origin, err := flags.environment(cmd)
			if err != nil {
				return err
			}
			return origin.Explain(up(cmd.Context(), c, env, flags))
		},
	}
	f, usual, k3d := cmd.Flags(), v1alpha1.Default(), v1alpha1.DefaultOf(v1alpha1.K3d).Cluster
	f.StringVarP(&flags.file, "file", "f", "", "environment file (see diorama config defaults)")
	f.StringVar(&flags.kind, "env", "", "kind of environment: embedded, or with Docker kwok or k3d")
	f.StringVar(&flags.name, "name", "", fmt.Sprintf("name of the environment (default %q)", usual.Name))
	f.IntVar(&flags.nodes, "nodes", 0, fmt.Sprintf("simulated nodes (default %d)", usual.Cluster.Nodes))
	f.IntVar(&flags.pods, "pods", 0, fmt.Sprintf(
		"long-running simulated pods, without those of daemon sets and jobs (default %d)", usual.Cluster.Pods))
	f.IntVar(&flags.servers, "servers", 0, fmt.Sprintf("kind k3d: server nodes (default %d)", k3d.Servers))
	f.IntVar(&flags.agents, "agents", 0, fmt.Sprintf("kind k3d: agent nodes (default %d)", k3d.Agents))
	f.StringVar(&flags.workloads, "workloads", "", "kind k3d: none leaves the default workloads out")
	f.StringVar(&flags.ports, "ports", "", "auto picks free ports")
	f.StringVar(&flags.kubeContext, "kube-context", "",
		"kind kwok: context of a KWOK cluster that is there already, to watch it as it is")
	f.StringVar(&flags.podTemplate, "pod-template", "", "file with one Pod that replaces the default workloads")
	f.StringVar(&flags.collectorConfig, "collector-config", "", "configuration that replaces the cluster collector's")
	f.StringVar(&flags.nodeConfig, "node-collector-config", "", "configuration that replaces the node collector's")
	f.StringVar(&flags.dashboards, "dashboards", "", "folder with dashboards (default ./dashboards, if it is there)")
	f.StringArrayVarP(&flags.jsonnetPaths, "jsonnet-path", "J", nil,
		"further folder that jsonnet imports are looked for in")
	f.BoolVar(&flags.foreground, "foreground", false, "stay, and take the environment down at the end")
	f.BoolVar(&flags.retain, "retain", false, "keep the folder and logs if the start fails")
	f.BoolVar(&flags.dryRun, "dry-run", false, "print what would be started, and start nothing")
	outputFlag(cmd, &flags.output)
	return cmd
}

func up(ctx context.Context, c *console.Console, env v1alpha1.Environment, flags upFlags) error {
	if flags.dryRun {
		return dryRun(c, env)
	}
	prepared, err := environment.Prepare(ctx, env)
	if running := (*environment.RunningError)(nil); errors.As(err, &running) {
		return upAgain(ctx, c, running, flags.output)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return &interrupted{"nothing was left behind"}
	}
	if err != nil {
		return err
	}
	if prepared.Left != nil {
		c.Note("environment %q was %s: going on with its data", env.Name, prepared.Left.Phase)
	}
	if flags.foreground {
		return foreground(ctx, c, prepared, env, flags)
	}
	began := time.Now()
	if err := start(ctx, c, prepared, flags.retain); err != nil {
		return err
	}
	err = introduce(ctx, c, env, time.Since(began), flags.output)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return &interrupted{fmt.Sprintf("%s is up; `diorama down --name %s` takes it down", env.Name, env.Name)}
	}
	return err
}

// introduce says where an environment is that has come up, and what is wrong with its
// dashboards.
func introduce(
	ctx context.Context, c *console.Console, env v1alpha1.Environment, took time.Duration, output string,
) error {
	status, err := announce(ctx, c, env.Name, took, output)
	if err != nil {
		return err
	}
	kind, err := kinds.Of(env.Kind)
	if err != nil || !kind.OwnPage {
		return err
	}
	return warnOfBroken(ctx, c, status.Endpoints.Dashboards)
}

// start brings the environment up in a process of its own; an interrupt takes
// it down again.
func start(ctx context.Context, c *console.Console, prepared *environment.Prepared, retain bool) error {
	progress := c.Progress()
	defer progress.Close()
	client, err := environment.Detach(ctx, prepared, retain)
	if err == nil {
		err = client.Follow(ctx, func(p control.Progress) { show(progress, p) })
	}
	if ctx.Err() == nil {
		if err != nil && client != nil {
			return errors.Join(err, environment.AwaitRollback(prepared.Folder, client))
		}
		return err
	}
	progress.Close()
	c.Note("interrupted: taking back what was started")
	if client != nil {
		err = environment.Abort(prepared.Folder, client, prepared.Left != nil)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("taking back what was started; `diorama down --name %s` tries again: %w", prepared.Name, err)
	}
	return takenBack(prepared)
}

// takenBack is what an up that was interrupted ends with, when its supervisor has
// ended.
func takenBack(prepared *environment.Prepared) error {
	if prepared.Left != nil {
		return &interrupted{fmt.Sprintf("%s is down, and its data is kept", prepared.Name)}
	}
	return &interrupted{"nothing was left behind"}
}

func foreground(
	ctx context.Context, c *console.Console, prepared *environment.Prepared, env v1alpha1.Environment, flags upFlags,
) error {
	kind, err := kinds.Of(env.Kind)
	if err != nil {
		return errors.Join(err, prepared.Close(err, flags.retain))
	}
	progress, began := c.Progress(), time.Now()
	defer progress.Close()
	err = supervisor.Run(ctx, prepared.Folder, env, supervisor.Options{
		Retain: flags.retain,
		Observe: func(p control.Progress) {
			show(progress, p)
			if !p.End {
				return
			}
			status, err := announce(ctx, c, env.Name, time.Since(began), flags.output)
			if err != nil {
				c.Fail(err)
				return
			}
			if kind.OwnPage {
				go followDashboards(ctx, c, status.Endpoints.Dashboards)
			}
		},
	})
	if left := prepared.Close(err, flags.retain && ctx.Err() == nil); left != nil {
		return errors.Join(err, left)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return takenBack(prepared)
	}
	return err
}

// show turns what a supervisor reports into lines.
func show(progress *console.Progress, p control.Progress) {
	switch {
	case p.Detail != "":
		progress.Detail(p.Component, p.Detail)
	case p.Phase == component.Starting:
		progress.Started(p.Component)
	case p.Phase == component.Ready:
		progress.Done(p.Component, p.Took)
	case p.Phase == component.Failed:
		progress.Failed(p.Component)
	}
}

// announce says where the environment is to be found.
func announce(
	ctx context.Context, c *console.Console, name string, took time.Duration, output string,
) (control.Status, error) {
	_, record, alive, err := environment.Find(name)
	if err != nil {
		return control.Status{}, err
	}
	if !alive {
		return control.Status{}, fmt.Errorf(
			"environment %q ended right after its start; see `diorama logs supervisor --name %s`", name, name)
	}
	status, err := control.NewClient(record).Status(ctx)
	if err != nil {
		return status, err
	}
	if output == "json" {
		return status, c.JSON(status)
	}
	nodes := spelling.Counted(status.Cluster.Nodes.Ready, "node")
	pods := spelling.Counted(status.Cluster.Pods.Running, "pod")
	c.Note("\n%s is ready after %.1fs: %s, %s", c.Bold(name), took.Seconds(), nodes, pods)
	c.Note("  Dashboards  %s", c.Bold(status.Endpoints.Dashboards))
	c.Note("  kubectl     context %s (current now)", status.KubeContext)
	c.Note("  Prometheus  %s", status.Endpoints.Prometheus)
	c.Note("  OTLP        %s (gRPC), %s (HTTP)", status.Endpoints.OTLPGRPC, status.Endpoints.OTLPHTTP)
	if record.Environment.Kwok.Beyla {
		c.Note("  Tracing     Grafana and Prometheus in Explore, Tempo: by Beyla, " +
			"a privileged container that sees LGTM's processes")
	}
	for _, warning := range status.Warnings {
		c.Warn("%s", warning)
	}
	c.Note("\nTry:  %s", strings.Join(suggestions(record.Environment), "        "))
	return status, nil
}

// suggestions are commands for what is up.
func suggestions(env v1alpha1.Environment) []string {
	all := []string{"kubectl get nodes", "diorama status", "diorama check"}
	if env.Cluster.Nodes > 0 && env.Cluster.KubeContext == "" {
		all = append(all, "diorama scale --nodes 100 --pods 500")
	}
	all = append(all, "diorama down")
	if env.Name != v1alpha1.Default().Name {
		for i, command := range all[1:] {
			all[i+1] = command + " --name " + env.Name
		}
	}
	return all
}

func dryRun(c *console.Console, env v1alpha1.Environment) error {
	folder, err := state.Open(env.Name)
	if err != nil {
		return err
	}
	planned, err := environment.Plan(env, folder)
	if err != nil {
		return err
	}
	return c.JSON(planned)
}
