//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// limits are what the machine does not give any more.
func limits() []fault {
	return []fault{
		{name: "the disk is full, and has room again", short: true, disk: true, happens: func(c *course) {
			filler := c.fill()
			c.degraded("backend", "no space left")
			c.degraded("", "no space left")
			said := c.command(binary(c.t, "DIORAMA_BINARY"), small...)
			if said.err == nil || strings.Contains(said.stderr, "Ready,") || !strings.Contains(said.stderr, "no space left") {
				c.untold = append(c.untold, "on a full disk up says "+said.stderr)
			}
			c.free(filler)
		}},
		{name: "the disk is full, etcd and the backend are killed", disk: true, happens: func(c *course) {
			filler := c.fill()
			c.signal(syscall.SIGKILL, "etcd", "backend")
			c.degraded("etcd", "no space left")
			c.degraded("backend", "no space left")
			c.free(filler)
			c.up()
		}},
		{name: "the disk is full while nothing runs", disk: true, happens: func(c *course) {
			c.stopped()
			filler := c.fill()
			c.upSays("no space left", "DIORAMA_HOME")
			c.free(filler)
			c.up()
		}},
		{name: "the disk can only be read while nothing runs", disk: true, happens: func(c *course) {
			c.stopped()
			c.remount(unix.MS_RDONLY)
			c.upSays("read-only file system", "DIORAMA_HOME")
			c.remount(0)
			c.up()
		}},
		{name: "the backend has no file descriptors left", happens: func(c *course) {
			before := c.limit("backend", unix.RLIMIT_NOFILE, unix.Rlimit{Cur: 3, Max: 1 << 20})
			c.degraded("backend", "not answering since")
			c.limit("backend", unix.RLIMIT_NOFILE, before)
		}},
		{name: "the API server has no file descriptors left", happens: func(c *course) {
			before := c.limit("kube-apiserver", unix.RLIMIT_NOFILE, unix.Rlimit{Cur: 3, Max: 1 << 20})
			c.degraded("kube-apiserver", "not answering since")
			c.limit("kube-apiserver", unix.RLIMIT_NOFILE, before)
		}},
		{name: "a collector gets no more memory", happens: func(c *course) {
			address := c.status().Endpoints.OTLPHTTP
			c.limit("collector-cluster", unix.RLIMIT_AS, unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
			// It goes on with what it has, until something large comes.
			large := strings.NewReader(strings.Repeat(" ", 19<<20))
			if answer, err := http.Post(address+"/v1/metrics", "application/json", large); err == nil {
				_ = answer.Body.Close()
			}
			c.restarted(1, "collector-cluster")
		}},
	}
}

// free gives the room back.
func (c *course) free(filler string) {
	c.t.Helper()
	if err := os.Remove(filler); err != nil {
		c.t.Fatal(err)
	}
}

// remount changes how the small disk is mounted. Nothing may write to it.
func (c *course) remount(flags uintptr) {
	c.t.Helper()
	dir := filepath.Join(c.home, "state")
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, "size=1g"); err != nil {
		c.t.Fatal(err)
	}
}

// limit gives a component's process another limit, and returns the one before.
func (c *course) limit(name string, resource int, limit unix.Rlimit) unix.Rlimit {
	c.t.Helper()
	var before unix.Rlimit
	pid := pids(c.status())[name]
	err := unix.Prlimit(pid, resource, nil, &before)
	if err == nil {
		limit.Max = min(limit.Max, before.Max)
		err = unix.Prlimit(pid, resource, &limit, nil)
	}
	if err != nil {
		c.t.Fatal(fmt.Errorf("limiting %s (%d): %w", name, pid, err))
	}
	return before
}
