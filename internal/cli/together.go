package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/console"
)

// newTogether runs several commands in one process: each process of its own
// costs what the executable needs before it does anything.
func newTogether(c *console.Console) *cobra.Command {
	return &cobra.Command{
		Use:                "together COMMAND [-- COMMAND]...",
		Short:              "Run several commands in one process; the first one that ends, ends them all",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			commands := commandLines(args)
			ended := make(chan error, len(commands))
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			for _, line := range commands {
				root := newRoot(c)
				root.SetArgs(line)
				go func() { ended <- root.ExecuteContext(ctx) }()
			}
			var problems []error
			for range commands {
				problems = append(problems, <-ended)
				cancel()
			}
			return errors.Join(problems...)
		},
	}
}

// commandLines splits arguments at each --.
func commandLines(args []string) [][]string {
	var lines [][]string
	for {
		end := slices.Index(args, "--")
		if end < 0 {
			return append(lines, args)
		}
		lines, args = append(lines, args[:end]), args[end+1:]
	}
}
