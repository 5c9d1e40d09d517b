package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/environment"
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
				return fmt.Errorf("environment %q is %s; only one that is up can be scaled", name, record.Phase)
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
			began := time.Now()
			progress := c.Progress()
			defer progress.Close()
			progress.Started("cluster")
			err = control.NewClient(record).Scale(cmd.Context(), nodes, pods, func(p control.Progress) {
				if p.Phase != component.Starting {
					progress.Detail(p.Component, p.Detail)
				}
			})
			if err != nil && cmd.Context().Err() != nil {
				progress.Failed("cluster")
				c.Note("%s goes on towards %d nodes and %d pods by itself; see how far it is with `diorama status --name %s`",
					name, nodes, pods, name)
				return &exitError{code: exitInterrupted}
			}
			if err != nil {
				return err
			}
			progress.Done("cluster", time.Since(began))
			c.Note("%s has %d nodes and %d pods", name, nodes, pods)
			return nil
		},
	}
	nameFlag(cmd, &name)
	cmd.Flags().IntVar(&nodes, "nodes", 0, "simulated nodes")
	cmd.Flags().IntVar(&pods, "pods", 0, "long-running simulated pods")
	return cmd
}
