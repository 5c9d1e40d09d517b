package cli

import (
	"context"
	"errors"

	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/state"
)

// upAgain is up of an environment that is up: nothing is changed, but what has ended of
// one that is not well is started at once.
func upAgain(ctx context.Context, c *console.Console, running *environment.RunningError, output string) error {
	status, err := environment.Ask(ctx, running.Record)
	if errors.As(err, new(*environment.SilentError)) {
		return err
	}
	if err != nil { // it does not listen yet, or not any more
		return running
	}
	// The record may be a moment old.
	running.Record.Phase = status.Phase
	if status.Phase != state.Degraded {
		return running
	}
	c.Note("environment %q is up, but Degraded; what has ended is started again, nothing else is changed", status.Name)
	wrong := status.Message
	if status, err = environment.Recover(ctx, running.Record); err != nil {
		return err
	}
	if output == "json" {
		return c.JSON(status)
	}
	c.Note("%s is Ready again, after: %s", c.Bold(status.Name), wrong)
	return nil
}
