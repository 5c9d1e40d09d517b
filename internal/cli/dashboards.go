package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/wait"
	"github.com/diorama-lab/diorama/internal/web"
	"github.com/diorama-lab/diorama/ui"
)

// newDashboards serves dashboards, in an environment and over any Prometheus
// that someone already has.
func newDashboards(c *console.Console) *cobra.Command {
	var o web.Options
	var folder, name string
	var jsonnetPaths []string
	cmd := &cobra.Command{
		Use:   "dashboards",
		Short: "Serve Grafana dashboards over any Prometheus, and reload them when they are saved",
		Long: `Serves the dashboards that come with diorama and those of a folder: JSON as Grafana exports it,
and jsonnet. The folder is watched; a file that cannot be read is named with line and column,
and what it held before stays.`,
		Example: "  diorama dashboards --prometheus http://127.0.0.1:9090 --dashboards ./dashboards",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			executable, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this executable: %w", err)
			}
			boards, err := library.Open(folder, jsonnetPaths, executable)
			if err != nil {
				return err
			}
			o.Library, o.Version = boards, Version
			if page, built := ui.FS(); built {
				o.Page = page
			}
			o.Listening = func(address string) { c.Note("serving dashboards on http://%s", address) }
			o.Broken = func(e library.Event) { c.Note("%s", e) }
			if name != "" {
				o.Status = func(ctx context.Context) (any, error) { return statusOf(ctx, name) }
			}
			return web.Run(cmd.Context(), o)
		},
	}
	f, ports := cmd.Flags(), v1alpha1.DefaultPorts()
	f.StringVar(&o.Listen, "listen", loopback.Address(ports.Dashboards), "address to listen on")
	f.StringVar(&o.Prometheus, "prometheus", loopback.HTTP(ports.Prometheus, ""),
		"base URL of the Prometheus to ask")
	f.DurationVar(&o.ScrapeInterval, "scrape-interval", web.DefaultScrapeInterval, "how often its series get a sample")
	f.StringSliceVar(&o.AllowedHosts, "allowed-host", nil, allowedHostUsage)
	f.StringVar(&folder, "dashboards", "", "folder with dashboards, on top of those that are built in")
	f.StringArrayVarP(&jsonnetPaths, "jsonnet-path", "J", nil, "further folder that jsonnet imports are looked for in")
	f.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig of the cluster whose nodes and pods are shown")
	f.StringVar(&name, "environment", "", "name of the environment whose status is shown")
	return cmd
}

// newJsonnet evaluates one file in a process that can be ended from outside.
func newJsonnet(c *console.Console) *cobra.Command {
	return &cobra.Command{
		Use:    "jsonnet",
		Short:  "Evaluate the jsonnet file that standard input names",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			job, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("reading the job: %w", err)
			}
			result, err := library.ServeJob(job)
			if err != nil {
				return err
			}
			_, err = c.Out.Write(result)
			return err
		},
	}
}

// warnOfBroken names the dashboard files that cannot be read now.
func warnOfBroken(ctx context.Context, c *console.Console, base string) error {
	return web.Follow(ctx, base, func(e *library.Event) bool {
		if e != nil {
			c.Warn("%s", e)
		}
		return e != nil
	})
}

// followDashboards names them, and each change of them, until ctx ends. A
// server that was restarted is asked again.
func followDashboards(ctx context.Context, c *console.Console, base string) {
	for ctx.Err() == nil {
		err := web.Follow(ctx, base, func(e *library.Event) bool {
			if e != nil {
				c.Warn("%s", e)
			}
			return true
		})
		if err != nil {
			slog.Warn("dashboards are not followed for a moment", "error", err)
		}
		_ = wait.Pause(ctx, time.Second) // the loop ends with ctx
	}
}
