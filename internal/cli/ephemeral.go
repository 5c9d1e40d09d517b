package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/environment"
)

const (
	// ephemeralDefaults stands for an environment without a file.
	ephemeralDefaults = "defaults"
	// warmUp is how long an environment that was just brought up may take until
	// everything has data: rates need some samples.
	warmUp = 2 * time.Minute
)

// ephemeral checks against an environment of its own, and takes it down
// whatever comes of it.
func ephemeral(ctx context.Context, c *console.Console, flags checkFlags, places []string) error {
	file := flags.ephemeral
	if file == ephemeralDefaults {
		file = ""
	}
	env, origin, err := readEnvironment(file, "")
	if err != nil {
		return err
	}
	env.Name, env.Ports = fmt.Sprintf("check-%d", os.Getpid()), v1alpha1.Auto()
	if err := origin.Explain(env.Validate()); err != nil {
		return err
	}
	prepared, err := environment.Prepare(ctx, env)
	if err != nil {
		return origin.Explain(err)
	}
	if err := start(ctx, c, prepared, false); err != nil {
		return err
	}
	flags.ephemeral, flags.name = "", env.Name
	if flags.patience == 0 {
		flags.patience = warmUp
	}
	checked := runCheck(ctx, c, flags, places)
	// An interrupt ends the check, not the taking down.
	if err := down(context.WithoutCancel(ctx), c, []string{env.Name}, false); err != nil {
		return &exitError{exitImpossible, errors.Join(err, checked)}
	}
	return checked
}
