//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mountState puts a disk of its own under the lab's state folder, which only
// root may do.
func (l *lab) mountState(flags uintptr, size string) {
	l.t.Helper()
	dir := filepath.Join(l.home, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.t.Fatal(err)
	}
	err := unix.Mount("tmpfs", dir, "tmpfs", flags, "size="+size)
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") == "" {
		skip(l.t, "mounting a small disk takes root; CI has it")
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		l.command(binary(l.t, "DIORAMA_BINARY"), "down", "--all")
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			l.t.Error(err)
		}
	})
}

func TestUpOnAFullDisk(t *testing.T) {
	l := newLab(t)
	l.mountState(0, "16m")
	said := l.dioramaFails(small...)
	for _, want := range []string{"no space left", filepath.Join(l.home, "state"), "DIORAMA_HOME"} {
		if !strings.Contains(said, want) {
			t.Errorf("up on a full disk does not say %q:\n%s", want, said)
		}
	}
	if left := append(l.files("state"), l.files("kubeconfig")...); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

func TestUpWithoutWriteAccess(t *testing.T) {
	l := newLab(t)
	l.mountState(unix.MS_RDONLY, "1g")
	said := l.dioramaFails(small...)
	for _, want := range []string{"making the environment's folder", "read-only", "DIORAMA_HOME"} {
		if !strings.Contains(said, want) {
			t.Errorf("up without write access does not say %q:\n%s", want, said)
		}
	}
	if left := l.files("kubeconfig"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// TestDiskFillsUp takes all space from a running environment and gives it
// back: samples that cannot be stored wait in the collectors, none is lost.
func TestDiskFillsUp(t *testing.T) {
	l := newLab(t)
	l.mountState(0, "1g")
	l.diorama(small...)
	base := l.status().Endpoints.Prometheus
	eventually(t, "samples", func() error { return atLeast(base, `k8s_node_cpu_time_seconds_total`, 3) })
	filler := l.fill()
	// A rule or a collector may be the first who finds no space.
	eventually(t, "the store refuses samples for want of space", func() error {
		backend := l.status().component("backend")
		if backend.Phase != "NotReady" || !strings.Contains(backend.Message, "no space left") {
			return fmt.Errorf("the backend is %s: %s", backend.Phase, backend.Message)
		}
		return nil
	})
	full := time.Now()
	if got := l.status(); got.Cluster.Nodes.Ready != 3 {
		t.Errorf("on a full disk %+v are Ready", got.Cluster.Nodes)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, "metrics go on", func() error {
		return atLeast(base, fmt.Sprintf(`timestamp(k8s_node_cpu_time_seconds_total) > %d`, full.Unix()+1), 3)
	})
	eventually(t, "the environment is Ready", func() error {
		if got := l.status(); got.Phase != "Ready" || got.Telemetry.DroppedSamples != 0 {
			return fmt.Errorf("it is %s: %+v", got.Phase, got.Telemetry)
		}
		return nil
	})
	l.diorama("down")
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// fill writes a file until the lab's disk has no byte left.
func (l *lab) fill() string {
	l.t.Helper()
	path := filepath.Join(l.home, "state", "filler")
	file, err := os.Create(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer file.Close()
	for block := bytes.Repeat([]byte{1}, 1<<20); len(block) > 0; {
		if _, err := file.Write(block); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				l.t.Fatal(err)
			}
			block = block[:len(block)/2]
		}
	}
	return path
}
