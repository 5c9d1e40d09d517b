package kinds

import (
	"context"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

const (
	imagesName  = "images"
	networkName = "network"
)

// shareContainers makes the plan one with containers.
func shareContainers(p *plan.Plan, folder state.Folder) *containers.Shared {
	shared := containers.New(folder, "diorama-"+p.Environment.Name)
	p.Network, p.Connect, p.Release = shared.Name, shared.Connect, shared.Release
	return shared
}

// firstSteps are what every kind with containers begins with.
func firstSteps(p *plan.Plan, shared *containers.Shared, images []string) []plan.Component {
	return []plan.Component{
		{Name: imagesName, Runs: plan.Step{
			Does: "loads or pulls the images that Docker does not have: " + strings.Join(images, ", "),
			Do: func(ctx context.Context, report func(string)) error {
				return shared.EnsureImages(ctx, images, p.Environment.Images.Load, report)
			},
		}},
		{Name: networkName, Runs: plan.Step{
			Does: "makes the Docker network " + shared.Name + ", and removes what an earlier run left",
			Do:   func(ctx context.Context, _ func(string)) error { return shared.MakeNetwork(ctx) },
			Undo: shared.RemoveNetwork,
		}},
	}
}

// unique leaves the first of each.
func unique(all []string) []string {
	var first []string
	for _, one := range all {
		if !slices.Contains(first, one) {
			first = append(first, one)
		}
	}
	return first
}
