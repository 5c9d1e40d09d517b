// Package wait holds the ways to wait here: for something to become true, for
// the next time, or for a while. None of them outlasts its context.
package wait

import (
	"context"
	"errors"
	"time"
)

// Until calls check until it says that it is done, and waits in between. An
// error of a check that is not done may pass, and check is called again; that
// of one that is done is final, and returned. When ctx ends first, the error is
// the last one of check joined with that of ctx. Check is called at least once.
func Until(ctx context.Context, every time.Duration, check func(context.Context) (done bool, err error)) error {
	for {
		done, err := check(ctx)
		if done {
			return err
		}
		if ended := Pause(ctx, every); ended != nil {
			return errors.Join(err, ended)
		}
	}
}

// Every calls do at once and then each interval until ctx ends. When do takes
// longer than the interval, the calls missed meanwhile are made once, not all.
// What is to wait first is a loop over Pause.
func Every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		do(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if ctx.Err() != nil {
				return // both are there, and select takes either
			}
		}
	}
}

// Pause waits for a while and returns nil, or the error of ctx as soon as that
// ends.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}
