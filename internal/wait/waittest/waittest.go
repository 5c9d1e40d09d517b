// Package waittest waits in tests.
package waittest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

// Patience is how long a busy machine may need for what takes a moment.
const Patience = 2 * time.Minute

// every is short: most of what tests wait for is there at once.
const every = 10 * time.Millisecond

// attemptLimit bounds one call of a check, so that what it says last is not that
// the time is over.
const attemptLimit = 10 * time.Second

// Until polls until check returns nil, and ends the test with its last error
// when it does not. What names, in the error, what is waited for.
func Until(t testing.TB, what string, check func(context.Context) error) {
	t.Helper()
	// Clean-ups wait too, when the test's own context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
	defer cancel()
	var problem error
	ended := wait.Until(ctx, every, func(ctx context.Context) (bool, error) {
		attempt, done := context.WithTimeout(ctx, attemptLimit)
		defer done()
		problem = check(attempt)
		return problem == nil, nil
	})
	if ended != nil {
		t.Fatalf("waited %v until %s: %v", Patience, what, problem)
	}
}

// True is Until for a condition that has nothing to say.
func True(t testing.TB, what string, condition func() bool) {
	t.Helper()
	Until(t, what, func(context.Context) error {
		if !condition() {
			return errors.New("it is not so")
		}
		return nil
	})
}
