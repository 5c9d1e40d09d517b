//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

// processes are those of an environment, without the supervisor.
func processes() []string {
	return []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet",
		"collector-cluster", "collector-nodes", "backend",
	}
}

// signal sends one to components as they are now.
func (c *course) signal(signal syscall.Signal, names ...string) {
	c.t.Helper()
	now := pids(c.status())
	for _, name := range names {
		if pid := now[name]; pid != 0 {
			if err := syscall.Kill(pid, signal); err != nil {
				c.t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// restarted waits until components have been started again, so often.
func (c *course) restarted(times int, names ...string) {
	c.holds(func() error {
		s := c.status()
		for _, name := range names {
			now, before := s.component(name), c.before.component(name)
			if now.Restarts < before.Restarts+times || now.Phase != "Ready" {
				return fmt.Errorf("%s is %s, %q, after %d restarts, %d before",
					name, now.Phase, now.Message, now.Restarts, before.Restarts)
			}
		}
		return nil
	})
}

// killings are ends of processes.
func killings() []fault {
	var all []fault
	for _, name := range processes() {
		all = append(all, fault{
			name: "kill -9 of " + name, short: name == "kube-apiserver",
			happens: func(c *course) {
				c.signal(syscall.SIGKILL, name)
				c.restarted(1, name)
			},
		})
	}
	for _, name := range []string{"etcd", "backend"} {
		all = append(all, fault{name: "kill -9 of " + name + ", three times in a row", happens: func(c *course) {
			for times := range 3 {
				c.signal(syscall.SIGKILL, name)
				c.restarted(times+1, name)
			}
		}})
	}
	return append(all,
		fault{name: "kill of kube-scheduler", happens: func(c *course) {
			c.signal(syscall.SIGTERM, "kube-scheduler")
			c.restarted(1, "kube-scheduler")
		}},
		fault{name: "kill -9 of all at once", short: true, happens: func(c *course) {
			c.signal(syscall.SIGKILL, processes()...)
			c.restarted(1, processes()...)
		}},
		fault{name: "kill -9 of the supervisor", happens: func(c *course) {
			kill(c.t, c.before)
			c.told(func() error {
				s, list := c.status(), c.diorama("list")
				if s.Phase != "Crashed" || !strings.Contains(s.Message, "diorama up") || !strings.Contains(list, "Crashed") {
					return fmt.Errorf("status says %s, %q; list %s", s.Phase, s.Message, list)
				}
				return nil
			})
			c.up()
		}},
		fault{name: "kill -9 of the supervisor and of all", happens: func(c *course) {
			c.signal(syscall.SIGKILL, append(processes(), "supervisor")...)
			c.told(func() error {
				if s := c.status(); s.Phase != "Crashed" {
					return fmt.Errorf("status says %s, %q", s.Phase, s.Message)
				}
				return nil
			})
			c.up()
		}},
	)
}

// answers in time, which a status has to whatever hangs. It is not asserted that it
// does each time: other programs may have the machine.
const statusLimit = 500 * time.Millisecond

// quick is the least time that status takes in some.
func (c *course) quick() {
	least := time.Hour
	for range 5 {
		began := time.Now()
		c.status()
		least = min(least, time.Since(began))
	}
	if least > statusLimit {
		c.untold = append(c.untold, fmt.Sprintf("status takes %s", least))
	}
}

// hangings are processes that do not answer.
func hangings() []fault {
	var all []fault
	for _, name := range processes() {
		all = append(all, fault{
			name: name + " hangs, and goes on", short: name == "etcd",
			happens: func(c *course) {
				c.signal(syscall.SIGSTOP, name)
				c.quick()
				c.degraded(name, "not answering since")
				c.blamesNoOther(name)
				c.signal(syscall.SIGCONT, name)
			},
		})
	}
	return append(all,
		fault{name: "all hang, and go on", happens: func(c *course) {
			c.signal(syscall.SIGSTOP, processes()...)
			c.quick()
			for _, name := range processes() {
				c.degraded(name, "not answering since")
			}
			c.signal(syscall.SIGCONT, processes()...)
		}},
		fault{name: "kube-scheduler hangs for good", happens: func(c *course) {
			c.signal(syscall.SIGSTOP, "kube-scheduler")
			c.restarted(1, "kube-scheduler")
		}},
		fault{name: "the supervisor hangs, and goes on", happens: func(c *course) {
			pid := pids(c.before)["supervisor"]
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				c.t.Fatal(err)
			}
			c.degraded("", fmt.Sprintf("(pid %d) has not answered", pid))
			c.upSays("has not answered", "kill -9")
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
				c.t.Fatal(err)
			}
		}},
	)
}

// blamesNoOther looks whether the collectors are accused of what another does.
func (c *course) blamesNoOther(name string) {
	s := c.status()
	for _, collector := range []string{"collector-cluster", "collector-nodes"} {
		accused := s.component(collector).Phase != "Ready" || strings.Contains(s.Telemetry.Error, "collector")
		if accused && !strings.HasPrefix(name, "collector") {
			c.untold = append(c.untold, fmt.Sprintf("%s hangs, and %s is accused: %q, telemetry %q",
				name, collector, s.component(collector).Message, s.Telemetry.Error))
		}
	}
}
