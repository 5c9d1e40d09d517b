package environment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/kinds"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait"
)

// answerLimit is how long somebody may have the folder without answering: an up that
// has not started its supervisor yet, or another down.
const answerLimit = 30 * time.Second

// ErrGoesOn tells that an environment goes down, but was not waited for.
var ErrGoesOn = errors.New("it goes down by itself")

// Down takes an environment down, or removes what is left of one whose
// supervisor is gone.
func Down(ctx context.Context, name string, keepData bool) error {
	return down(ctx, name, keepData, answerLimit)
}

func down(ctx context.Context, name string, keepData bool, patience time.Duration) error {
	folder, err := state.Open(name)
	if err != nil {
		return err
	}
	if !folder.Exists() {
		return &NotFoundError{Name: name}
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	err = wait.Until(waiting, pollEvery, func(context.Context) (done bool, err error) {
		if !folder.Exists() {
			return true, nil // another one has taken it down meanwhile
		}
		done, last = tryDown(ctx, folder, keepData)
		return done, last
	})
	if err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && waiting.Err() != nil {
		return fmt.Errorf("environment %q is held by a diorama that does not answer; end that one, then "+
			"`diorama down --name %s` removes what is left: %w", name, name, last)
	}
	return err
}

// tryDown takes it down if somebody answers for it, or nobody has it.
func tryDown(ctx context.Context, folder state.Folder, keepData bool) (done bool, err error) {
	record, alive, err := folder.Read()
	if errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err != nil && keepData {
		return true, err // nothing can go on from the data, but to remove it was not asked for
	}
	if err != nil || !folder.HasRecord() {
		// A record that cannot be read still leaves a folder to remove, and a
		// lock that says whether someone uses it.
		alive, record = false, state.Record{}
	}
	if alive {
		if err := control.NewClient(record).Stop(ctx, keepData); err != nil {
			// It may not listen yet, or not any more.
			return control.Answers(record.Control), err
		}
		if err := waitReleased(ctx, folder, record.PID); err != nil {
			return true, errors.Join(ErrGoesOn, err)
		}
		return true, leftBehind(folder, keepData)
	}
	lock, err := folder.Lock()
	if errors.Is(err, state.ErrHeld) || errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err != nil {
		return true, err
	}
	return true, errors.Join(cleanUp(ctx, folder, record, keepData && folder.HasRecord()), lock.Unlock())
}

// leftBehind reports what a supervisor that has gone down could not remove.
func leftBehind(folder state.Folder, keepData bool) error {
	if !folder.Exists() {
		return nil
	}
	record, _, err := folder.Read()
	if err == nil && record.Phase == state.Failed {
		again := "diorama down --name " + folder.Name
		if keepData {
			again += " --keep-data"
		}
		err = fmt.Errorf("%s is down, but something of it is left; `%s` tries again: %s",
			folder.Name, again, record.Message)
	}
	return err
}

// cleanUp does what the supervisor would have done: its child processes have
// ended with it (see component.Lifeline), the rest is files and containers.
func cleanUp(ctx context.Context, folder state.Folder, record state.Record, keepData bool) error {
	var restored error
	if c := record.Context; c != nil {
		restored = kubeconfig.Remove(c.Kubeconfig, c.Name, c.Previous)
		record.Context = nil
	}
	restored = errors.Join(restored, control.Remove(folder, record.Control))
	// A record that could not be read names no kind.
	if env := record.Environment; env.Kind != "" {
		minor, err := cleanUpKind(ctx, folder, env, keepData)
		restored = errors.Join(restored, minor)
		if err != nil {
			// The folder stays: it says what is left, so that down can try again.
			return errors.Join(restored, err)
		}
	}
	if keepData {
		record.Phase = state.Stopped
		return errors.Join(restored, folder.Write(record), folder.RemoveAllButData())
	}
	return errors.Join(restored, folder.Remove())
}

// cleanUpKind removes what is outside the folder. Of a kind that this version does
// not know, which a newer one has brought up, it knows the containers.
func cleanUpKind(
	ctx context.Context, folder state.Folder, env v1alpha1.Environment, keepData bool,
) (minor, err error) {
	kind, err := kinds.Of(env.Kind)
	if err != nil {
		return nil, containers.Remove(ctx, folder, keepData)
	}
	return kind.CleanUp(ctx, folder, env, keepData)
}

// waitReleased waits until the supervisor has given the folder back and has
// ended.
func waitReleased(ctx context.Context, folder state.Folder, pid int) error {
	err := wait.Until(ctx, pollEvery, func(context.Context) (bool, error) {
		held, err := folder.Held()
		return err != nil || !held, err
	})
	if err != nil {
		return fmt.Errorf("waiting for the supervisor to end: %w", err)
	}
	awaitExit(pid)
	return nil
}

// exitLimit is how long a process that has nothing left to do is waited for.
const exitLimit = 2 * time.Second

// awaitExit waits a moment for a process that has nothing left to do. Where nobody
// reaps it (a container without an init) it stays as a zombie.
func awaitExit(pid int) {
	ctx, cancel := context.WithTimeout(context.Background(), exitLimit)
	defer cancel()
	// That it is still there says nothing about its work.
	_ = wait.Until(ctx, pollEvery, func(context.Context) (bool, error) {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), nil
	})
}
