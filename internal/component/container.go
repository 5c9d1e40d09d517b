package component

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/logfile"
	"github.com/diorama-lab/diorama/internal/wait"
)

const (
	// A container takes longer to come than a process.
	containerRestartFirst = time.Second
	// How many seconds a container may take to end by itself.
	containerGrace = 3
	// How often its memory is asked for: an engine takes a second over it.
	containerMeasure = 5 * time.Second
)

// ContainerEngine is what a container that was created needs of Docker.
type ContainerEngine interface {
	// Logs copies what a container says until it has ended.
	Logs(ctx context.Context, id string, to io.Writer) error
	// Wait returns how a container ended, once it has.
	Wait(ctx context.Context, id string) (code int, err error)
	// Stop asks a container to end, kills one that has not after so many
	// seconds, and removes it.
	Stop(ctx context.Context, id string, seconds int) error
	// Memory is what a container holds, in bytes; 0 if that is not known.
	Memory(ctx context.Context, id string) uint64
}

// ContainerConfig describes a container.
type ContainerConfig struct {
	Name  string
	Needs []string
	// Log is the file that takes stdout and stderr.
	Log string
	// Image is what it runs, for its Status.
	Image  string
	Engine ContainerEngine
	// Create makes and starts a container, and returns its ID. It is called for
	// each run, when all that the component needs is there.
	Create func(ctx context.Context) (id string, err error)
	// Probe, Waits and Patience are those of a Supervised.
	Probe    func(ctx context.Context) error
	Waits    func() bool
	Patience Patience
}

// Container is a supervised container.
type Container struct {
	*Supervised
	config ContainerConfig

	mu        sync.Mutex
	memory    uint64
	measuring context.CancelFunc
	measured  sync.WaitGroup
}

// NewContainer returns a container that is not created yet.
func NewContainer(config ContainerConfig) *Container {
	patience := config.Patience
	patience.RestartFirst = cmp.Or(patience.RestartFirst, containerRestartFirst)
	return &Container{config: config, Supervised: NewSupervised(SupervisedConfig{
		Name: config.Name, Needs: config.Needs, Log: config.Log, Probe: config.Probe, Waits: config.Waits,
		Patience: patience,
		Launch:   func(ctx context.Context) (Run, error) { return launch(ctx, config) },
	})}
}

// Status returns the container's present state.
func (c *Container) Status() Status {
	s := c.Supervised.Status()
	s.Image = c.config.Image
	if s.Phase != Stopped && s.Phase != Failed {
		s.Container = c.ID()
	}
	return s
}

// ID is the present container's, "" if there is none.
func (c *Container) ID() string {
	if run, ok := c.Present().(*containerRun); ok {
		return run.id
	}
	return ""
}

// Start creates the container, and measures it from then on.
func (c *Container) Start(ctx context.Context) error {
	if err := c.Supervised.Start(ctx); err != nil {
		return err
	}
	measuring, stop := context.WithCancel(context.Background())
	c.mu.Lock()
	c.measuring = stop
	c.mu.Unlock()
	c.measured.Go(func() { c.measure(measuring) })
	return nil
}

// Stop ends the container, and what measures it.
func (c *Container) Stop(ctx context.Context) error {
	c.mu.Lock()
	stop := c.measuring
	c.mu.Unlock()
	if stop != nil {
		stop()
		c.measured.Wait()
	}
	return c.Supervised.Stop(ctx)
}

// measure asks for the container's memory until ctx ends.
func (c *Container) measure(ctx context.Context) {
	wait.Every(ctx, containerMeasure, func(ctx context.Context) {
		memory := c.config.Engine.Memory(ctx, c.ID())
		c.mu.Lock()
		defer c.mu.Unlock()
		c.memory = memory
	})
}

// Memory is what the container held a moment ago, in bytes.
func (c *Container) Memory() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.memory
}

// containerRun is one life of a container.
type containerRun struct {
	engine ContainerEngine
	id     string
	exited chan struct{}
	reason string
	// forget ends the watching of a container that is gone.
	forget context.CancelFunc
}

// launch creates a container whose output goes to the log.
func launch(ctx context.Context, config ContainerConfig) (*containerRun, error) {
	log, err := logfile.Open(config.Log)
	if err != nil {
		return nil, err
	}
	id, err := config.Create(ctx)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	watching, forget := context.WithCancel(context.Background())
	r := &containerRun{engine: config.Engine, id: id, exited: make(chan struct{}), forget: forget}
	go r.watch(watching, log)
	return r, nil
}

// watch copies a container's log until its end, and notes how it ended.
func (r *containerRun) watch(ctx context.Context, log *logfile.Log) {
	defer close(r.exited)
	defer r.forget()
	logErr := r.engine.Logs(ctx, r.id, log)
	code, err := r.engine.Wait(ctx, r.id)
	r.reason = fmt.Sprintf("exit status %d", code)
	if err := errors.Join(err, logErr, log.Close()); err != nil {
		r.reason = err.Error()
	}
}

// Exited implements Run.
func (r *containerRun) Exited() <-chan struct{} { return r.exited }

// Reason implements Run.
func (r *containerRun) Reason() string { return r.reason }

// Stop asks the container to end, kills it if it does not, and removes it.
func (r *containerRun) Stop(ctx context.Context) error {
	err := r.engine.Stop(ctx, r.id, containerGrace)
	// One that could not be stopped is not waited for.
	r.forget()
	<-r.exited
	return err
}
