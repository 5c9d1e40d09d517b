package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/spelling"
)

// mayBeEmpty are the flags to which an empty text is a value.
func mayBeEmpty() []string {
	return []string{"dashboards"} // none, also where ./dashboards is there
}

// explainUsage has a tree of commands say what is wrong with a command line as
// diorama says things, and refuse what cobra passes over.
func explainUsage(root *cobra.Command) {
	root.SetFlagErrorFunc(flagError)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return checkFlagValues(cmd) }
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if taken := cmd.Args; taken != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error { return argumentError(cmd, args, taken) }
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// wrongUsage gives a command an exit code of its own for a wrong command line.
func wrongUsage(cmd *cobra.Command, code int) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &exitError{code, flagError(cmd, err)} })
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFlagValues(cmd); err != nil {
			return &exitError{code, err}
		}
		return nil
	}
}

// unknownCommand reports a command that is not there: cobra answers those under
// another one with help.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) > 0 && args[0] == "help" {
		args = args[1:]
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "__") {
		return nil // what a shell asks for to complete a line
	}
	cmd, rest, _ := root.Find(args) // the error is cobra's for what follows
	wrong := slices.IndexFunc(rest, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if !cmd.HasSubCommands() || wrong < 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("there is no command `%s %s`%s", cmd.CommandPath(), rest[wrong], meant(rest[wrong], names, ""))
}

// flagError says what is wrong with a flag, without Go's words.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		name, dashes := unknown.GetSpecifiedName(), "--"
		if unknown.GetSpecifiedShortnames() != "" {
			return fmt.Errorf("`%s` has no flag -%s; --help shows those that there are", cmd.CommandPath(), name)
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		return fmt.Errorf("`%s` has no flag --%s%s", cmd.CommandPath(), name, meant(name, names, dashes))
	case errors.As(err, &missing):
		return fmt.Errorf("--%s needs a value: %s", missing.GetFlag().Name, missing.GetFlag().Usage)
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s is %q: %s", invalid.GetFlag().Name, invalid.GetValue(), valueWanted(invalid))
	}
	return fmt.Errorf("%w; --help shows what `%s` takes", err, cmd.CommandPath())
}

// valueWanted is how a flag's value is written.
func valueWanted(invalid *pflag.InvalidValueError) string {
	wanted := map[string]string{
		"int": "give a whole number", "uint64": "give a whole number from 0", "bool": "give true or false",
		"duration": "give a duration with its unit, as 5s, 10m or 24h",
	}[invalid.GetFlag().Value.Type()]
	return cmp.Or(wanted, invalid.Unwrap().Error())
}

// meant names the closest of some words, or where all are shown.
func meant(word string, words []string, prefix string) string {
	closest := slices.MinFunc(append(words, ""), func(a, b string) int {
		return cmp.Compare(spelling.Distance(a, word), spelling.Distance(b, word))
	})
	if closest != "" && spelling.Distance(closest, word) <= 2 {
		return fmt.Sprintf("; did you mean %s%s?", prefix, closest)
	}
	return "; --help shows those that there are"
}

// argumentError says which argument is one too many, or none of those that there are.
func argumentError(cmd *cobra.Command, args []string, taken cobra.PositionalArgs) error {
	if taken(cmd, args) == nil {
		return nil
	}
	most := len(args) - 1
	for most > 0 && taken(cmd, args[:most]) != nil {
		most--
	}
	switch wrong := args[most]; {
	case cmd.ValidArgs != nil && !slices.Contains(cmd.ValidArgs, wrong):
		return fmt.Errorf("`%s` knows no %q; give %s", cmd.CommandPath(), wrong, strings.Join(cmd.ValidArgs, " or "))
	case most == 0:
		return fmt.Errorf("`%s` takes no arguments, and %q is one; --help shows its flags", cmd.CommandPath(), wrong)
	default:
		return fmt.Errorf("`%s` takes %s at most; %q is one more",
			cmd.CommandPath(), spelling.Counted(most, "argument"), wrong)
	}
}

// checkFlagValues refuses flags that are empty, as those are whose variable is not
// set in a script; names that no environment can have; flags that are missing, and
// those that do not go together.
func checkFlagValues(cmd *cobra.Command) error {
	if cmd.Hidden {
		return cmd.ValidateRequiredFlags() // diorama itself has written it
	}
	var problems []error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if emptyValue(f) && !slices.Contains(mayBeEmpty(), f.Name) {
			problems = append(problems, fmt.Errorf("--%s is empty; give it a value, or leave it out", f.Name))
		}
	})
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	if name := cmd.Flags().Lookup("name"); name != nil && name.Changed {
		origin := v1alpha1.Origin{}
		origin.SetBy("name", "--name")
		if err := v1alpha1.ValidateName(name.Value.String()); err != nil {
			return origin.Explain(err)
		}
	}
	return errors.Join(missingFlags(cmd), clashingFlags(cmd))
}

// emptyValue tells whether a flag was given an empty text, or one in a list.
func emptyValue(f *pflag.Flag) bool {
	switch v := f.Value.(type) {
	case pflag.SliceValue:
		return slices.Contains(v.GetSlice(), "") || len(v.GetSlice()) == 0
	default:
		return f.Value.Type() == "string" && f.Value.String() == ""
	}
}

func missingFlags(cmd *cobra.Command) error {
	var problems []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, required := f.Annotations[cobra.BashCompOneRequiredFlag]; required && !f.Changed {
			problems = append(problems, fmt.Errorf("`%s` needs --%s: %s", cmd.CommandPath(), f.Name, f.Usage))
		}
	})
	return errors.Join(problems...)
}

// exclusive is where cobra keeps which flags do not go together.
const exclusive = "cobra_annotation_mutually_exclusive"

func clashingFlags(cmd *cobra.Command) error {
	if cmd.ValidateFlagGroups() == nil {
		return nil
	}
	var groups, given []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		groups = append(groups, f.Annotations[exclusive]...)
	})
	slices.Sort(groups)
	for i, group := range groups {
		if i == 0 || groups[i-1] != group {
			continue
		}
		for _, name := range strings.Fields(group) {
			if cmd.Flags().Changed(name) {
				given = append(given, "--"+name)
			}
		}
		break
	}
	return fmt.Errorf("%s do not go together; leave one of them out", strings.Join(given, " and "))
}
