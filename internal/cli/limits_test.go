package cli

import (
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/nodes"
)

// What the environment file takes can be simulated.
func TestLimitsAgree(t *testing.T) {
	if v1alpha1.MaxNodes != nodes.MaxNodes || v1alpha1.MaxPods != nodes.MaxPods {
		t.Errorf("the file takes %d nodes and %d pods, %d and %d can be simulated",
			v1alpha1.MaxNodes, v1alpha1.MaxPods, nodes.MaxNodes, nodes.MaxPods)
	}
}
