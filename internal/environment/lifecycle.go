// Package environment is the life cycle of environments as commands ask for it:
// up, down, and who is there.
package environment

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/kinds"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/supervisor"
	"github.com/diorama-lab/diorama/internal/wait"
)

// pollEvery is how often a folder is looked at while waiting for a supervisor.
const pollEvery = 20 * time.Millisecond

// RunningError tells that an environment of that name is up.
type RunningError struct{ Record state.Record }

// Error says what runs and what can be done.
func (e *RunningError) Error() string {
	env := e.Record.Environment
	return fmt.Sprintf("environment %q is already up (%s, %s, %d nodes, %d pods, since %s); nothing was changed: "+
		"see it with `diorama status`, change its size with `diorama scale`, end it with `diorama down`, "+
		"or bring up another one with --name",
		env.Name, env.Kind, e.Record.Phase, env.Cluster.Nodes, env.Cluster.Pods, e.Record.CreatedAt.Format(time.TimeOnly))
}

// NotFoundError tells that there is no environment of that name.
type NotFoundError struct{ Name string }

// Error says how to get one.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no environment %q; `diorama up --name %s` brings it up, "+
		"`diorama list` shows those that exist", e.Name, e.Name)
}

// Prepare checks that an environment can be brought up and makes its folder.
// It returns what is left of an earlier run, nil if nothing is.
func Prepare(ctx context.Context, env v1alpha1.Environment) (state.Folder, *state.Record, error) {
	folder, err := state.Open(env.Name)
	if err != nil {
		return folder, nil, err
	}
	var left *state.Record
	if folder.Exists() {
		record, alive, err := folder.Read()
		if err != nil {
			return folder, nil, err
		}
		if alive {
			return folder, nil, &RunningError{Record: record}
		}
		left = &record
	}
	planned, err := Plan(env, folder)
	if err != nil {
		return folder, left, err
	}
	for _, check := range []func() error{
		func() error { return checkPorts(env.UsedPorts()) },
		func() error { return planned.Check(ctx) },
		kubeconfig.Check,
		folder.CheckSpace,
	} {
		if err := check(); err != nil {
			return folder, left, err
		}
	}
	return folder, left, folder.Create()
}

// Plan plans an environment with ports that are picked later, and refuses what would
// keep it from starting, as far as that can be known wherever it is to run: all that
// is in files.
func Plan(env v1alpha1.Environment, folder state.Folder) (*plan.Plan, error) {
	if err := cluster.CheckFiles(env.Cluster); err != nil {
		return nil, err
	}
	planned, err := kinds.DryPlan(env, folder)
	if err != nil {
		return nil, err
	}
	return planned, planned.CheckFiles()
}

func checkPorts(ports []v1alpha1.NamedPort) error {
	var problems []error
	for _, port := range ports {
		if port.Number == 0 {
			continue
		}
		if err := state.CheckPort(port.Name, port.Number); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Detach starts a supervisor that outlives this process, for the environment
// that the folder keeps, and waits until it answers. Its own words go to its log.
func Detach(ctx context.Context, folder state.Folder, args ...string) (*control.Client, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this executable: %w", err)
	}
	log, err := os.OpenFile(folder.Log("supervisor"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the supervisor's log: %w", err)
	}
	defer log.Close()
	begins, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("opening the supervisor's log: %w", err)
	}
	cmd := exec.Command(executable, append([]string{"supervise", "--name", folder.Name}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the supervisor: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for {
		if record, alive, err := folder.Read(); err == nil && alive && record.PID == cmd.Process.Pid {
			if control.Answers(record.Control) {
				return control.NewClient(record), nil
			}
		}
		select {
		case ended := <-exited:
			return nil, supervisorError(ended, io.NewSectionReader(log, begins, math.MaxInt64-begins))
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGTERM)
			<-exited
			return nil, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// supervisorError says why a supervisor ended before it could be asked. said is the
// end of its log, which is open: it may have removed the file with the folder.
func supervisorError(ended error, said io.Reader) error {
	data, err := io.ReadAll(said)
	if err != nil {
		return fmt.Errorf("the supervisor ended at once, and its log cannot be read: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("the supervisor ended at once without a word: %w", cmp.Or(ended, errors.New("exit status 0")))
	}
	return fmt.Errorf("the supervisor ended at once: %s", component.LastLines(data))
}

// Find returns the record of an environment and whether it is running.
func Find(name string) (state.Folder, state.Record, bool, error) {
	folder, err := state.Open(name)
	if err != nil {
		return folder, state.Record{}, false, err
	}
	if !folder.Exists() {
		return folder, state.Record{}, false, &NotFoundError{Name: name}
	}
	record, alive, err := folder.Read()
	return folder, record, alive, err
}

// Down takes an environment down, or removes what is left of one whose
// supervisor is gone.
func Down(ctx context.Context, name string, keepData bool) error {
	folder, record, alive, err := Find(name)
	if errors.As(err, new(*NotFoundError)) || folder.Path == "" {
		return err
	}
	if err != nil && keepData {
		return err // nothing can go on from the data, but to remove it was not asked for
	}
	if err != nil {
		// A record that cannot be read still leaves a folder to remove, and a
		// lock that says whether someone uses it.
		record = state.Record{}
	}
	if alive {
		if err := control.NewClient(record).Stop(ctx, keepData); err != nil {
			return err
		}
		if err := waitReleased(ctx, folder, record.PID); err != nil {
			return err
		}
		return leftBehind(folder, keepData)
	}
	lock, err := folder.Lock()
	if err != nil {
		return err
	}
	err = cleanUp(ctx, folder, record, keepData)
	return errors.Join(err, lock.Unlock())
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

// AwaitRollback waits until the supervisor of a start that failed has taken
// everything back.
func AwaitRollback(folder state.Folder, client *control.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), supervisor.StopLimit+containers.RemoveLimit)
	defer cancel()
	return waitReleased(ctx, folder, client.PID)
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

// Abort ends a start that the user interrupted, and waits for the rollback.
func Abort(folder state.Folder, client *control.Client) error {
	if err := client.Stop(context.Background(), false); err != nil {
		return err
	}
	return AwaitRollback(folder, client)
}
