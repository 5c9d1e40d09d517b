package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/state"
)

func newConfig(c *console.Console) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Print configurations: what is used without any of yours"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "defaults", Short: "Print the environment file that an empty one means", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				encoder := yaml.NewEncoder(c.Out)
				encoder.SetIndent(2)
				if err := encoder.Encode(v1alpha1.Default()); err != nil {
					return fmt.Errorf("writing the defaults: %w", err)
				}
				return encoder.Close()
			},
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of the environment file", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return c.JSON(v1alpha1.Schema()) },
		},
		newConfigCollector(c),
		newConfigRules(c),
	)
	return cmd
}

func newConfigRules(c *console.Console) *cobra.Command {
	return &cobra.Command{
		Use: "rules", Short: "Print the recording and alert rules that every environment has, as one Prometheus rule file", Args: cobra.NoArgs,
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
		RunE: func(cmd *cobra.Command, args []string) error {
			which := "cluster"
			if len(args) == 1 {
				which = args[0]
			}
			env := v1alpha1.Default()
			if file != "" {
				var err error
				if env, err = v1alpha1.Load(file); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("name") {
				env.Name = name
			}
			if _, record, _, err := environment.Find(env.Name); err == nil && file == "" {
				env = record.Environment // one that is up, of whatever kind
			}
			if cmd.Flags().Changed("env") {
				env.Kind = v1alpha1.Kind(kind)
			}
			folder, err := state.Open(env.Name)
			if err != nil {
				return err
			}
			text, err := environment.CollectorConfig(env, folder, which)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.Out, text)
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "environment file")
	cmd.Flags().StringVar(&kind, "env", "", "kind of environment: embedded, or kwok, which has one collector")
	nameFlag(cmd, &name)
	return cmd
}
