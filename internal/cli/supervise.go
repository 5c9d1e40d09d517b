package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/memory"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/supervisor"
)

// newSupervise is the process that `up` leaves behind.
func newSupervise() *cobra.Command {
	var name string
	var retain bool
	cmd := &cobra.Command{
		Use:    "supervise",
		Short:  "Run an environment that up has prepared",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := state.Open(name)
			if err != nil {
				return err
			}
			lock, err := folder.TakeOver()
			if err != nil {
				return err
			}
			env, err := folder.ReadEnvironment()
			if err == nil {
				memory.KeepSmall(cmd.Context())
				err = supervisor.Run(cmd.Context(), folder, env, supervisor.Options{Retain: retain})
			}
			return errors.Join(err, lock.Unlock())
		},
	}
	cmd.Flags().StringVar(&name, "name", v1alpha1.Default().Name, "name of the environment")
	cmd.Flags().BoolVar(&retain, "retain", false, "keep the folder and logs if the start fails")
	return cmd
}
