package nodes

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

func TestEnded(t *testing.T) {
	for name, test := range map[string]struct {
		deleted bool
		grace   *int64
		want    bool
	}{
		"there":         {false, nil, false},
		"is to end":     {true, new(int64(30)), false},
		"to be counted": {true, new(int64(0)), true},
	} {
		pod := &metav1.ObjectMeta{DeletionGracePeriodSeconds: test.grace}
		if test.deleted {
			pod.DeletionTimestamp = &metav1.Time{}
		}
		if got := ended(pod); got != test.want {
			t.Errorf("a pod that %s has ended: %v, want %v", name, got, test.want)
		}
	}
}
