package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is an exclusive hold on an environment's folder. The kernel gives it
// back when the last process that has it ends, so that it can never be stale.
type Lock struct{ file *os.File }

const (
	lockFile = "lock"
	// lockEnv names the file descriptor of a lock that was passed on.
	lockEnv = "DIORAMA_LOCK"
)

// ErrHeld tells that another process holds the folder.
var ErrHeld = errors.New("another process holds the environment")

// Lock takes the folder's lock or fails with ErrHeld. Someone who only looks
// whether it is held (see Held) has it for a moment, so it is tried for a
// while.
func (f Folder) Lock() (*Lock, error) {
	return again(func() (*Lock, error) { return f.tryLock(unix.LOCK_EX) })
}

// Hold makes the folder, for the user alone, and takes its lock. Whoever removes the
// folder at the same time has removed all of it before.
func (f Folder) Hold() (*Lock, error) {
	lock, err := again(func() (*Lock, error) {
		err := makeDir(f.Path)
		if err == nil {
			var lock *Lock
			if lock, err = f.tryLock(unix.LOCK_EX); err == nil {
				return lock, nil
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrHeld // it, or the folder of all, was removed in between
		}
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	if err := f.Create(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// again tries for a moment to take what another one holds.
func again(take func() (*Lock, error)) (*Lock, error) {
	for range 20 {
		lock, err := take()
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, ErrHeld
}

func (f Folder) tryLock(how int) (*Lock, error) {
	mode := os.O_RDWR
	if how == unix.LOCK_EX {
		mode |= os.O_CREATE
	}
	file, err := os.OpenFile(f.file(lockFile), mode, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the environment's folder (DIORAMA_HOME moves it): %w", err)
	}
	err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
	if err == nil && !f.isLock(file) {
		err = unix.EWOULDBLOCK // the one that was locked is removed
	}
	if err == nil {
		return &Lock{file: file}, nil
	}
	file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrHeld
	}
	return nil, fmt.Errorf("the file system of the environment's folder %s has no locks: %w; "+
		"set DIORAMA_HOME to a folder on a disk of this machine", f.Path, err)
}

// Has tells whether the folder that is there is the one that was locked.
func (f Folder) Has(lock *Lock) bool { return f.isLock(lock.file) }

// isLock tells whether the folder's lock is that file still.
func (f Folder) isLock(file *os.File) bool {
	there, err := os.Stat(f.file(lockFile))
	if err != nil {
		return false
	}
	opened, err := file.Stat()
	return err == nil && os.SameFile(there, opened)
}

// Unlock gives the folder back, unless the lock was passed on to a process that has
// it still.
func (l *Lock) Unlock() error { return l.file.Close() }

// PassOn returns what a process that is to be started needs to have the lock as well:
// its first extra file, and a variable of its environment.
func (l *Lock) PassOn() (file *os.File, variable string) { return l.file, lockEnv + "=3" }

// TakeOver returns the lock that the process which started this one has passed on;
// without one it takes it.
func (f Folder) TakeOver() (*Lock, error) {
	fd, err := strconv.Atoi(os.Getenv(lockEnv))
	if err != nil {
		return f.Lock()
	}
	// The children of this process have no business with it.
	os.Unsetenv(lockEnv)
	syscall.CloseOnExec(fd)
	return &Lock{file: os.NewFile(uintptr(fd), lockFile)}, nil
}

// Held tells whether a process holds the folder.
func (f Folder) Held() (bool, error) {
	if !f.has(lockFile) {
		return false, nil
	}
	// Who looks does not keep out others who do, and makes nothing.
	lock, err := f.tryLock(unix.LOCK_SH)
	if errors.Is(err, ErrHeld) {
		return f.has(lockFile), nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // it was removed meanwhile
	}
	if err != nil {
		return false, err
	}
	return false, lock.Unlock()
}
