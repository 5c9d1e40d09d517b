package environment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/state"
)

func TestRunningErrorSaysWhatToDo(t *testing.T) {
	text := fmt.Sprint(&RunningError{Record: state.Record{Environment: v1alpha1.Default(), Phase: state.Ready}})
	for _, want := range []string{"default", "50 nodes", "200 pods", "diorama scale", "diorama down"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}
