package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/console"
)

// newCheckCollector loads a configuration as the collector does, in a process as it
// will be one: what components keep when they are made is gone with it.
func newCheckCollector(c *console.Console) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:    collector.CheckVerb,
		Short:  "Print what keeps the collector from loading a configuration file",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if problem := collector.CheckFile(cmd.Context(), path); problem != nil {
				fmt.Fprintln(c.Out, problem)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "path of the configuration")
	return required(cmd, "config")
}
