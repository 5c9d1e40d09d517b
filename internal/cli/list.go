package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/state"
)

func newList(c *console.Console) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the environments",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			return list(cmd.Context(), c, output)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// listed is one environment as `list -o json` prints it.
type listed struct {
	Name      string      `json:"name"`
	Kind      string      `json:"kind"`
	Phase     state.Phase `json:"phase"`
	Nodes     int         `json:"nodes"`
	Pods      int         `json:"pods"`
	CreatedAt time.Time   `json:"createdAt"`
	// Message is what is wrong with one that is not well.
	Message string `json:"message,omitempty"`
}

func list(ctx context.Context, c *console.Console, output string) error {
	folders, err := state.List()
	if err != nil {
		return err
	}
	all, problems := listAll(ctx, folders)
	if output == "json" {
		return errors.Join(append(problems, c.JSON(all))...)
	}
	if len(all) == 0 {
		c.Note("there is no environment; `diorama up` brings one up")
		return errors.Join(problems...)
	}
	rows := [][]string{{"NAME", "KIND", "PHASE", "NODES", "PODS", "SINCE"}}
	for _, e := range all {
		row := []string{
			e.Name, e.Kind, string(e.Phase), fmt.Sprint(e.Nodes), fmt.Sprint(e.Pods), e.CreatedAt.Format(time.DateTime),
		}
		// Of one that failed to start the rest are the last lines of a log.
		if first, _, _ := strings.Cut(e.Message, "\n"); first != "" {
			row = append(row, first)
		}
		rows = append(rows, row)
	}
	return errors.Join(append(problems, c.Table(rows))...)
}

// listAll asks all supervisors at once: one may not answer.
func listAll(ctx context.Context, folders []state.Folder) (all []listed, problems []error) {
	entries, errs := make([]listed, len(folders)), make([]error, len(folders))
	var asking sync.WaitGroup
	for i, folder := range folders {
		asking.Go(func() { entries[i], errs[i] = listOne(ctx, folder) })
	}
	asking.Wait()
	all = []listed{}
	for i, err := range errs {
		if err == nil {
			all = append(all, entries[i])
		} else {
			problems = append(problems, err)
		}
	}
	return all, problems
}

// listOne has the phase from the supervisor: what is recorded may be old, where the
// disk is full for instance.
func listOne(ctx context.Context, folder state.Folder) (listed, error) {
	record, alive, err := folder.Read()
	if err != nil {
		return listed{}, err
	}
	env := record.Environment
	entry := listed{
		Name: folder.Name, Kind: string(env.Kind), Phase: record.Phase, Message: record.Message,
		Nodes: env.Cluster.Nodes, Pods: env.Cluster.Pods, CreatedAt: record.CreatedAt,
	}
	if !alive || record.Phase == state.Starting {
		return entry, nil
	}
	status, err := environment.Ask(ctx, record)
	switch {
	case errors.As(err, new(*environment.SilentError)):
		entry.Phase, entry.Message = state.Degraded, err.Error()
	case err == nil:
		entry.Phase, entry.Message = status.Phase, status.Message
	}
	// Otherwise it has just ended; the record is what there is.
	return entry, nil
}
