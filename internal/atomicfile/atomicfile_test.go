package atomicfile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/diorama-lab/diorama/internal/atomicfile"
)

// writers are all functions that replace a file, as ones with one signature.
func writers() map[string]func(path string, mode fs.FileMode, data []byte) error {
	return map[string]func(string, fs.FileMode, []byte) error{
		"Write":        atomicfile.Write,
		"WriteDurable": atomicfile.WriteDurable,
		"WriteFrom": func(path string, mode fs.FileMode, data []byte) error {
			return atomicfile.WriteFrom(path, mode, func(w io.Writer) error {
				for _, b := range data {
					if _, err := w.Write([]byte{b}); err != nil {
						return err
					}
				}
				return nil
			})
		},
		"WriteIn": func(path string, mode fs.FileMode, data []byte) error {
			root, err := os.OpenRoot(filepath.Dir(filepath.Dir(path)))
			if err != nil {
				return err
			}
			defer root.Close()
			name := filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)))
			return atomicfile.WriteIn(root, name, mode, data)
		},
	}
}

// holds checks the content of a file, and that it is alone in its folder.
func holds(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("the file holds %q, %v, want %q", got, err, want)
	}
	alone(t, filepath.Dir(path), filepath.Base(path))
}

func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range entries {
		if i >= len(names) || entry.Name() != names[i] {
			t.Errorf("there is also %s", entry.Name())
		}
	}
}

func TestReplaces(t *testing.T) {
	for name, write := range writers() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			for _, c := range []struct {
				mode    fs.FileMode
				content string
			}{{0o600, "first"}, {0o644, "the second one"}, {0o600, ""}} {
				if err := write(path, c.mode, []byte(c.content)); err != nil {
					t.Fatal(err)
				}
				holds(t, path, c.content)
				if info, err := os.Stat(path); err != nil || info.Mode() != c.mode {
					t.Errorf("its mode is %v, %v, want %v", info.Mode(), err, c.mode)
				}
			}
		})
	}
}

func TestReplacesLinks(t *testing.T) {
	for name, write := range writers() {
		t.Run(name, func(t *testing.T) {
			target, path := filepath.Join(t.TempDir(), "target"), filepath.Join(t.TempDir(), "file")
			if err := errors.Join(os.WriteFile(target, []byte("old"), 0o600), os.Symlink(target, path)); err != nil {
				t.Fatal(err)
			}
			if err := write(path, 0o600, []byte("new")); err != nil {
				t.Fatal(err)
			}
			holds(t, path, "new")
			holds(t, target, "old")
		})
	}
}

func TestFails(t *testing.T) {
	for name, write := range writers() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := write(filepath.Join(dir, "none", "file"), 0o600, nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("without a folder: %v", err)
			}
			alone(t, dir)

			full := filepath.Join(dir, "full")
			if err := os.MkdirAll(filepath.Join(full, "file", "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := write(filepath.Join(full, "file"), 0o600, []byte("new")); err == nil {
				t.Error("a folder was replaced by a file")
			}
			alone(t, full, "file")

			file := filepath.Join(dir, "plain")
			if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := write(filepath.Join(file, "file"), 0o600, nil); !errors.Is(err, unix.ENOTDIR) {
				t.Errorf("in a folder that is a file: %v", err)
			}
		})
	}
}

func TestUnwritableFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	for name, write := range writers() {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "locked")
			path := filepath.Join(dir, "file")
			err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, []byte("old"), 0o600), os.Chmod(dir, 0o500))
			if err != nil {
				t.Fatal(err)
			}
			if err := write(path, 0o600, []byte("new")); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v", err)
			}
			holds(t, path, "old")
		})
	}
}

func TestAbandonedContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := atomicfile.Write(path, 0o600, []byte("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the connection broke")
	err := atomicfile.WriteFrom(path, 0o600, func(w io.Writer) error {
		_, err := w.Write([]byte("half of the n"))
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	holds(t, path, "old")
}

func TestModeAndUmask(t *testing.T) {
	before := unix.Umask(0o077)
	defer unix.Umask(before)
	for name, write := range writers() {
		want := fs.FileMode(0o644)
		if name == "WriteIn" {
			want = 0o600
		}
		path := filepath.Join(t.TempDir(), "file")
		if err := write(path, 0o644, nil); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: the mode is %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestNothingLeadsOut(t *testing.T) {
	inside, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(inside, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"link/file", "../file", filepath.Join(outside, "file")} {
		if err := atomicfile.WriteIn(root, name, 0o600, []byte("new")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	alone(t, outside)
	alone(t, filepath.Dir(inside), filepath.Base(inside), filepath.Base(outside))
}
