package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/state"
)

func newStatus(c *console.Console) *cobra.Command {
	var name, output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what runs and how the telemetry flows",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			status, err := statusOf(cmd.Context(), name)
			if err != nil {
				return err
			}
			if output == "json" {
				return c.JSON(status)
			}
			return printStatus(c, status)
		},
	}
	nameFlag(cmd, &name)
	outputFlag(cmd, &output)
	return cmd
}

// statusOf asks the supervisor, or says what the folder says of an
// environment that has none.
func statusOf(ctx context.Context, name string) (control.Status, error) {
	_, record, alive, err := environment.Find(name)
	if err != nil {
		return control.Status{}, err
	}
	if alive && (record.Phase != state.Starting || control.Answers(record.Control)) {
		status, err := environment.Ask(ctx, record)
		if silent := (*environment.SilentError)(nil); errors.As(err, &silent) {
			return recorded(record, state.Degraded, silent.Error()), nil
		}
		return status, err
	}
	message := record.Message
	switch record.Phase {
	case state.Starting:
		message = "its supervisor does not answer yet"
	case state.Crashed:
		message = fmt.Sprintf("its supervisor is gone: `diorama up --name %s` goes on with its data, "+
			"`diorama down --name %s` removes it", name, name)
	}
	return recorded(record, record.Phase, message), nil
}

// recorded is what a record says of an environment whose supervisor cannot be asked.
func recorded(record state.Record, phase state.Phase, message string) control.Status {
	env := record.Environment
	return control.Status{
		Name: env.Name, Kind: env.Kind, Phase: phase, Message: message,
		CreatedAt: record.CreatedAt, StartedIn: record.StartedIn.String(),
		Components: []control.ComponentStatus{},
	}
}

func printStatus(c *console.Console, s control.Status) error {
	rows := [][]string{{"Name", s.Name}, {"Kind", string(s.Kind)}, {"Phase", string(s.Phase)}}
	if s.Message != "" {
		rows = append(rows, []string{"Message", s.Message})
	}
	if len(s.Components) == 0 {
		return c.Table(rows)
	}
	t := s.Telemetry
	flow := fmt.Sprintf("%d series, %.0f samples/s, last %.1fs ago", t.Series, t.SamplesPerSecond, t.LastSampleAge)
	if t.Error != "" {
		flow = t.Error
	}
	nodes, pods := s.Cluster.Nodes, s.Cluster.Pods
	running := fmt.Sprintf("%d of %d Running, and %d of daemon sets", pods.Running, pods.Desired, s.Cluster.DaemonPods)
	rows = append(rows,
		[]string{"Ready in", s.StartedIn},
		[]string{"Nodes", fmt.Sprintf("%d of %d Ready", nodes.Ready, nodes.Desired)},
		[]string{"Pods", running},
		[]string{"Telemetry", flow},
		[]string{"Losses", fmt.Sprintf("%d failed scrapes, %d dropped samples", t.FailedScrapes, t.DroppedSamples)},
		[]string{"Memory", mebibytes(s.RSSBytes)},
		[]string{"Context", s.KubeContext},
		[]string{"Kubernetes", s.Endpoints.Kubernetes},
		[]string{"Kubelets", s.Endpoints.Kubelet},
		[]string{"Dashboards", s.Endpoints.Dashboards},
		[]string{"Prometheus", s.Endpoints.Prometheus},
		[]string{"OTLP", s.Endpoints.OTLPGRPC + " (gRPC), " + s.Endpoints.OTLPHTTP + " (HTTP)"},
		[]string{"Collectors", joined(s.Endpoints.CollectorMetrics, s.Endpoints.NodeMetrics)},
	)
	for _, warning := range s.Warnings {
		rows = append(rows, []string{"Warning", warning})
	}
	// What this kind of environment does not have is left out.
	rows = slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" })
	if err := c.Table(rows); err != nil {
		return err
	}
	fmt.Fprintln(c.Out)
	return c.Table(componentRows(s.Components))
}

func componentRows(all []control.ComponentStatus) [][]string {
	rows := [][]string{{"COMPONENT", "PHASE", "RUNS AS", "RESTARTS", "STARTED IN", "MEMORY"}}
	for _, c := range all {
		row := []string{c.Name, string(c.Phase), runsAs(c), fmt.Sprint(c.Restarts), c.StartedIn, mebibytes(c.RSSBytes)}
		if more := joined(c.Image, c.Message); more != "" {
			row = append(row, more)
		}
		rows = append(rows, row)
	}
	return rows
}

// runsAs names a component's process, container or pod.
func runsAs(c control.ComponentStatus) string {
	switch {
	case c.Pod != "":
		return "pod of " + strings.SplitN(c.Pod, "/", 2)[0]
	case c.Container != "":
		return c.Container[:min(12, len(c.Container))]
	case c.PID != 0:
		return fmt.Sprint(c.PID)
	}
	return "-"
}

// joined lists what is there.
func joined(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", ")
}

func mebibytes(bytes uint64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

// completeNames completes the names of environments.
func completeNames(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	folders, err := state.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, folder := range folders {
		if strings.HasPrefix(folder.Name, prefix) {
			names = append(names, folder.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
