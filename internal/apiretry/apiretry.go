// Package apiretry tries requests to an API server again that fail for a
// reason that passes: a busy or restarting server, a lost connection. What the
// server refuses for good ends at once.
package apiretry

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilwait "k8s.io/apimachinery/pkg/util/wait"

	"github.com/diorama-lab/diorama/internal/wait"
)

// Each wait is twice as long as the one before it, and up to half longer, so
// that the writers that failed together do not come back together.
const (
	firstWait = 100 * time.Millisecond
	mostWait  = 5 * time.Second
	jitter    = 0.5
)

// Report gets, in words for people, what is tried again and why.
type Report func(text string)

// Do makes a request until it succeeds, fails for good, or ctx ends; the error
// is the request's last one then. It may be made several times although the
// server has done what it asks for: one that makes an object may find it there,
// its own or that of somebody who was faster. what names it for report, which
// may be nil.
func Do(ctx context.Context, what string, report Report, request func(context.Context) error) error {
	pause := firstWait
	for tries := 1; ; tries++ {
		err := request(ctx)
		if !Transient(err) {
			return err
		}
		delay := utilwait.Jitter(pause, jitter)
		if seconds, asked := apierrors.SuggestsClientDelay(err); asked {
			delay = max(delay, time.Duration(seconds)*time.Second)
		}
		if report != nil && ctx.Err() == nil {
			report(fmt.Sprintf("%s failed, trying again: %v", what, err))
		}
		if wait.Pause(ctx, delay) != nil {
			return fmt.Errorf("%w; tried %d times, until %w", err, tries, context.Cause(ctx))
		}
		pause = min(2*pause, mostWait)
	}
}
