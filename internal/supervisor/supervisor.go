// Package supervisor keeps one environment: it makes the components of its plan,
// starts, watches and stops them, and answers for them on the control socket.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/kinds"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/telemetry"
	"github.com/diorama-lab/diorama/internal/wait"
)

// StopLimit is how long an environment may take to stop or be rolled back.
const StopLimit = 20 * time.Second

// Options say how Run treats an environment.
type Options struct {
	// Observe follows how the start and the stop go; it may be nil.
	Observe func(control.Progress)
	// Retain keeps the folder of an environment that failed to start.
	Retain bool
}

// supervisor runs one environment: it holds the folder's lock, the components
// and the control socket.
type supervisor struct {
	folder   state.Folder
	plan     *plan.Plan
	flow     *telemetry.Flow
	group    *component.Group
	progress *control.Log
	// lifetime ends when the environment is to stop, by stopping.
	lifetime context.Context
	stopping context.CancelFunc

	// existed tells that the folder held data before this start.
	existed bool

	memories memories

	mu     sync.Mutex
	record state.Record
	// unwritten tells that the folder does not have the record as it is.
	unwritten bool
	keepData  bool
	// underWay are the components that are starting, and how far they are.
	underWay map[string]string
}

// Run brings an environment up and keeps it until ctx ends or it is asked to
// stop, and takes it down. The caller holds the folder's lock, and env is valid.
func Run(ctx context.Context, folder state.Folder, env v1alpha1.Environment, options Options) error {
	var ports state.Ports
	internal, err := kinds.PickPorts(&env, &ports)
	if err != nil {
		return errors.Join(err, ports.Release())
	}
	planned, err := kinds.NewPlan(env, folder, internal)
	if err == nil {
		err = run(ctx, folder, planned, options)
	}
	return errors.Join(err, ports.Release())
}

// run does what was planned. The caller holds the folder's lock.
func run(ctx context.Context, folder state.Folder, planned *plan.Plan, options Options) error {
	s, err := newSupervisor(folder, planned)
	if err != nil {
		return err
	}
	if err := s.makeReady(options); err != nil {
		err = errors.Join(err, control.Remove(folder, s.record.Control))
		if s.existed {
			return err // nothing was changed, and what an earlier run has left is there still
		}
		return errors.Join(err, s.leaveFolder(err, nil, options.Retain))
	}
	ctx, s.stopping = context.WithCancel(ctx)
	defer s.stopping()
	s.lifetime = ctx
	closeControl, err := control.Serve(folder, s.record.Control, s)
	if err != nil {
		return errors.Join(err, s.leaveFolder(err, nil, options.Retain))
	}
	failure := s.start(ctx)
	if ctx.Err() != nil && errors.Is(failure, context.Canceled) {
		failure = &endedError{name: planned.Environment.Name}
	}
	if failure == nil {
		s.flow.Read(ctx) // so that up can say what was lost
		s.report(control.Progress{End: true}, options.Observe)
		s.wait(ctx)
	} else {
		slog.Error("the environment did not start", "error", failure)
	}
	stopErr := s.shutdown()
	s.progress.Add(control.Progress{End: true, Error: errorText(errors.Join(failure, stopErr))})
	closeControl()
	return errors.Join(failure, stopErr, s.leaveFolder(failure, stopErr, options.Retain))
}

// endedError tells that an environment was to go down while it was starting.
type endedError struct{ name string }

// Error says so, whatever component was being waited for.
func (e *endedError) Error() string {
	return fmt.Sprintf("environment %q was taken down while it was starting", e.name)
}

// Unwrap makes it one that was asked for.
func (e *endedError) Unwrap() error { return context.Canceled }

