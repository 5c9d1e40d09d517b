package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/kinds"
	"github.com/diorama-lab/diorama/internal/state"
)

func newConfig(c *console.Console) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Print configurations: what is used without any of yours"}
	cmd.AddCommand(
		newConfigDefaults(c),
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of the environment file", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return c.JSON(v1alpha1.Schema()) },
		},
		newConfigCollector(c),
		newConfigRules(c),
	)
	return cmd
}

func newConfigDefaults(c *console.Console) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use: "defaults", Short: "Print the environment file that an empty one means", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			env, origin, err := readEnvironment("", kind)
			if err == nil {
				err = origin.Explain(env.Validate())
			}
			if err != nil {
				return err
			}
			encoder := yaml.NewEncoder(c.Out)
			encoder.SetIndent(2)
			if err := encoder.Encode(env); err != nil {
				return fmt.Errorf("writing the defaults: %w", err)
			}
			return encoder.Close()
		},
	}
	cmd.Flags().StringVar(&kind, "env", string(v1alpha1.Embedded), "kind of environment: embedded, kwok or k3d")
	return cmd
}

func newConfigRules(c *console.Console) *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "Print the recording and alert rules that every environment has, as one Prometheus rule file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			rules, err := dashboards.AllRules()
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.Out, rules)
			return err
		},
	}
}

func newConfigCollector(c *console.Console) *cobra.Command {
	var file, name, kind string
	cmd := &cobra.Command{
		Use:       "collector [cluster|nodes]",
		Short:     "Print the configuration of a collector, to be changed and given to --collector-config",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"cluster", "nodes"},
		RunE: func(command *cobra.Command, args []string) error {
			env, origin, err := readEnvironment(file, kind)
			if err != nil {
				return err
			}
			if command.Flags().Changed("name") {
				env.Name = name
			}
			// The file may name one already that is to be written with what is printed.
			env.Telemetry.Collectors = v1alpha1.Collectors{}
			if err := origin.Explain(env.Validate()); err != nil {
				return err
			}
			_, record, _, err := environment.Find(env.Name)
			if err == nil && file == "" && (kind == "" || record.Environment.Kind == v1alpha1.Kind(kind)) {
				env = record.Environment // one that is up, of whatever kind
			}
			folder, err := state.Open(env.Name)
			if err != nil {
				return err
			}
			which := args
			if len(args) == 0 {
				of, err := kinds.Of(env.Kind)
				if err != nil {
					return err
				}
				which = of.Collectors // several are as many YAML documents
			}
			for i, name := range which {
				text, err := kinds.CollectorConfig(env, folder, name)
				if err != nil {
					return err
				}
				if i > 0 {
					text = "---\n" + text
				}
				if _, err := fmt.Fprint(c.Out, text); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "environment file")
	cmd.Flags().StringVar(&kind, "env", "",
		"kind of environment: embedded, kwok, which has one collector, or k3d, whose collectors have Helm values")
	nameFlag(cmd, &name)
	return cmd
}
