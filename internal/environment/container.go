package environment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/docker"
)

const (
	// A container takes longer to come than a process.
	containerRestartFirst = time.Second
	// How many seconds a container may take to end by itself.
	containerGrace = 3
	// How often its memory is asked for: an engine takes a second over it.
	containerMeasure = 5 * time.Second
)

// containerEngine is what a container that was made needs of Docker.
type containerEngine interface {
	Logs(ctx context.Context, id string, to io.Writer) error
	Wait(ctx context.Context, id string) (code int, err error)
	Stop(ctx context.Context, id string, seconds int) error
	Memory(ctx context.Context, id string) uint64
}

// container is a supervised Docker container.
type container struct {
	*component.Supervised
	image  string
	engine containerEngine

	mu        sync.Mutex
	memory    uint64
	measuring context.CancelFunc
	measured  sync.WaitGroup
}

// newContainer takes how the container is supervised but for its patience.
func newContainer(config component.SupervisedConfig, planned docker.Spec, shared *containers) *container {
	config.Patience = component.Patience{RestartFirst: containerRestartFirst}
	// The network and the images are there when the first container is made,
	// not before.
	run := func(ctx context.Context) (string, error) {
		spec := planned
		spec.Image = shared.images.find(spec.Image).Name
		return shared.engine.Run(ctx, shared.owner, shared.network, spec)
	}
	return supervisedContainer(config, shared.engine, planned.Image, run)
}

// supervisedContainer makes run, which returns a container's ID, what is
// launched.
func supervisedContainer(
	config component.SupervisedConfig, engine containerEngine, image string, run func(context.Context) (string, error),
) *container {
	config.Launch = func(ctx context.Context) (component.Run, error) {
		return launchContainer(ctx, engine, config.Log, run)
	}
	return &container{Supervised: component.NewSupervised(config), image: image, engine: engine}
}

// Status returns the container's present state.
func (c *container) Status() component.Status {
	s := c.Supervised.Status()
	s.Image = c.image
	if s.Phase != component.Stopped && s.Phase != component.Failed {
		s.Container = c.id()
	}
	return s
}

// id is the present container's, "" if there is none.
func (c *container) id() string {
	if run, ok := c.Present().(*containerRun); ok {
		return run.id
	}
	return ""
}

// Start makes the container, and measures it from then on.
func (c *container) Start(ctx context.Context) error {
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
func (c *container) Stop(ctx context.Context) error {
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
func (c *container) measure(ctx context.Context) {
	ticker := time.NewTicker(containerMeasure)
	defer ticker.Stop()
	for {
		memory := c.engine.Memory(ctx, c.id())
		c.mu.Lock()
		c.memory = memory
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Memory is what the container held a moment ago, in bytes.
func (c *container) Memory() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.memory
}

// containerRun is one life of a container.
type containerRun struct {
	engine containerEngine
	id     string
	exited chan struct{}
	reason string
	// forget ends the watching of a container that is gone.
	forget context.CancelFunc
}

// launchContainer makes a container whose words go to a log.
func launchContainer(
	ctx context.Context, engine containerEngine, logFile string, run func(context.Context) (string, error),
) (*containerRun, error) {
	log, err := component.OpenLog(logFile)
	if err != nil {
		return nil, err
	}
	id, err := run(ctx)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	watching, forget := context.WithCancel(context.Background())
	r := &containerRun{engine: engine, id: id, exited: make(chan struct{}), forget: forget}
	go r.watch(watching, log)
	return r, nil
}

// watch copies a container's log until its end, and notes how it ended.
func (r *containerRun) watch(ctx context.Context, log *os.File) {
	defer close(r.exited)
	defer r.forget()
	logErr := r.engine.Logs(ctx, r.id, log)
	code, err := r.engine.Wait(ctx, r.id)
	r.reason = fmt.Sprintf("exit status %d", code)
	if err := errors.Join(err, logErr, log.Close()); err != nil {
		r.reason = err.Error()
	}
}

// Exited implements component.Run.
func (r *containerRun) Exited() <-chan struct{} { return r.exited }

// Reason implements component.Run.
func (r *containerRun) Reason() string { return r.reason }

// Stop asks the container to end, kills it if it does not, and removes it.
func (r *containerRun) Stop(ctx context.Context) error {
	err := r.engine.Stop(ctx, r.id, containerGrace)
	// One that could not be stopped is not waited for.
	r.forget()
	<-r.exited
	return err
}
