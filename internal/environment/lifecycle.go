// Package environment is the life cycle of environments as commands ask for it:
// up, down, and who is there.
package environment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/kinds"
	"github.com/diorama-lab/diorama/internal/kubeconfig"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// pollEvery is how often a folder is looked at while waiting for a supervisor.
const pollEvery = 20 * time.Millisecond

// RunningError tells that an environment of that name is up, or on its way there or
// down.
type RunningError struct{ Record state.Record }

// Error says what runs and what can be done.
func (e *RunningError) Error() string {
	env, since := e.Record.Environment, e.Record.CreatedAt.Format(time.TimeOnly)
	switch e.Record.Phase {
	case state.Starting:
		return fmt.Sprintf("environment %q is being brought up by another diorama (%s, since %s); nothing was changed: "+
			"see how far it is with `diorama status --name %s`, end it with `diorama down --name %s`, "+
			"or bring up another one with --name", env.Name, env.Kind, since, env.Name, env.Name)
	case state.Stopping:
		return fmt.Sprintf("environment %q is going down; nothing was changed: "+
			"`diorama list` shows when that is done, then bring it up", env.Name)
	}
	return fmt.Sprintf("environment %q is already up (%s, %s, %d nodes, %d pods, since %s); nothing was changed: "+
		"see it with `diorama status --name %s`, change its size with `diorama scale --name %s --nodes N`, "+
		"end it with `diorama down --name %s`, or bring up another one with --name",
		env.Name, env.Kind, e.Record.Phase, env.Cluster.Nodes, env.Cluster.Pods, since, env.Name, env.Name, env.Name)
}

// NotFoundError tells that there is no environment of that name.
type NotFoundError struct{ Name string }

// Error says how to get one.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no environment %q; `diorama up --name %s` brings it up, "+
		"`diorama list` shows those that exist", e.Name, e.Name)
}

// Prepared is the folder of an environment that is to be brought up. It is held from
// before the supervisor is there until after it has ended, so that no other up or
// down comes in between.
type Prepared struct {
	state.Folder
	// Left is what an earlier run has left, whose data the environment goes on
	// with; nil if there is nothing.
	Left *state.Record
	lock *state.Lock
}

// Prepare checks that an environment can be brought up, and makes and holds its
// folder. What was prepared is detached, or ends with Close.
func Prepare(ctx context.Context, env v1alpha1.Environment) (*Prepared, error) {
	folder, err := state.Open(env.Name)
	if err != nil {
		return nil, err
	}
	if err := notRunning(folder); err != nil {
		return nil, err
	}
	planned, err := Plan(env, folder)
	if err != nil {
		return nil, err
	}
	for _, check := range []func() error{
		func() error { return checkPorts(env.UsedPorts()) },
		func() error { return planned.Check(ctx) },
		kubeconfig.Check,
		folder.CheckSpace,
		ctx.Err,
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return hold(folder, env)
}

// notRunning returns an error if somebody has the folder, or if it cannot be told.
func notRunning(folder state.Folder) error {
	if !folder.Exists() {
		return nil
	}
	record, alive, err := folder.Read()
	if err == nil && alive {
		return &RunningError{Record: record}
	}
	return err
}

// hold makes and takes the folder, and writes what is to be brought up.
func hold(folder state.Folder, env v1alpha1.Environment) (*Prepared, error) {
	lock, err := folder.Hold()
	if errors.Is(err, state.ErrHeld) {
		// Another up was faster.
		return nil, cmp.Or(notRunning(folder), fmt.Errorf("environment %q: %w; try again", env.Name, err))
	}
	if err != nil {
		return nil, err
	}
	p := &Prepared{Folder: folder, lock: lock}
	if folder.HasRecord() {
		left, err := folder.ReadHeld()
		if err != nil {
			return nil, errors.Join(err, lock.Unlock())
		}
		p.Left = &left
	}
	if err := folder.WriteEnvironment(env); err != nil {
		return nil, errors.Join(err, p.Close(nil, false))
	}
	return p, nil
}

// Close gives the folder back as the next command should find it: if a supervisor
// has not left it so, what it wrote is cleaned up, and a new folder is removed, or
// kept with the failure if it is to be retained.
func (p *Prepared) Close(failure error, retain bool) error {
	return errors.Join(p.leave(failure, retain), p.lock.Unlock())
}

func (p *Prepared) leave(failure error, retain bool) error {
	if !p.Has(p.lock) {
		return nil // it was removed, and may be somebody else's by now
	}
	if !p.HasRecord() {
		if !retain || failure == nil {
			return p.Remove()
		}
		env, err := p.ReadEnvironment()
		return errors.Join(err, p.Write(state.Record{
			Environment: env, Phase: state.Failed, CreatedAt: time.Now(), Message: failure.Error(),
		}))
	}
	record, err := p.ReadHeld()
	if err != nil || record.Phase != state.Crashed {
		return err
	}
	if p.Left != nil && p.Left.CreatedAt.Equal(record.CreatedAt) {
		return nil // no supervisor came as far as a record of its own
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackLimit)
	defer cancel()
	return cleanUp(ctx, p.Folder, record, p.Left != nil)
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
