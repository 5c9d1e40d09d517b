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

	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/logfile"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/supervisor"
)

// rollbackLimit is how long a supervisor may take to take back what it started.
const rollbackLimit = supervisor.StopLimit + containers.RemoveLimit

// Detach starts a supervisor that outlives this process, for what was prepared, and
// waits until it answers. The folder is its own then. Its words go to its log. Of one
// that does not come so far nothing is left, unless it is to be retained. When ctx ends
// first, the error is that of ctx, or says what could not be taken back.
func Detach(ctx context.Context, p *Prepared, retain bool) (*control.Client, error) {
	client, err := p.detach(ctx, retain)
	if err == nil {
		return client, p.lock.Unlock()
	}
	left := p.Close(err, retain && ctx.Err() == nil)
	if errors.Is(err, context.Canceled) {
		return nil, cmp.Or(left, err)
	}
	return nil, errors.Join(err, left)
}

func (p *Prepared) detach(ctx context.Context, retain bool) (*control.Client, error) {
	log, err := os.OpenFile(p.Log("supervisor"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the supervisor's log: %w", err)
	}
	defer log.Close()
	begins, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("opening the supervisor's log: %w", err)
	}
	cmd, err := p.command(log, retain)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting the supervisor: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for {
		if record, alive, err := p.Read(); err == nil && alive && record.PID == cmd.Process.Pid {
			if control.Answers(record.Control) {
				return control.NewClient(record), nil
			}
		}
		select {
		case ended := <-exited:
			return nil, supervisorError(ended, io.NewSectionReader(log, begins, math.MaxInt64-begins))
		case <-ctx.Done():
			return nil, cmp.Or(end(cmd.Process, exited, rollbackLimit), ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

// command is the supervisor, which has the folder's lock too.
func (p *Prepared) command(log *os.File, retain bool) (*exec.Cmd, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this executable: %w", err)
	}
	args := []string{"supervise", "--name", p.Name}
	if retain {
		args = append(args, "--retain")
	}
	lock, variable := p.lock.PassOn()
	cmd := exec.Command(executable, args...)
	cmd.Env = append(os.Environ(), variable, logfile.Variable(p.Log("supervisor")))
	cmd.ExtraFiles = []*os.File{lock}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

// end asks a supervisor to end, and makes it end when it takes too long: what it has
// started ends with it.
func end(process *os.Process, exited <-chan error, limit time.Duration) error {
	patience := time.NewTimer(limit)
	defer patience.Stop()
	if err := process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("asking the supervisor (pid %d) to end: %w", process.Pid, err)
	}
	select {
	case <-exited:
		return nil
	case <-patience.C:
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing the supervisor (pid %d), which did not end within %s: %w", process.Pid, limit, err)
	}
	<-exited
	return nil
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
	return fmt.Errorf("the supervisor ended at once: %s", logfile.LastLines(data))
}

// AwaitRollback waits until the supervisor of a start that failed has taken
// everything back.
func AwaitRollback(folder state.Folder, client *control.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackLimit)
	defer cancel()
	if err := waitReleased(ctx, folder, client.PID); err != nil {
		return err
	}
	return killed(folder)
}

// killed returns an error if the folder is that of a supervisor which was killed.
func killed(folder state.Folder) error {
	if !folder.Exists() {
		return nil
	}
	record, _, err := folder.Read()
	if err == nil && record.Phase == state.Crashed {
		err = fmt.Errorf("the supervisor of %q was killed: `diorama up --name %s` goes on with its data, "+
			"`diorama down --name %s` removes what is left", folder.Name, folder.Name, folder.Name)
	}
	return err
}

// Abort ends a start that the user interrupted, and waits for the rollback; keepData
// keeps what was there before. One that has ended by itself meanwhile need not be asked.
func Abort(folder state.Folder, client *control.Client, keepData bool) error {
	asked := client.Stop(context.Background(), keepData)
	if held, err := folder.Held(); asked != nil && (held || err != nil) {
		return errors.Join(asked, err)
	}
	if err := AwaitRollback(folder, client); err != nil {
		return err
	}
	return leftBehind(folder, keepData)
}