// newSupervisor is to run a plan. Nothing of it is there yet.
func newSupervisor(folder state.Folder, planned *plan.Plan) (*supervisor, error) {
	var previous state.Record
	existed := folder.HasRecord()
	if existed {
		var err error
		if previous, _, err = folder.Read(); err != nil {
			return nil, err
		}
	}
	socket, err := control.Path(folder)
	if err != nil {
		return nil, err
	}
	return &supervisor{
		folder: folder, plan: planned, progress: control.NewLog(), existed: existed, underWay: map[string]string{},
		flow: telemetry.NewFlow(planned.Telemetry),
		record: state.Record{
			Environment: planned.Environment, Phase: state.Starting, PID: os.Getpid(), CreatedAt: time.Now(),
			Control: socket, Internal: planned.Internal, Context: previous.Context,
		},
	}, nil
}

// makeReady connects to what the plan needs, makes its components and writes the
// record. Nothing is started.
func (s *supervisor) makeReady(options Options) error {
	if err := s.plan.Connect(context.Background()); err != nil {
		// What could not be reached has nothing of ours to release.
		s.plan.Release = func(bool) error { return nil }
		return err
	}
	if err := s.makeComponents(options.Observe); err != nil {
		return err
	}
	return s.folder.Write(s.record)
}

// makeComponents makes those of the plan. None of them is started.
func (s *supervisor) makeComponents(also func(control.Progress)) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this executable: %w", err)
	}
	host := plan.Host{
		Executable: executable, Folder: s.folder, Report: s.detail, Context: s.context, SetContext: s.setContext,
		Waits: func(name string) bool { return s.group.Waits(name) },
	}
	var all []component.Component
	for _, c := range s.plan.Components {
		all = append(all, c.Make(host))
	}
	group, err := component.NewGroup(func(e component.Event) { s.observe(e, also) }, all...)
	s.group = group
	return err
}

func (s *supervisor) observe(e component.Event, also func(control.Progress)) {
	p := control.Progress{Component: e.Component, Phase: e.Phase, Took: e.Took}
	if e.Err != nil {
		p.Error = e.Err.Error()
	}
	slog.Info("component", "name", e.Component, "phase", e.Phase, "took", e.Took)
	s.mu.Lock()
	delete(s.underWay, e.Component)
	if e.Phase == component.Starting {
		s.underWay[e.Component] = ""
	}
	s.mu.Unlock()
	s.report(p, also)
}

func (s *supervisor) report(p control.Progress, also func(control.Progress)) {
	s.progress.Add(p)
	if also != nil {
		also(p)
	}
}

// detail reports how far a component's start is.
func (s *supervisor) detail(name, text string) {
	s.mu.Lock()
	if _, starting := s.underWay[name]; starting {
		s.underWay[name] = text
	}
	s.mu.Unlock()
	s.progress.Add(control.Progress{Component: name, Detail: text})
}

