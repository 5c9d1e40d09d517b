// Package atomicfile replaces files in one step: who reads one sees all of the
// old content or all of the new, and when something fails the old one stays.
//
// The new content is written next to the file, under a name that begins with a
// dot, and renamed. So what is replaced at a symbolic link is the link: who
// wants the file that it points to resolves it first.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
)

// Write replaces a file. Its mode is the one given, whatever the umask, and
// nobody but the user can open it before it is whole. A crash of the machine
// may lose the content: see WriteDurable.
func Write(path string, mode fs.FileMode, data []byte) error {
	return replace(path, mode, func(draft *os.File) error { return write(draft, data) })
}

// WriteDurable is Write for what is not ours to lose: the content is on the
// disk before the file is replaced.
func WriteDurable(path string, mode fs.FileMode, data []byte) error {
	return replace(path, mode, func(draft *os.File) error { return errors.Join(write(draft, data), draft.Sync()) })
}

// WriteFrom is Write for content that comes in pieces. When fill fails, its
// error is returned and the old file stays.
func WriteFrom(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	return replace(path, mode, func(draft *os.File) error { return fill(draft) })
}

// WriteIn is Write for a file of somebody else's folder: no symbolic link gets
// out of root, and the mode is subject to the umask like that of other files
// there. The name is relative to root, with slashes.
func WriteIn(root *os.Root, name string, mode fs.FileMode, data []byte) error {
	draftName := path.Join(path.Dir(name), fmt.Sprintf(".%s.%d", path.Base(name), rand.Uint64()))
	draft, err := root.OpenFile(draftName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = write(draft, data)
	rename := func() error { return root.Rename(draftName, name) }
	return finish(draft, err, rename, func() error { return root.Remove(draftName) })
}

func write(draft *os.File, data []byte) error {
	_, err := draft.Write(data)
	return err
}

func replace(path string, mode fs.FileMode, fill func(*os.File) error) error {
	// CreateTemp makes files that only the user may read.
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = fill(draft)
	// Some file systems of other systems refuse to change a mode.
	if info, statErr := draft.Stat(); statErr != nil || info.Mode().Perm() != mode {
		err = errors.Join(err, draft.Chmod(mode))
	}
	rename := func() error { return os.Rename(draft.Name(), path) }
	return finish(draft, err, rename, func() error { return os.Remove(draft.Name()) })
}

// finish gives a draft its name, or removes it when an error is in the way.
func finish(draft *os.File, err error, rename, remove func() error) error {
	err = errors.Join(err, draft.Close())
	if err == nil {
		err = rename()
	}
	if err == nil {
		return nil
	}
	if left := remove(); !errors.Is(left, fs.ErrNotExist) {
		err = errors.Join(err, left)
	}
	return err
}
