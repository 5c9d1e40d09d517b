package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/docker"
)

// Limits of a container's life; they are a process's (see component.Process),
// slower because a container takes longer to come.
const (
	containerRestartFirst = time.Second
	containerRestartMost  = 10 * time.Second
	containerSettled      = time.Minute
	containerRestartLimit = 8
	// How many seconds a container may take to end by itself.
	containerGrace = 3
	// How often its memory is asked for: an engine takes a second over it.
	containerMeasure = 5 * time.Second
)

// container is a supervised Docker container: it is made anew, with back-off,
// when it ends unasked.
type container struct {
	spec   docker.Spec
	name   string
	needs  []string
	log    string
	probe  func(ctx context.Context) error
	shared *containers
	died   chan error

	mu       sync.Mutex
	id       string
	phase    component.Phase
	message  string
	restarts int
	memory   uint64
	// exited is closed when the present container has ended; reason says how.
	exited chan struct{}
	reason string
	// life ends when the container is to go.
	life context.Context
	end  context.CancelFunc
	done chan struct{}
}

func newContainer(planned Planned, log string, probe func(context.Context) error, shared *containers) *container {
	return &container{
		spec: *planned.Container, name: planned.Name, needs: planned.Needs, log: log, probe: probe, shared: shared,
		phase: component.Waiting, died: make(chan error, 1),
	}
}

// Name implements component.Component.
func (c *container) Name() string { return c.name }

// Needs implements component.Component.
func (c *container) Needs() []string { return c.needs }

// Died implements component.Component.
func (c *container) Died() <-chan error { return c.died }

// Status returns the container's present state.
func (c *container) Status() component.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := component.Status{Name: c.name, Phase: c.phase, Restarts: c.restarts, Log: c.log, Message: c.message, Image: c.spec.Image}
	if c.phase != component.Stopped && c.phase != component.Failed {
		s.Container = c.id
	}
	return s
}

// Start makes the container and the goroutine that keeps it alive.
func (c *container) Start(ctx context.Context) error {
	c.mu.Lock()
	if c.life != nil {
		c.mu.Unlock()
		return errors.New("is started already")
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.done = make(chan struct{})
	c.phase = component.Starting
	c.mu.Unlock()
	if err := c.run(ctx); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.phase = component.Failed
		close(c.done)
		return err
	}
	go c.supervise()
	go c.measure(c.life)
	return nil
}

// measure asks for the container's memory until ctx ends.
func (c *container) measure(ctx context.Context) {
	for {
		c.mu.Lock()
		id := c.id
		c.mu.Unlock()
		memory := c.shared.engine.Memory(ctx, id)
		c.mu.Lock()
		c.memory = memory
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(containerMeasure):
		}
	}
}

// Memory is what the container held a moment ago, in bytes.
func (c *container) Memory() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.memory
}

// run makes one container. It holds the lock only in the end: an engine may
// take long, and the status is not to wait for it.
func (c *container) run(ctx context.Context) error {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	spec := c.spec
	spec.Image = c.shared.images.find(spec.Image).Name
	id, err := c.shared.engine.Run(ctx, c.shared.owner, c.shared.network, spec)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id, c.exited = id, make(chan struct{})
	go c.watch(id, log, c.exited)
	return nil
}

// watch copies a container's log until its end, and notes how it ended.
func (c *container) watch(id string, log *os.File, exited chan struct{}) {
	defer close(exited)
	logErr := c.shared.engine.Logs(c.life, id, log)
	code, err := c.shared.engine.Wait(c.life, id)
	reason := fmt.Sprintf("exit status %d", code)
	if err := errors.Join(err, logErr, log.Close()); err != nil {
		reason = err.Error()
	}
	c.mu.Lock()
	c.reason = reason
	c.mu.Unlock()
}

// supervise makes the container anew until its life ends or the limit is
// reached.
func (c *container) supervise() {
	defer close(c.done)
	delay, failures := containerRestartFirst, 0
	for {
		born := time.Now()
		c.mu.Lock()
		exited := c.exited
		c.mu.Unlock()
		select {
		case <-c.life.Done():
			return
		case <-exited:
		}
		if time.Since(born) > containerSettled {
			delay, failures = containerRestartFirst, 0
		}
		for {
			failures++
			if !c.ended(failures) {
				return
			}
			select {
			case <-c.life.Done():
				return
			case <-time.After(delay):
			}
			delay = min(2*delay, containerRestartMost)
			if c.again() {
				break
			}
		}
	}
}

// ended notes that the container ended unasked, and whether another one is to
// be made.
func (c *container) ended(failures int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return false
	}
	c.message = "ended: " + c.reason
	if c.phase == component.Starting || failures >= containerRestartLimit {
		// Ready tells about a first start that failed; later, Died does.
		if c.phase != component.Starting {
			c.died <- fmt.Errorf("%s ended %d times in a row, last: %s", c.name, failures, c.reason)
		}
		c.phase = component.Failed
		return false
	}
	c.phase = component.Restarting
	return true
}

// again makes another container, and waits for it in the background. It may
// fail for a while: when the engine itself is restarted.
func (c *container) again() bool {
	err := c.run(c.life)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.reason = err.Error()
		return false
	}
	c.restarts++
	life := c.life
	go func() {
		if c.await(life) != nil {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.phase == component.Restarting {
			c.phase, c.message = component.Ready, ""
		}
	}()
	return true
}

// Ready waits until the probe succeeds. If the container ends first, the error
// says how.
func (c *container) Ready(ctx context.Context) error {
	if err := c.await(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = component.Ready
	return nil
}

func (c *container) await(ctx context.Context) error {
	c.mu.Lock()
	exited := c.exited
	c.mu.Unlock()
	return component.Await(ctx, c.probe, exited, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		return &component.ExitError{Reason: c.reason, Log: c.log}
	}, c.log)
}

// Stop asks the container to end, kills it if it does not, and removes it.
func (c *container) Stop(ctx context.Context) error {
	c.mu.Lock()
	if c.life == nil {
		c.mu.Unlock()
		return nil
	}
	// supervise is to take no notice of the end.
	c.end()
	done := c.done
	c.phase = component.Stopping
	c.mu.Unlock()
	<-done
	// supervise may have made another one before it ended.
	c.mu.Lock()
	id, exited := c.id, c.exited
	c.mu.Unlock()
	var err error
	if id != "" {
		err = c.shared.engine.Stop(ctx, id, containerGrace)
		<-exited
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase, c.life = component.Stopped, nil
	return err
}

// signal sends a signal to the container's first process.
func (c *container) signal(ctx context.Context, signal string) error {
	c.mu.Lock()
	id := c.id
	c.mu.Unlock()
	return c.shared.engine.Signal(ctx, id, signal)
}
