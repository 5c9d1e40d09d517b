package environment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait"
)

const (
	// askLimit is how long a supervisor may take to say what it knows.
	askLimit = 2 * time.Second
	// recoverLimit is how long an environment that is not well is waited for.
	recoverLimit = 30 * time.Second
	// recoverEvery is how often it is asked meanwhile.
	recoverEvery = 500 * time.Millisecond
)

// SilentError tells that the supervisor of an environment does not answer.
type SilentError struct{ Record state.Record }

// Error says how long it was waited for, and what can be done.
func (e *SilentError) Error() string {
	name, pid := e.Record.Environment.Name, e.Record.PID
	return fmt.Sprintf("the supervisor of environment %q (pid %d) has not answered for %s; if it stays so, "+
		"`kill -9 %d` ends it and all that it runs, then `diorama up --name %s` goes on with the data, "+
		"`diorama down --name %s` removes it",
		name, pid, askLimit, pid, name, name)
}

// Ask returns what the supervisor that keeps an environment says of it now.
func Ask(ctx context.Context, record state.Record) (control.Status, error) {
	asking, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	status, err := control.NewClient(record).Status(asking)
	if err != nil && errors.Is(asking.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return status, &SilentError{Record: record}
	}
	return status, err
}

// Recover starts what has ended in an environment that is not well, without the usual
// delay, and waits until all of it is Ready again, for a while.
func Recover(ctx context.Context, record state.Record) (control.Status, error) {
	if err := control.NewClient(record).Hurry(ctx); err != nil {
		return control.Status{}, err
	}
	waiting, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	var status control.Status
	err := wait.Until(waiting, recoverEvery, func(ctx context.Context) (bool, error) {
		said, err := Ask(ctx, record)
		if err != nil {
			return false, err
		}
		status = said
		return status.Phase == state.Ready, nil
	})
	if err != nil && ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded) {
		name := record.Environment.Name
		return status, fmt.Errorf("environment %q is %s: %s; it goes on trying: see `diorama status --name %s`, "+
			"and `diorama logs COMPONENT --name %s`", name, status.Phase, status.Message, name, name)
	}
	return status, err
}
