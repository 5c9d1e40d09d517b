package kubeconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

// lockPatience is how long another one may hold the lock: each change takes
// milliseconds.
const lockPatience = 10 * time.Second

// elsewhere is the way out when a kubeconfig cannot be changed where it is.
const elsewhere = "set KUBECONFIG to a file elsewhere"

// lock holds a kubeconfig as kubectl does, by a file next to it that only one can
// make: that works on file systems without locks, too, and keeps kubectl out. Of a
// symbolic link kubectl locks the link; others may come to the file another way.
func lock(path, target string) (func() error, error) {
	unlock, err := lockFile(path, lockPatience)
	if err != nil || target == path {
		return unlock, err
	}
	unlockTarget, err := lockFile(target, lockPatience)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return func() error { return errors.Join(unlockTarget(), unlock()) }, nil
}

func lockFile(path string, patience time.Duration) (func() error, error) {
	name := path + ".lock"
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := wait.Until(ctx, 10*time.Millisecond, func(context.Context) (bool, error) {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0)
		if err == nil {
			return true, file.Close()
		}
		return !errors.Is(err, fs.ErrExist), err
	})
	if errors.Is(err, fs.ErrExist) {
		return nil, heldError(path, name)
	}
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig %s cannot be locked, its folder %s: %w; %s",
			path, filepath.Dir(path), err, elsewhere)
	}
	return func() error {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("unlocking the kubeconfig: %w", err)
		}
		return nil
	}, nil
}

// heldError says since when a lock has been there: one that was killed leaves it.
func heldError(path, name string) error {
	since := ""
	if info, err := os.Stat(name); err == nil {
		since = " since " + info.ModTime().Format(time.DateTime)
	}
	return fmt.Errorf("the kubeconfig %s is locked%s by %s: if no kubectl and no diorama is changing it, "+
		"remove that file, or %s", path, since, name, elsewhere)
}
