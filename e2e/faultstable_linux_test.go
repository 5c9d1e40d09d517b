//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// What `make faults` sets to run all faults, not only those of each run of the tests.
const allFaults = "DIORAMA_FAULTS"

// fault is one thing that goes wrong in an environment.
type fault struct {
	name string
	// short are those that every run of the tests has.
	short bool
	// disk tells that it needs a disk of its own, which takes root.
	disk bool
	// happens breaks something, sees to it that the right thing is said, and mends what
	// nothing else can mend.
	happens func(c *course)
}

// course is what became of a fault.
type course struct {
	*lab
	// before is the status before it, at the time began.
	before status
	began  time.Time
	// anew tells that the cluster's objects had to be given up, samplesLost that
	// samples had.
	anew, samplesLost bool
	// untold is what was not said, or not well; broken what does not hold.
	untold, broken []string
}

// verdict is well, weak if something was not said, wrong if something does not hold.
func (c *course) verdict() string {
	switch {
	case len(c.broken) > 0:
		return "wrong"
	case len(c.untold) > 0:
		return "weak"
	}
	return "well"
}

// readyLimit is how long an environment may take to be well again.
const readyLimit = 2 * time.Minute

// polled returns nil once a check does, or what it says when the time is over.
func polled(limit time.Duration, check func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(200 * time.Millisecond) {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// told waits until something is said.
func (c *course) told(check func() error) {
	if err := polled(patience, check); err != nil {
		c.untold = append(c.untold, err.Error())
	}
}

// holds waits until something is so.
func (c *course) holds(check func() error) {
	if err := polled(readyLimit, check); err != nil {
		c.broken = append(c.broken, err.Error())
	}
}

// degraded waits until status and list say that the environment is not well, and name
// a component or the cause.
func (c *course) degraded(component, cause string) {
	c.told(func() error {
		s := c.status()
		of := s.component(component)
		if s.Phase != "Degraded" || !strings.Contains(s.Message, cause) {
			return fmt.Errorf("status is %s, %q, without %q", s.Phase, s.Message, cause)
		}
		if component != "" && !strings.Contains(of.Message, cause) {
			return fmt.Errorf("%s is %s, %q, without %q", component, of.Phase, of.Message, cause)
		}
		list := c.diorama("list", "-o", "json")
		if !strings.Contains(list, "Degraded") {
			return fmt.Errorf("list says %s", list)
		}
		return nil
	})
}

// ready waits until all is well.
func (c *course) ready() {
	c.holds(func() error {
		s := c.status()
		for _, component := range s.Components {
			if component.Phase != "Ready" {
				return fmt.Errorf("%s is %s: %s", component.Name, component.Phase, component.Message)
			}
		}
		if s.Phase != "Ready" || s.Cluster.Nodes.Ready != 3 || s.Cluster.Pods.Running < 6 {
			return fmt.Errorf("the environment is %s, %q, %+v", s.Phase, s.Message, s.Cluster)
		}
		return nil
	})
}

// up runs up, which has to go well, and returns all it says.
func (c *course) up() string {
	r := c.command(binary(c.t, "DIORAMA_BINARY"), small...)
	// All may be well again by itself.
	if r.err != nil && !strings.Contains(r.stderr, "is already up (embedded, Ready,") {
		c.broken = append(c.broken, fmt.Sprintf("up: %v: %s", r.err, r.stderr))
	}
	return r.stderr
}

// upSays runs up, which has to fail with a message of few lines.
func (c *course) upSays(want ...string) {
	r := c.command(binary(c.t, "DIORAMA_BINARY"), small...)
	if r.err == nil {
		c.untold = append(c.untold, "up goes well: "+r.stderr)
	}
	_, said, _ := strings.Cut(r.stderr, "error: ")
	if strings.Count(strings.TrimSpace(said), "\n") > 1 || len(said) > 700 {
		c.untold = append(c.untold, "up is not short: "+said)
	}
	for _, text := range want {
		if !strings.Contains(said, text) {
			c.untold = append(c.untold, fmt.Sprintf("up does not say %q: %s", text, said))
		}
	}
}

// acknowledged is what an API server has said that it keeps.
const acknowledged = "acknowledged"

// runFault lets one fault happen, and sees what holds after it.
func runFault(l *lab, f fault) *course {
	c := &course{lab: l}
	c.ready()
	l.command(binary(l.t, "KUBECTL_BINARY"), "create", "configmap", acknowledged)
	base := l.status().Endpoints.Prometheus
	c.holds(func() error { return atLeast(base, `k8s_node_cpu_time_seconds_total`, 3) })
	c.before, c.began = l.status(), time.Now()
	if len(c.broken) > 0 {
		return c
	}
	f.happens(c)
	c.ready()
	if !c.anew {
		c.holds(func() error {
			r := l.command(binary(l.t, "KUBECTL_BINARY"), "get", "configmap", acknowledged)
			if r.err != nil {
				return errors.New("an acknowledged object: " + r.stderr)
			}
			return nil
		})
	}
	base, since := l.status().Endpoints.Prometheus, time.Now()
	if !c.samplesLost {
		c.holds(func() error { return atLeast(base, lastAt(c.began), 3) })
	}
	c.holds(func() error {
		return atLeast(base, fmt.Sprintf(`timestamp(k8s_node_cpu_time_seconds_total) > %d`, since.Unix()), 3)
	})
	return c
}

// TestFaults lets things go wrong one after the other, and prints a line for each.
func TestFaults(t *testing.T) {
	all := os.Getenv(allFaults) != ""
	counts := map[string]int{}
	var lines []string
	for _, disk := range []bool{false, true} {
		t.Run(map[bool]string{false: "processes and data", true: "a small disk"}[disk], func(t *testing.T) {
			l := newLab(t)
			if disk {
				l.mountState(0, "1g")
			}
			l.diorama(small...)
			for _, f := range faults() {
				if f.disk != disk || !all && !f.short {
					continue
				}
				t.Run(f.name, func(t *testing.T) {
					l.t = t
					began := time.Now()
					c := &course{broken: []string{"the fault could not be made"}}
					defer func() {
						counts[c.verdict()]++
						line := fmt.Sprintf("%-5s %-60s %4.0f s", c.verdict(), f.name, time.Since(began).Seconds())
						lines = append(lines, line)
						t.Log(line)
						if c.verdict() == "well" {
							return
						}
						t.Errorf("%s: untold: %q; broken: %q", f.name, c.untold, c.broken)
						// The next fault gets an environment that is well.
						l.command(binary(t, "DIORAMA_BINARY"), "down")
						l.command(binary(t, "DIORAMA_BINARY"), small...)
					}()
					c = runFault(l, f)
				})
			}
			l.t = t
		})
	}
	fmt.Printf("%s\n%d faults: %d well, %d weak, %d wrong\n",
		strings.Join(lines, "\n"), len(lines), counts["well"], counts["weak"], counts["wrong"])
}

// faults are those that are known.
func faults() []fault {
	var all []fault
	for _, some := range [][]fault{killings(), hangings(), damages(), losses(), limits()} {
		all = append(all, some...)
	}
	return all
}
