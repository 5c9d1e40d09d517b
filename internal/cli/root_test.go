package cli

import (
	"slices"
	"testing"
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
