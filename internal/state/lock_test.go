package state

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
)

// Whoever holds a folder has one that nobody removes, or has removed in part.
func TestHoldWhileOthersRemove(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder, err := Open("one")
	if err != nil {
		t.Fatal(err)
	}
	var holders, rounds atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				lock, err := folder.Hold()
				if errors.Is(err, ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold it", n)
				}
				if err := errors.Join(folder.WriteEnvironment(v1alpha1.Default()), folder.Write(Record{})); err != nil {
					t.Error(err)
				}
				rounds.Add(1)
				holders.Add(-1)
				if err := errors.Join(folder.Remove(), lock.Unlock()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if rounds.Load() == 0 || folder.Exists() {
		t.Errorf("held %d times; it is left: %t", rounds.Load(), folder.Exists())
	}
}

// A lock of a folder that was removed is not that of the folder that is there now.
func TestLockOfARemovedFolder(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "one")
	old, err := folder.Hold()
	if err != nil {
		t.Fatal(err)
	}
	if !folder.Has(old) {
		t.Error("it is not held")
	}
	if err := folder.Remove(); err != nil {
		t.Fatal(err)
	}
	next, err := folder.Hold()
	if err != nil || folder.Has(old) || !folder.Has(next) {
		t.Errorf("%v; the old one is taken for its lock: %t", err, folder.Has(old))
	}
	if err := errors.Join(old.Unlock(), next.Unlock()); err != nil {
		t.Error(err)
	}
}

// Who looks keeps neither others who look nor an owner out.
func TestHeldIsForManyToAsk(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "one")
	if err := folder.Write(Record{Phase: Ready}); err != nil {
		t.Fatal(err)
	}
	lock, err := folder.Lock()
	if err == nil {
		err = lock.Unlock()
	}
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if record, alive, err := folder.Read(); alive || record.Phase != Crashed || err != nil {
					t.Errorf("it is %s, alive %t, %v", record.Phase, alive, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A lock that is passed on holds until both who have it are done.
func TestLockIsPassedOn(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "one")
	lock, err := folder.Lock()
	if err != nil {
		t.Fatal(err)
	}
	file, variable := lock.PassOn()
	cmd := exec.Command("cat")
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), variable), []*os.File{file}
	end, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cmd.Start(), lock.Unlock()); err != nil {
		t.Fatal(err)
	}
	if held, err := folder.Held(); !held || err != nil {
		t.Errorf("with the other process: held %t, %v", held, err)
	}
	if err := errors.Join(end.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if held, err := folder.Held(); held || err != nil {
		t.Errorf("after it: held %t, %v", held, err)
	}
}

// TestTakeOver is the side of the process that a lock is passed on to.
func TestTakeOver(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "one")
	lock, err := folder.TakeOver()
	if err != nil {
		t.Fatal("without one that was passed on:", err)
	}
	fd, err := syscall.Dup(int(lock.file.Fd()))
	if err == nil {
		err = lock.Unlock()
	}
	if err != nil {
		t.Fatal(err)
	}
	if held, err := folder.Held(); !held || err != nil {
		t.Fatalf("held %t, %v", held, err)
	}
	t.Setenv(lockEnv, strconv.Itoa(fd))
	lock, err = folder.TakeOver()
	if err != nil || os.Getenv(lockEnv) != "" {
		t.Fatalf("%v; its children have %q", err, os.Getenv(lockEnv))
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if held, err := folder.Held(); held || err != nil {
		t.Errorf("at the end: held %t, %v", held, err)
	}
}

func TestFolderThatCannotBeLocked(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "one")
	if err := os.Mkdir(filepath.Join(folder.Path, lockFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Hold(); err == nil || !strings.Contains(err.Error(), "locking the environment's folder") {
		t.Errorf("it says %v", err)
	}
}
