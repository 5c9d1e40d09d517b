package component

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"time"
)

// lifelineEnv names the file descriptor of the lifeline in a child's environment.
const lifelineEnv = "DIORAMA_LIFELINE"

// Lifeline returns a context that ends when the process that started this one
// has ended, however it ended: the parent holds the other end of a pipe and
// the kernel closes it. It works alike on Linux and macOS, unlike a parent
// death signal. Without a parent of that kind the context is ctx, and
// supervised is false.
//
// If this process does not end by itself within a grace period after that, it
// is killed: a child that outlives its supervisor would hold ports and locks.
func Lifeline(ctx context.Context) (_ context.Context, supervised bool) {
	fd, err := strconv.Atoi(os.Getenv(lifelineEnv))
	if err != nil {
		return ctx, false
	}
	// The children of this process have no business with the pipe.
	os.Unsetenv(lifelineEnv)
	syscall.CloseOnExec(fd)
	ctx, cancel := context.WithCancel(ctx)
	pipe := os.NewFile(uintptr(fd), "lifeline")
	go func() {
		defer cancel()
		// Nothing is ever written: Read returns when the other end is closed.
		_, _ = pipe.Read(make([]byte, 1))
		time.AfterFunc(2*time.Second, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	}()
	return ctx, true
}
