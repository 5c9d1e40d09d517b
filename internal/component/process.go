package component

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Limits of a process's life.
const (
	probeEvery = 50 * time.Millisecond
	// A process that ends is started again after restartFirst, then after
	// twice as long each time, at most restartMost; a process that has lived
	// for settled begins anew.
	restartFirst = 200 * time.Millisecond
	restartMost  = 10 * time.Second
	settled      = time.Minute
	// A process that ends this often without settling is given up.
	restartLimit = 12
	// How long a process may take to end after SIGTERM.
	stopGrace = 5 * time.Second
	// A log larger than this is set aside when its process starts.
	logLimit = 16 << 20
)

// ProcessConfig describes a child process. It is a plain value: a plan can
// print it.
type ProcessConfig struct {
	Name  string
	Needs []string
	// Path is the executable, Args what follows it.
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Log is the file that takes stdout and stderr.
	Log string
	// Probe asks the process's own API whether it works; nil means that a
	// running process is a ready one.
	Probe func(ctx context.Context) error
}

// Process is a supervised child process: it is started again, with back-off,
// when it ends unasked. It ends with this process, however this process ends
// (see Lifeline).
type Process struct {
	config ProcessConfig
	died   chan error

	mu       sync.Mutex
	cmd      *exec.Cmd
	lifeline *os.File
	phase    Phase
	message  string
	restarts int
	// exited is closed when the present child has ended and exitErr says how.
	exited  chan struct{}
	exitErr error
	stop    chan struct{}
	done    chan struct{}
}

// NewProcess returns a process that is not started yet.
func NewProcess(config ProcessConfig) *Process {
	return &Process{config: config, phase: Waiting, died: make(chan error, 1)}
}

// Name implements Component.
func (p *Process) Name() string { return p.config.Name }

// Needs implements Component.
func (p *Process) Needs() []string { return p.config.Needs }

// Died delivers an error once the process has been given up.
func (p *Process) Died() <-chan error { return p.died }

// Status returns the process's present state.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{Name: p.config.Name, Phase: p.phase, Restarts: p.restarts, Log: p.config.Log, Message: p.message}
	if p.cmd != nil && p.cmd.Process != nil && p.phase != Stopped && p.phase != Failed {
		s.PID = p.cmd.Process.Pid
	}
	return s
}

// Start starts the child and the goroutine that keeps it alive.
func (p *Process) Start(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return errors.New("is started already")
	}
	if err := p.spawn(); err != nil {
		p.phase = Failed
		return err
	}
	p.phase = Starting
	p.stop, p.done = make(chan struct{}), make(chan struct{})
	go p.supervise(p.stop, p.done)
	return nil
}

// spawn starts one child. The caller holds the lock.
func (p *Process) spawn() error {
	setAside(p.config.Log)
	log, err := os.OpenFile(p.config.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making the lifeline: %w", err)
	}
	defer read.Close()
	cmd := exec.Command(p.config.Path, p.config.Args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(append(os.Environ(), p.config.Env...), lifelineEnv+"=3")
	cmd.ExtraFiles = []*os.File{read}
	// An own process group, so that Ctrl-C on a terminal reaches only us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		write.Close()
		return fmt.Errorf("starting %s: %w", p.config.Path, err)
	}
	exited := make(chan struct{})
	p.cmd, p.lifeline, p.exited = cmd, write, exited
	go func() {
		err := cmd.Wait()
		write.Close()
		p.mu.Lock()
		p.exitErr = err
		p.mu.Unlock()
		close(exited)
	}()
	return nil
}

func setAside(log string) {
	if info, err := os.Stat(log); err == nil && info.Size() > logLimit {
		// A log that cannot be moved goes on growing; opening it will tell
		// if something is wrong with the folder.
		_ = os.Rename(log, log+".1")
	}
}

