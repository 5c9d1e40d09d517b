package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/check"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/environment"
)

// exitImpossible is the exit code of a check that could not be made.
const exitImpossible = 2

type checkFlags struct {
	name         string
	access       accessFlags
	jsonnetPaths []string
	declarations []string
	each         []string
	output       string
	compare      string
	from         string
	ephemeral    string
	patience     time.Duration
	scrape       time.Duration
	metrics      bool
	mutate       bool
	verbose      bool
	strict       bool
}

func newCheck(c *console.Console) *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Run every query of dashboards and rules, and say what comes back",
		Long: `Runs every target of every panel, every variable and annotation of dashboards, and every rule, and
gives each a verdict. A PATH is a dashboard (JSON or jsonnet), a rule file, or a folder of them;
without one, what the environment serves is checked.

Exit codes: 0 all is well, 1 there are findings, 2 the check could not be made, 130 interrupted.`,
		Example: `  diorama check
  diorama check ./dashboards --each cluster,namespace
  diorama check ./dashboards ./rules --prometheus https://prometheus.example.org --bearer-token-file token`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := runCheck(cmd.Context(), c, flags, args)
			var decided *exitError
			switch {
			case err == nil, errors.As(err, &decided), errors.As(err, new(*interrupted)):
				return err
			case cmd.Context().Err() != nil:
				return &exitError{exitInterrupted, err}
			}
			return &exitError{exitImpossible, err}
		},
	}
	wrongUsage(cmd, exitImpossible)
	f := cmd.Flags()
	nameFlag(cmd, &flags.name)
	flags.access.add(f)
	f.StringArrayVarP(&flags.jsonnetPaths, "jsonnet-path", "J", nil,
		"further folder that jsonnet imports are looked for in")
	f.StringArrayVar(&flags.declarations, "declarations", nil,
		"further file of declared emptiness (default "+check.DeclarationsFile+" next to the dashboards)")
	f.StringSliceVar(&flags.each, "each", nil,
		"variables all of whose values are checked one by one, such as cluster,namespace")
	f.DurationVar(&flags.patience, "wait", 0, "ask again for what is empty, for at most this long")
	f.DurationVar(&flags.scrape, "scrape-interval", 0,
		"how often series get a sample (default: the interval of Grafana's data source, else 15s)")
	f.BoolVar(&flags.strict, "strict", false, "notes, constants and stale declarations are findings too")
	f.BoolVar(&flags.metrics, "metrics", false,
		"say of each metric where it comes from and what relies on it, and which metrics nothing reads")
	f.BoolVar(&flags.mutate, "mutate", false,
		"drop one metric or label after the other from what is asked, and say which panels never notice")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "show what is in order too, and the queries as they were sent")
	f.StringVarP(&flags.output, "output", "o", "table",
		"what the report is printed as: "+strings.Join(check.Forms(), ", "))
	f.StringVar(&flags.compare, "compare", "", "earlier report (-o json): report what broke and what healed since")
	f.StringVar(&flags.from, "from", "", "print an earlier report (-o json) in another form, and run nothing")
	f.StringVar(&flags.ephemeral, "ephemeral", "",
		"bring an environment up for the check and take it down again; =FILE is its environment file")
	f.Lookup("ephemeral").NoOptDefVal = ephemeralDefaults
	cmd.MarkFlagsMutuallyExclusive("ephemeral", "prometheus")
	cmd.MarkFlagsMutuallyExclusive("ephemeral", "name")
	return cmd
}

