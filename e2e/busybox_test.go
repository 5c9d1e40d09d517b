//go:build e2e

package e2e

import (
	"archive/tar"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/diorama-lab/diorama/internal/versions"
)

// busybox is the shell of the images that are made here: this machine's where it
// is static, or else that of the image busybox. One that wants a dynamic loader, as
// that of Debian's package busybox, would not run in an image without it.
func (e engine) busybox() (string, error) {
	if path, err := exec.LookPath("busybox"); err == nil && static(path) == nil {
		return path, nil
	}
	path := filepath.Join(e.t.TempDir(), "busybox")
	err := e.busyboxOf(versions.Workload, path)
	if err == nil {
		err = static(path)
	}
	if err != nil {
		return "", fmt.Errorf("the images of these tests need a static busybox, which neither this machine has "+
			"(Debian: apt-get install busybox-static) nor the image %s: %w", versions.Workload, err)
	}
	return path, nil
}

// static is nil for a program that needs no dynamic loader.
func static(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s is linked dynamically", path)
	}
	return nil
}

// busyboxOf writes the program of an image, which is pulled if the engine does
// not have it, to a file.
func (e engine) busyboxOf(name, path string) error {
	ctx := e.t.Context()
	if _, err := e.ImageInspect(ctx, name); err != nil {
		pull, err := e.ImagePull(ctx, name, image.PullOptions{})
		if err != nil {
			return err
		}
		if err := succeeded(pull); err != nil {
			return err
		}
	}
	made, err := e.ContainerCreate(ctx, &container.Config{Image: name}, nil, nil, nil, "")
	if err != nil {
		return err
	}
	archive, _, err := e.CopyFromContainer(ctx, made.ID, "/bin/busybox")
	if err == nil {
		err = firstFile(archive, path)
	}
	return errors.Join(err, e.ContainerRemove(context.Background(), made.ID, container.RemoveOptions{Force: true}))
}

// firstFile writes the first file of an archive to a program.
func firstFile(from io.ReadCloser, path string) error {
	defer from.Close()
	archive := tar.NewReader(from)
	if _, err := archive.Next(); err != nil {
		return err
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o755)
}