func (s *supervisor) start(ctx context.Context) error {
	began := time.Now()
	if err := errors.Join(s.plan.WriteFiles(), s.plan.Prepare()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.plan.StartLimit())
	defer cancel()
	if err := s.group.Start(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record.Phase, s.record.StartedIn = state.Ready, time.Since(began)
	return s.folder.Write(s.record)
}

// wait returns when the environment is to stop. The phase follows from the
// components until then.
func (s *supervisor) wait(ctx context.Context) {
	var following sync.WaitGroup
	following.Go(func() { s.followHealth(ctx) })
	s.flow.Run(ctx)
	following.Wait()
}

// healthEvery is how often the phase is taken from the components.
const healthEvery = time.Second

// followHealth writes down the phase whenever it changes.
func (s *supervisor) followHealth(ctx context.Context) {
	wait.Every(ctx, healthEvery, func(ctx context.Context) {
		all, _ := s.allStatuses(ctx, false)
		phase, message := s.health(all)
		s.mu.Lock()
		changed := phase != s.record.Phase || message != s.record.Message
		unwritten := s.unwritten
		s.mu.Unlock()
		if changed {
			slog.Info("the environment", "phase", phase, "message", message)
		}
		if changed || unwritten {
			s.setPhase(phase, message)
		}
	})
}

func (s *supervisor) setPhase(phase state.Phase, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record.Phase, s.record.Message = phase, message
	err := s.folder.Write(s.record)
	if err != nil && !s.unwritten { // it is tried again each second
		slog.Error("the state could not be written", "error", err)
	}
	s.unwritten = err != nil
}

// Hurry implements control.Supervisor. What is started may lack its configuration.
func (s *supervisor) Hurry() {
	if err := s.plan.WriteFiles(); err != nil {
		slog.Error("the configurations could not be written again", "error", err)
	}
	s.group.Hurry()
}

// Stop implements control.Supervisor.
func (s *supervisor) Stop(keepData bool) {
	s.mu.Lock()
	s.keepData = keepData
	s.mu.Unlock()
	s.stopping()
}

// shutdown stops what was started, under a context of its own: the one that
// ended must not keep the rollback from happening.
func (s *supervisor) shutdown() error {
	s.setPhase(state.Stopping, "")
	ctx, cancel := context.WithTimeout(context.Background(), StopLimit)
	defer cancel()
	return s.group.Stop(ctx)
}

// leaveFolder releases what the components shared, and leaves the folder as the
// next command should find it. What could not be taken back keeps it there: it says
// what is left, so that down can try again.
func (s *supervisor) leaveFolder(failure, stopErr error, retain bool) error {
	s.mu.Lock()
	keep := s.keepData || (failure != nil && s.existed)
	s.mu.Unlock()
	retain = retain && failure != nil && !errors.Is(failure, context.Canceled)
	releaseErr := s.plan.Release(keep || retain)
	// What a component could not take back has ended with this process, or is
	// released with what they share; but the user's kubeconfig is not.
	left := releaseErr
	if s.context() != nil {
		left = errors.Join(stopErr, releaseErr)
	}
	switch {
	case retain || left != nil:
		s.setPhase(state.Failed, errors.Join(failure, left).Error())
		return releaseErr
	case keep:
		s.setPhase(state.Stopped, errorText(failure))
		if failure != nil {
			return nil // the logs say more
		}
		return s.folder.RemoveAllButData()
	}
	return s.folder.Remove()
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// setContext notes the change to the user's kubeconfig, so that down can take it
// back even if this process is gone by then.
func (s *supervisor) setContext(c *state.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record.Context = c
	return s.folder.Write(s.record)
}

// context returns the change to the user's kubeconfig, nil if there is none.
func (s *supervisor) context() *state.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.Context
}

// Progress implements control.Supervisor.
func (s *supervisor) Progress(ctx context.Context, emit func(control.Progress) error) error {
	return s.progress.Follow(ctx, emit)
}

// Scale implements control.Supervisor.
func (s *supervisor) Scale(size control.Size, emit func(control.Progress) error) error {
	env := s.plan.Environment
	s.mu.Lock()
	phase := s.record.Phase
	env.Cluster = s.record.Environment.Cluster
	s.mu.Unlock()
	if phase != state.Ready && phase != state.Degraded {
		return fmt.Errorf("the environment is %s; scale it when it is Ready", phase)
	}
	if fixed := s.plan.Cluster.Fixed; fixed != "" {
		return errors.New(fixed)
	}
	env.Cluster.Nodes, env.Cluster.Pods = size.Nodes, size.Pods
	if err := env.Validate(); err != nil {
		return err
	}
	report := func(text string) {
		// What a client that has gone does not read is in the log.
		slog.Info("scaling", "progress", text)
		_ = emit(control.Progress{Component: "cluster", Detail: text})
	}
	return s.plan.Cluster.Scale(s.lifetime, env.Cluster, func() error {
		report(fmt.Sprintf("towards %d nodes and %d pods", size.Nodes, size.Pods))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.record.Environment.Cluster = env.Cluster
		return s.folder.Write(s.record)
	}, report)
}
