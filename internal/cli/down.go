package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/state"
)

func newDown(c *console.Console) *cobra.Command {
	var name string
	var all, keepData bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Take an environment down and remove all it made",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := []string{name}
			if all {
				folders, err := state.List()
				if err != nil {
					return err
				}
				names = nil
				for _, folder := range folders {
					names = append(names, folder.Name)
				}
				if len(names) == 0 {
					c.Note("there is no environment")
				}
			}
			return down(cmd.Context(), c, names, keepData)
		},
	}
	nameFlag(cmd, &name)
	cmd.Flags().BoolVar(&all, "all", false, "take all environments down")
	cmd.Flags().BoolVar(&keepData, "keep-data", false,
		"keep the cluster's objects and the metrics; the next up goes on from them")
	cmd.MarkFlagsMutuallyExclusive("name", "all")
	return cmd
}

// down ends each environment; a failure does not keep the others up.
func down(ctx context.Context, c *console.Console, names []string, keepData bool) error {
	var problems []error
	for _, name := range names {
		began := time.Now()
		err := environment.Down(ctx, name, keepData)
		if ctx.Err() != nil && errors.Is(err, environment.ErrGoesOn) {
			return &interrupted{fmt.Sprintf("%s goes down by itself; `diorama list` shows how far it is", name)}
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		kept := ""
		if keepData {
			kept = ", its data is kept"
		}
		c.Note("%s is down after %.1fs%s", name, time.Since(began).Seconds(), kept)
	}
	return errors.Join(problems...)
}
