package component

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/diorama-lab/diorama/internal/logfile"
)

// How long a process may take to end after SIGTERM.
const stopGrace = 5 * time.Second

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
	// Probe, Waits and Patience are those of a Supervised.
	Probe    func(ctx context.Context) error
	Waits    func() bool
	Patience Patience
}

// Process is a supervised child process. It ends with this process, however
// this process ends (see Lifeline).
type Process struct {
	*Supervised
}

// NewProcess returns a process that is not started yet.
func NewProcess(config ProcessConfig) *Process {
	return &Process{NewSupervised(SupervisedConfig{
		Name: config.Name, Needs: config.Needs, Log: config.Log, Probe: config.Probe, Waits: config.Waits,
		Patience: config.Patience,
		Launch:   func(context.Context) (Run, error) { return spawn(config) },
	})}
}

// Status returns the process's present state.
func (p *Process) Status() Status {
	s := p.Supervised.Status()
	if run, ok := p.Present().(*childRun); ok && s.Phase != Stopped && s.Phase != Failed {
		s.PID = run.cmd.Process.Pid
	}
	return s
}

// childRun is one life of a process.
type childRun struct {
	cmd *exec.Cmd
	// exited is closed when it has ended and exitErr says how.
	exited  chan struct{}
	exitErr error
}

func spawn(config ProcessConfig) (*childRun, error) {
	log, err := logfile.OpenFile(config.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the lifeline: %w", err)
	}
	defer read.Close()
	cmd := exec.Command(config.Path, config.Args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(append(os.Environ(), config.Env...), lifelineEnv+"=3", logfile.Variable(config.Log))
	cmd.ExtraFiles = []*os.File{read}
	// An own process group, so that Ctrl-C on a terminal reaches only us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, fmt.Errorf("starting %s: %w", config.Path, err)
	}
	c := &childRun{cmd: cmd, exited: make(chan struct{})}
	go func() {
		c.exitErr = cmd.Wait()
		write.Close()
		close(c.exited)
	}()
	return c, nil
}

// Exited implements Run.
func (c *childRun) Exited() <-chan struct{} { return c.exited }

// Reason implements Run.
func (c *childRun) Reason() string {
	if c.exitErr == nil {
		return "exit status 0"
	}
	return c.exitErr.Error()
}

// Stop asks the child to end, and makes it end when stopGrace or ctx is over.
func (c *childRun) Stop(ctx context.Context) error {
	select {
	case <-c.exited:
		return nil
	default:
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("asking process %d to end: %w", c.cmd.Process.Pid, err)
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
	case <-grace.C:
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing process %d: %w", c.cmd.Process.Pid, err)
	}
	<-c.exited
	return nil
}
