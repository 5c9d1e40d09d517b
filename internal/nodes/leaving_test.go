package nodes

import (
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
)

// The mark of a node that is being removed is known where nodes are followed.
func TestLeaving(t *testing.T) {
	if leavingAnnotation != simulatednodes.Leaving {
		t.Errorf("nodes are marked with %s, receivers know %s", leavingAnnotation, simulatednodes.Leaving)
	}
	for _, patch := range []string{leave, stay} {
		if !strings.Contains(patch, `"`+simulatednodes.Leaving+`":`) {
			t.Errorf("the patch %s has no mark", patch)
		}
	}
}