// supervise restarts the child until stop is closed or the limit is reached.
func (p *Process) supervise(stop, done chan struct{}) {
	defer close(done)
	delay, failures := restartFirst, 0
	for {
		born := time.Now()
		p.mu.Lock()
		exited := p.exited
		p.mu.Unlock()
		select {
		case <-stop:
			return
		case <-exited:
		}
		if time.Since(born) > settled {
			delay, failures = restartFirst, 0
		}
		failures++
		if !p.ended(failures) {
			return
		}
		select {
		case <-stop:
			return
		case <-time.After(delay):
		}
		delay = min(2*delay, restartMost)
		if !p.respawn(stop) {
			return
		}
		go p.probeAgain(stop)
	}
}

// ended notes that the child ended unasked, and whether it is to be started again.
func (p *Process) ended(failures int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.message = "ended: " + describeExit(p.exitErr)
	if p.phase == Starting || failures >= restartLimit {
		// Ready tells about a first start that failed; later, Died does.
		if p.phase != Starting {
			p.died <- fmt.Errorf("%s ended %d times in a row, last: %s", p.config.Name, failures, describeExit(p.exitErr))
		}
		p.phase = Failed
		return false
	}
	p.phase = Restarting
	return true
}

func (p *Process) respawn(stop chan struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-stop:
		return false
	default:
	}
	if err := p.spawn(); err != nil {
		p.phase, p.message = Failed, err.Error()
		p.died <- fmt.Errorf("%s cannot be started again: %w", p.config.Name, err)
		return false
	}
	p.restarts++
	return true
}

// probeAgain sets the phase back to Ready once a restarted child answers.
func (p *Process) probeAgain(stop chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	if p.waitProbe(ctx) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == Restarting {
		p.phase, p.message = Ready, ""
	}
}

// Ready waits until the probe succeeds. If the child ends first, the error
// says how.
func (p *Process) Ready(ctx context.Context) error {
	if err := p.waitProbe(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = Ready
	return nil
}

func (p *Process) waitProbe(ctx context.Context) error {
	p.mu.Lock()
	exited := p.exited
	p.mu.Unlock()
	if exited == nil {
		return errors.New("is not started")
	}
	return Await(ctx, p.config.Probe, exited, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		return &ExitError{Reason: describeExit(p.exitErr), Log: p.config.Log}
	}, p.config.Log)
}

// Await calls probe until it succeeds; nil is a probe that does. If exited is
// closed first the error is that of ended, if ctx ends first it is a
// NotReadyError with the last lines of a log.
func Await(ctx context.Context, probe func(context.Context) error, exited <-chan struct{}, ended func() error, log string) error {
	var last error
	for {
		if probe == nil {
			return nil
		}
		once, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := probe(once)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
			last = err
		}
		select {
		case <-exited:
			return ended()
		case <-ctx.Done():
			return &NotReadyError{Cause: ctx.Err(), Last: last, Log: log}
		case <-time.After(probeEvery):
		}
	}
}

// Stop asks the child to end, and makes it end when stopGrace or ctx is over.
func (p *Process) Stop(ctx context.Context) error {
	p.mu.Lock()
	stop, done := p.stop, p.done
	if stop == nil {
		p.mu.Unlock()
		return nil
	}
	select {
	case <-stop:
	default:
		close(stop)
	}
	p.mu.Unlock()
	<-done
	// The goroutine may have put a new child in place before it ended.
	p.mu.Lock()
	exited, cmd := p.exited, p.cmd
	p.phase = Stopping
	p.mu.Unlock()
	err := terminate(ctx, cmd, exited)
	p.mu.Lock()
	p.phase, p.stop = Stopped, nil
	p.mu.Unlock()
	return err
}

func terminate(ctx context.Context, cmd *exec.Cmd, exited <-chan struct{}) error {
	select {
	case <-exited:
		return nil
	default:
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("asking process %d to end: %w", cmd.Process.Pid, err)
	}
	select {
	case <-exited:
		return nil
	case <-ctx.Done():
	case <-time.After(stopGrace):
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing process %d: %w", cmd.Process.Pid, err)
	}
	<-exited
	return nil
}

func describeExit(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
