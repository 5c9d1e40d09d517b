package supervisor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/state"
)

// On a disk that has no space left an environment is not Ready, whatever its
// components say: they will not be for long.
func TestAFullDiskIsReported(t *testing.T) {
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m")
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") == "" {
		t.Skip("mounting a small disk takes root; CI has it")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := &supervisor{folder: state.Folder{Name: "default", Path: dir}}
	etcd := control.ComponentStatus{}
	etcd.Name, etcd.Phase, etcd.Message = "etcd", "Restarting", "ended: exit status 1"
	for _, test := range []struct {
		components []control.ComponentStatus
		ends       string
	}{{nil, "at least 64 are needed"}, {[]control.ComponentStatus{etcd}, "needed; etcd ended: exit status 1"}} {
		phase, message := s.health(test.components)
		begins := strings.HasPrefix(message, "no space left: ") && strings.Contains(message, dir)
		if phase != state.Degraded || !begins || !strings.HasSuffix(message, test.ends) {
			t.Errorf("it is %s: %s", phase, message)
		}
	}
}
