package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/kinds"
)

func newKubeconfig(c *console.Console) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "kubeconfig",
		Short:   "Print the kubeconfig of an environment's administrator",
		Example: "  diorama kubeconfig > lab.kubeconfig",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			folder, record, _, err := environment.Find(name)
			if err != nil {
				return err
			}
			planned, err := kinds.DryPlan(record.Environment, folder)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(planned.Cluster.Kubeconfig)
			if err != nil {
				return fmt.Errorf("reading the kubeconfig: %w", err)
			}
			_, err = c.Out.Write(data)
			return err
		},
	}
	nameFlag(cmd, &name)
	return cmd
}
