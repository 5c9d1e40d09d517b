package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/state"
)

func newScale(c *console.Console) *cobra.Command {
	var name string
	var nodes, pods int
	cmd := &cobra.Command{
		Use:     "scale",
		Short:   "Change how many nodes and pods a running environment has",
		Args:    cobra.NoArgs,
		Example: "  diorama scale --nodes 200 --pods 1000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			changed := cmd.Flags().Changed
			if !changed("nodes") && !changed("pods") {
				return errors.New("say what to change: --nodes, --pods or both")
			}
			_, record, alive, err := environment.Find(name)
			if err != nil {
				return err
			}
			if !alive {
				return fmt.Errorf("environment %q is %s; only one that is up can be scaled: `diorama up --name %s` brings it up",
					name, record.Phase, name)
			}
			if !changed("nodes") {
				nodes = record.Environment.Cluster.Nodes
			}
			if !changed("pods") {
				pods = record.Environment.Cluster.Pods
			}
			if err := checkSize(record.Environment, nodes, pods, changed("pods")); err != nil {
				return err
			}
			return scale(cmd.Context(), c, record, control.Size{Nodes: nodes, Pods: pods})
		},
	}
	nameFlag(cmd, &name)
	cmd.Flags().IntVar(&nodes, "nodes", 0, "simulated nodes")
	cmd.Flags().IntVar(&pods, "pods", 0, "long-running simulated pods")
	return cmd
}

// scale waits until the size is reached. The supervisor goes on towards it without us.
func scale(ctx context.Context, c *console.Console, record state.Record, to control.Size) error {
	name, began := record.Environment.Name, time.Now()
	progress := c.Progress()
	defer progress.Close()
	progress.Started("cluster")
	underWay := false
	err := control.NewClient(record).Scale(ctx, to.Nodes, to.Pods, func(p control.Progress) {
		underWay = true
		if p.Phase != component.Starting {
			progress.Detail(p.Component, p.Detail)
		}
	})
	switch {
	case err == nil:
		progress.Done("cluster", time.Since(began))
		c.Note("%s has %d nodes and %d pods", name, to.Nodes, to.Pods)
		return nil
	case ctx.Err() == nil || !errors.Is(err, context.Canceled):
		return err
	case !underWay:
		return &interrupted{fmt.Sprintf("`diorama status --name %s` shows whether its size has begun to change", name)}
	}
	return &interrupted{fmt.Sprintf(
		"%s goes on towards %d nodes and %d pods by itself; see how far it is with `diorama status --name %s`",
		name, to.Nodes, to.Pods, name)}
}
