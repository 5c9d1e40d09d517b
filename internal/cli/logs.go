package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait"
)

func newLogs(c *console.Console) *cobra.Command {
	var name string
	var follow bool
	var lines int
	cmd := &cobra.Command{
		Use:   "logs [COMPONENT]",
		Short: "Print the log of one component, or of all",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			folder, err := state.Open(name)
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return logNames(folder), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, _, _, err := environment.Find(name)
			if err != nil {
				return err
			}
			names := logNames(folder)
			if len(args) == 1 {
				if names, err = pick(names, args[0]); err != nil {
					return err
				}
			}
			return printLogs(cmd.Context(), c.Out, folder, names, lines, follow)
		},
	}
	nameFlag(cmd, &name)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new lines until Ctrl-C")
	cmd.Flags().IntVar(&lines, "tail", 100, "how many lines of each log to begin with; -1 for all")
	return cmd
}

func logNames(folder state.Folder) []string {
	files, err := filepath.Glob(folder.Log("*"))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".log"))
	}
	return names
}

func pick(names []string, wanted string) ([]string, error) {
	for _, name := range names {
		if name == wanted {
			return []string{name}, nil
		}
	}
	return nil, fmt.Errorf("there is no log of %q; there are: %s", wanted, strings.Join(names, ", "))
}

// followEvery is how often logs are looked at that are followed.
const followEvery = 200 * time.Millisecond

// printLogs prints the last lines of each log, prefixed with its name if
// there are several, and goes on with what is added if follow is set.
func printLogs(ctx context.Context, out io.Writer, folder state.Folder, names []string, lines int, follow bool) error {
	logs := make([]*logReader, len(names))
	for i, name := range names {
		log, err := openLog(folder.Log(name), lines)
		if err != nil {
			return fmt.Errorf("opening the log of %s: %w", name, err)
		}
		defer log.close()
		logs[i] = log
		there, err := log.latest(lines, follow)
		if err != nil {
			return fmt.Errorf("reading the log of %s: %w", name, err)
		}
		for _, line := range there {
			writeLine(out, names, name, line)
		}
	}
	for follow {
		for i, name := range names {
			added, err := logs[i].lines()
			for _, line := range added {
				writeLine(out, names, name, line)
			}
			if err != nil {
				return fmt.Errorf("reading the log of %s: %w", name, err)
			}
		}
		if wait.Pause(ctx, followEvery) != nil {
			return nil
		}
		if held, err := folder.Held(); err != nil || !held {
			return errors.Join(err, fmt.Errorf("environment %q has ended", folder.Name))
		}
	}
	return nil
}

func writeLine(out io.Writer, names []string, name, line string) {
	if len(names) > 1 {
		line = fmt.Sprintf("%-24s | %s", name, line)
	}
	fmt.Fprintln(out, line)
}
