package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// neededSpace is what an environment writes in its first minutes: etcd takes
// 128 MB for its log before it stores anything, the rest are samples and logs.
const neededSpace = 400 << 20

// CheckSpace returns an error if the disk that the folder is or will be on is
// too full for an environment. What runs out of space later says so in its log.
func (f Folder) CheckSpace() error {
	free, err := freeSpace(f.Path)
	if err != nil {
		return fmt.Errorf("asking how much space is left for %s: %w", f.Path, err)
	}
	if free < neededSpace {
		return fmt.Errorf("there is no space left for the environment's folder %s: %d MB are free, %d MB are needed; "+
			"make room, or set DIORAMA_HOME to a folder on another disk",
			f.Path, free>>20, neededSpace>>20)
	}
	return nil
}

// freeSpace is how many bytes this user may write at path, or in the closest
// folder above it that exists.
func freeSpace(path string) (uint64, error) {
	for {
		var stat unix.Statfs_t
		err := unix.Statfs(path, &stat)
		if err == nil {
			// The types of the fields differ between systems.
			return uint64(stat.Bavail) * uint64(stat.Bsize), nil
		}
		parent := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) || parent == path {
			return 0, err
		}
		path = parent
	}
}