// runCheck checks against what the flags say, and prints the report.
func runCheck(ctx context.Context, c *console.Console, flags checkFlags, places []string) error {
	if !slices.Contains(check.Forms(), flags.output) {
		return fmt.Errorf("--output %q: %s are known", flags.output, strings.Join(check.Forms(), ", "))
	}
	if flags.compare != "" { // before it is too late
		if _, err := check.ReadReport(flags.compare); err != nil {
			return err
		}
	}
	if flags.from != "" {
		report, err := check.ReadReport(flags.from)
		if err != nil {
			return err
		}
		return conclude(ctx, c, report, nil, flags)
	}
	if flags.ephemeral != "" {
		return ephemeral(ctx, c, flags, places)
	}
	options, err := flags.options(ctx, places)
	if err != nil {
		return err
	}
	client, err := flags.access.client(options.Address)
	if err != nil {
		return err
	}
	defer client.Close()
	options.Prometheus = client
	if options.ScrapeInterval == 0 {
		var unknown error
		if options.ScrapeInterval, unknown = check.Interval(ctx, client); unknown != nil {
			c.Warn("%v", unknown)
		}
	}
	progress, began := c.Progress(), time.Now()
	defer progress.Close()
	progress.Started("check")
	options.Progress = func(done, known int) { progress.Detail("check", fmt.Sprintf("%d of %d panels", done, known)) }
	report, failed := check.Run(ctx, options)
	if report.Taken.IsZero() {
		return failed
	}
	progress.Done("check", time.Since(began))
	progress.Close()
	return conclude(ctx, c, report, failed, flags)
}

// conclude prints a report and decides about the exit code. failed is what
// ended the check early.
func conclude(ctx context.Context, c *console.Console, report check.Report, failed error, flags checkFlags) error {
	compared := flags.compare != ""
	if compared {
		if err := report.CompareWith(flags.compare); err != nil {
			return err
		}
	}
	printing := check.Printing{Form: flags.output, Verbose: flags.verbose, Compared: compared}
	if err := errors.Join(failed, report.Print(c.Out, printing)); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return &exitError{code: exitInterrupted}
	case report.Summary.Findings > 0:
		return &exitError{code: exitFailure}
	}
	return nil
}

// options reads what is to be checked and finds out against what.
func (flags checkFlags) options(ctx context.Context, places []string) (check.Options, error) {
	o := check.Options{
		Address: flags.access.prometheus, ScrapeInterval: flags.scrape, Each: flags.each,
		Patience: flags.patience, Strict: flags.strict, Metrics: flags.metrics, Mutate: flags.mutate,
	}
	var err error
	if o.Origins, err = check.Origins(); err != nil {
		return o, err
	}
	wanted := check.Wanted{Places: places, JsonnetPaths: flags.jsonnetPaths, Declarations: flags.declarations}
	env := v1alpha1.Default()
	if o.Address == "" {
		status, err := running(ctx, flags.name)
		if err != nil {
			return o, err
		}
		_, record, _, err := environment.Find(flags.name)
		if err != nil {
			return o, err
		}
		env, o.Address, wanted.Kind = record.Environment, status.Endpoints.Prometheus, record.Environment.Kind
		if o.ScrapeInterval == 0 {
			provisioned := time.Duration(env.Telemetry.Interval)
			o.ScrapeInterval = check.ServedInterval(ctx, status.Endpoints.Dashboards, provisioned)
		}
	}
	if err := flags.files(&wanted, env); err != nil {
		return o, err
	}
	found, err := wanted.Read(ctx)
	o.Dashboards, o.Rules, o.Declarations = found.Dashboards, found.Rules, found.Declarations
	o.Problems, o.Passed = found.Problems, found.Passed
	return o, err
}

// running is the status of an environment that is up.
func running(ctx context.Context, name string) (control.Status, error) {
	status, err := statusOf(ctx, name)
	if err == nil && status.Endpoints.Prometheus == "" {
		err = fmt.Errorf("environment %q is %s, and has no Prometheus to ask: `diorama up --name %s` brings it up, "+
			"--prometheus URL checks against another one", name, status.Phase, name)
	}
	return status, err
}

// files says how jsonnet is evaluated, and where what an environment serves is.
func (flags checkFlags) files(wanted *check.Wanted, env v1alpha1.Environment) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this executable: %w", err)
	}
	wanted.Evaluate = library.Command(executable, "jsonnet")
	if len(wanted.Places) > 0 {
		return nil
	}
	paths := append(env.Dashboards.JsonnetPaths, flags.jsonnetPaths...)
	if wanted.Served.Library, err = library.Open(env.Dashboards.Folder, paths, executable); err != nil {
		return err
	}
	wanted.Served.Rules, err = backend.RuleFiles(env.Backend.Rules)
	return err
}
