// Package cli holds the command line, one short file for each verb. Nothing
// else knows flags.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/logfile"
	"github.com/diorama-lab/diorama/internal/memory"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitInterrupted = 130
)

// Arguments are those of a command line, which begins with the program's name.
// Called as the collector is called in its own image, diorama is the collector.
func Arguments(commandLine []string) []string {
	arguments := commandLine[1:]
	if filepath.Base(commandLine[0]) == docker.CollectorName {
		return append([]string{"collector"}, arguments...)
	}
	return arguments
}

// Main runs a command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	ctx, supervised := component.Lifeline(ctx)
	logfile.Rotate(ctx)
	if supervised {
		memory.KeepSmall(ctx)
	}
	c := console.New(stdout, stderr)
	root := newRoot(c)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := unknownCommand(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	var decided *exitError
	var ended *interrupted
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &decided):
		if decided.err != nil {
			c.Fail(decided.err)
		}
		return decided.code
	case errors.As(err, &ended):
		c.Note("interrupted: %v", ended)
		return exitInterrupted
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		c.Note("interrupted")
		return exitInterrupted
	default:
		c.Fail(err)
		return exitFailure
	}
}

// interrupted tells that the user ended the command, and how things are left.
type interrupted struct{ left string }

func (i *interrupted) Error() string { return i.left }

func newRoot(c *console.Console) *cobra.Command {
	slog.SetDefault(slog.New(slog.NewTextHandler(c.Err, nil)))
	root := &cobra.Command{
		Use:   "diorama",
		Short: "A Kubernetes observability lab in one binary",
		Long: `diorama brings up a Kubernetes API with simulated nodes and pods, watches it with the
OpenTelemetry Collector, stores what the collector sends in Prometheus, and shows it in dashboards.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(
		newUp(c), newDown(c), newStatus(c), newList(c), newScale(c), newLogs(c), newCheck(c),
		newKubeconfig(c), newConfig(c), newVersion(c),
		newStatsProxy(c), newCollector(), newBackend(c), newDashboards(c),
		newImage(c), newSupervise(), newTogether(c), newKwok(), newJsonnet(c), newCheckCollector(c),
	)
	root.AddCommand(newControlPlane()...)
	explainUsage(root)
	// cobra takes for global what Kubernetes' packages register for every program.
	pflag.CommandLine.VisitAll(func(f *pflag.Flag) { f.Hidden = true })
	return root
}

// nameFlag adds the flag that picks the environment.
func nameFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "name", v1alpha1.Default().Name, "name of the environment")
	// The flag exists: it was added on the line above.
	_ = cmd.RegisterFlagCompletionFunc("name", completeNames)
}

// outputFlag adds -o; the value is checked by checkOutput.
func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "", "json prints the result for scripts")
}

func checkOutput(output string) error {
	if output != "" && output != "json" {
		return fmt.Errorf("--output is %q: only json is known; without the flag the result is for people to read", output)
	}
	return nil
}
