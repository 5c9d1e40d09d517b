package nodes

import (
	"context"
	"maps"

	"golang.org/x/sync/errgroup"
)

// Labels and the like by which Scale finds what is its own.
const (
	managedByLabel    = "app.kubernetes.io/managed-by"
	managedBySelector = managedByLabel + "=diorama"
	nameLabel         = "app.kubernetes.io/name"
	instanceLabel     = "app.kubernetes.io/instance"
	componentLabel    = "app.kubernetes.io/component"
	partOfLabel       = "app.kubernetes.io/part-of"
)

func managedByLabels() map[string]string {
	return map[string]string{managedByLabel: "diorama"}
}

// withLabels returns a new map with all of base and extra; extra wins.
func withLabels(base, extra map[string]string) map[string]string {
	merged := make(map[string]string, len(base)+len(extra))
	maps.Copy(merged, base)
	maps.Copy(merged, extra)
	return merged
}

// writers is how many requests Scale has under way at once. The API server
// answers no faster with more; KWOK and the controllers want their share.
const writers = 24

// inParallel calls do for every item with at most writers calls at once, and
// returns the first error; the calls not yet begun are then left out.
func inParallel[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, item := range items {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error { return do(groupCtx, item) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
