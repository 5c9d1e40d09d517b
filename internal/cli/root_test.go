package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/guard"
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

// What a refused Host is told to use is there.
func TestAllowedHostIsAFlag(t *testing.T) {
	c := &console.Console{Out: io.Discard, Err: io.Discard}
	for _, cmd := range []*cobra.Command{newBackend(c), newDashboards(c)} {
		if err := cmd.ParseFlags([]string{"--allowed-host", "host.docker.internal"}); err != nil {
			t.Errorf("%s: %v", cmd.Name(), err)
		}
	}
	refused := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "http://host.docker.internal/", nil)
	guard.Guard{Listen: "127.0.0.1:3000"}.Handler(http.NotFoundHandler()).ServeHTTP(refused, request)
	if refused.Code != http.StatusForbidden || !strings.Contains(refused.Body.String(), "--allowed-host") {
		t.Errorf("it is refused with %d %s", refused.Code, refused.Body)
	}
}
