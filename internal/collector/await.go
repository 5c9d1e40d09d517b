package collector

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

const (
	// leaveLimit bounds how long a collector may take to stop asking nodes that are
	// to be removed. One that does not answer does not keep them.
	leaveLimit = 15 * time.Second
	// lookEvery is how often it is asked how far it is.
	lookEvery = 100 * time.Millisecond
)

// LetGo waits until a collector that follows nodes by itself asks those no more
// that are leaving. simulated are the names of those that stay, page is that of the
// collector's own metrics.
func LetGo(
	simulated func(context.Context) ([]string, error), page string,
) func(ctx context.Context, leaving []string) error {
	return func(ctx context.Context, leaving []string) error {
		staying, err := simulated(ctx)
		if err != nil {
			return err
		}
		done := func(h Health) bool { return h.MostNodesFollowed <= uint64(len(staying)) }
		Await(ctx, fmt.Sprintf("stop asking %d nodes", len(leaving)), page, done)
		return nil
	}
}

// Await waits a while until what a collector says of itself is as wanted.
func Await(ctx context.Context, what string, page string, wanted func(Health) bool) {
	bounded, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	err := wait.Until(bounded, lookEvery, func(ctx context.Context) (bool, error) {
		health, err := ReadHealth(ctx, page)
		return err == nil && wanted(health), err
	})
	if err != nil && ctx.Err() == nil {
		slog.Warn("a collector was not seen to "+what, "waited", leaveLimit, "error", err)
	}
}
