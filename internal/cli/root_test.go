package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/diorama-lab/diorama/internal/console"
)

func TestArguments(t *testing.T) {
	for _, c := range []struct{ line, want []string }{
		{[]string{"diorama", "up"}, []string{"up"}},
		{[]string{"/usr/bin/diorama"}, nil},
		{[]string{"/otelcol-contrib", "--config=x"}, []string{"collector", "--config=x"}},
	} {
		if got := Arguments(c.line); !slices.Equal(got, c.want) {
			t.Errorf("%q gives %q, want %q", c.line, got, c.want)
		}
	}
}

// Every flag of every command that people see says what it is, in the shape that
// help is read in; none is another program's.
func TestHelpReadsWell(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		var help strings.Builder
		cmd.SetOut(&help)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		for _, foreign := range []string{"Global Flags", "quits", "klog"} {
			if strings.Contains(help.String(), foreign) {
				t.Errorf("%s --help has %q:\n%s", cmd.CommandPath(), foreign, help.String())
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			kind, usage := pflag.UnquoteUsage(f)
			if !f.Hidden && (usage == "" || strings.Contains(kind, " ")) {
				t.Errorf("%s --%s reads %q %q", cmd.CommandPath(), f.Name, kind, usage)
			}
		})
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				visit(sub)
			}
		}
	}
	visit(newRoot(&console.Console{Out: io.Discard, Err: io.Discard}))
}
