package cli

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/kubelet"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/nodes"
)

// newStatsProxy answers as the kubelets of simulated nodes, in an environment
// and for any KWOK cluster that someone already has.
func newStatsProxy(c *console.Console) *cobra.Command {
	var o kubelet.Options
	usual := v1alpha1.Default()
	cmd := &cobra.Command{
		Use:   "stats-proxy",
		Short: "Serve the kubelet API of the simulated nodes of any KWOK cluster",
		Long: `Serves /nodes/NODE/stats/summary, /nodes/NODE/metrics/cadvisor, /nodes/NODE/metrics/resource,
/nodes/NODE/pods and /nodes/NODE/healthz for every node that carries the annotation kwok.x-k8s.io/node.

Clients have to show a certificate. Without --serving-ca-cert a CA and a client certificate
are made in --cert-dir; --insecure serves plain HTTP to everybody on this machine instead.`,
		Example: "  diorama stats-proxy --kubeconfig ~/.kube/config --listen 127.0.0.1:10250 --cert-dir ./certs",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Listening = func(plain, _ net.Addr) { c.Note("serving the kubelet API on %s", plain) }
			return kubelet.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig of the cluster")
	f.StringVar(&o.Listen, "listen", loopback.Address(usual.Ports.Kubelet), "address to listen on")
	f.StringVar(&o.TunnelListen, "tunnel-listen", "", "address for an API server's egress selector (HTTP CONNECT)")
	f.StringVar(&o.ServingCACert, "serving-ca-cert", "", "CA that signs the serving certificates")
	f.StringVar(&o.ServingCAKey, "serving-ca-key", "", "key of that CA")
	f.StringSliceVar(&o.ClientCAs, "client-ca", nil, "CAs whose client certificates are let in")
	f.StringVar(&o.CertDir, "cert-dir", "", "folder for the certificates that are made without --serving-ca-cert")
	f.StringSliceVar(&o.ServingNames, "serving-name", nil, "further host names or addresses that clients use")
	f.BoolVar(&o.Insecure, "insecure", false, "serve plain HTTP to everybody; loopback only")
	f.Uint64Var(&o.Seed, "seed", usual.Telemetry.Seed, "the same seed gives the same usage")
	f.StringVar(&o.MetricsHost, "metrics-host", "",
		"host of the tunnel at which metrics.k8s.io answers, for the API server's aggregator")
	f.StringVar(&o.RequestHeaderCA, "requestheader-client-ca", "", "CA of the aggregator's client certificate")
	f.StringVar(&o.StateFile, "state-file", "", "file that keeps the nodes' counters over a restart")
	return required(cmd, "kubeconfig")
}

func newCollector() *cobra.Command {
	var o collector.RunOptions
	cmd := &cobra.Command{
		Use:     "collector",
		Short:   "Run the OpenTelemetry Collector that diorama is built with",
		Example: "  diorama config collector nodes > nodes.yaml\n  diorama collector --config nodes.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return collector.Run(cmd.Context(), o) },
	}
	cmd.Flags().StringArrayVar(&o.ConfigURIs, "config", nil,
		"configuration: a path or a URI such as file:, env:, yaml:; given again, merged over what came before")
	cmd.Flags().StringVar(&o.HealthAddress, "health-address", "",
		"address of a listener that answers 200 while the collector runs")
	cmd.Flags().StringSliceVar(&o.AllowedHosts, "allowed-host", nil, allowedHostUsage)
	return required(cmd, "config")
}

// allowedHostUsage is of what a server's refusal of a Host names.
const allowedHostUsage = "host name, beyond loopback ones, that requests may be made under"

func newBackend(c *console.Console) *cobra.Command {
	var o backend.Options
	usual := v1alpha1.Default()
	cmd := &cobra.Command{
		Use:     "backend",
		Short:   "Run Prometheus' storage, API and rules, with OTLP in",
		Example: "  diorama backend --listen 127.0.0.1:9090 --data ./data",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if known := v1alpha1.TranslationStrategies(); !slices.Contains(known, o.TranslationStrategy) {
				return fmt.Errorf("--translation-strategy is %q: Prometheus knows %s",
					o.TranslationStrategy, strings.Join(known, ", "))
			}
			if o.Retention <= 0 {
				return fmt.Errorf("--retention is %s: keep samples for some time", o.Retention)
			}
			if o.EventsMax < 1 {
				return fmt.Errorf("--max-events is %d: keep at least 1", o.EventsMax)
			}
			o.Version = Version
			o.PromoteResourceAttributes = append(backend.DefaultPromotedAttributes(), o.PromoteResourceAttributes...)
			o.Listening = func(address string) { c.Note("serving the Prometheus API on %s", address) }
			return backend.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", loopback.Address(usual.Ports.Prometheus), "address to listen on")
	f.StringVar(&o.DataDir, "data", "", "folder for samples and events")
	f.DurationVar(&o.Retention, "retention", time.Duration(usual.Backend.Retention), "how long samples are kept")
	f.DurationVar(&o.OutOfOrderWindow, "out-of-order-window", time.Duration(usual.Backend.OutOfOrderWindow),
		"how old a sample may be to be taken out of order")
	f.StringVar(&o.TranslationStrategy, "translation-strategy", usual.Backend.TranslationStrategy,
		"how OpenTelemetry names become Prometheus names")
	f.StringSliceVar(&o.PromoteResourceAttributes, "promote-resource-attribute", nil,
		"resource attribute that becomes a label, on top of the built-in ones")
	f.StringSliceVar(&o.RuleFiles, "rules", nil, "Prometheus rule files or globs")
	f.StringSliceVar(&o.AllowedHosts, "allowed-host", nil, allowedHostUsage)
	f.StringVar(&o.DashboardsURL, "dashboards-url", "", "page that browsers are led to, such as http://127.0.0.1:3000")
	f.IntVar(&o.EventsMax, "max-events", usual.Backend.MaxEvents, "how many Kubernetes events are kept")
	return required(cmd, "data")
}

// newKwok runs KWOK's controllers.
func newKwok() *cobra.Command {
	var o nodes.KwokOptions
	cmd := &cobra.Command{
		Use:    "kwok",
		Short:  "Run KWOK's controllers",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE:   func(cmd *cobra.Command, _ []string) error { return nodes.RunKwok(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig of the cluster")
	cmd.Flags().StringVar(&o.HealthAddress, "health-address", "",
		"address of the health probe")
	return required(cmd, "kubeconfig", "health-address")
}

// newControlPlane are the Kubernetes programs, with the flags that they have
// upstream.
func newControlPlane() []*cobra.Command {
	var commands []*cobra.Command
	for _, program := range controlplane.Programs() {
		commands = append(commands, &cobra.Command{
			Use:                program.Name,
			Short:              "Run " + program.Name,
			Hidden:             true,
			DisableFlagParsing: true,
			RunE: func(cmd *cobra.Command, args []string) error {
				err := program.Run(cmd.Context(), args)
				if errors.As(err, new(*controlplane.DamagedError)) {
					return &exitError{component.ExitDamaged, err}
				}
				return err
			},
		})
	}
	return commands
}

// required marks flags that have no sensible default.
func required(cmd *cobra.Command, flags ...string) *cobra.Command {
	for _, flag := range flags {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			// A flag that does not exist is a mistake in this file.
			panic(err)
		}
	}
	return cmd
}
