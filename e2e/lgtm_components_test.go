//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestKwokLGTMPrograms ends one program in LGTM after the other. The container lives
// on, and its own health check sees nothing: diorama reports it, and makes
// another container.
func TestKwokLGTMPrograms(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	l.diorama("up", "-f", l.kwok(e, ""))
	for _, test := range []struct {
		signal, program, says string
		loses                 bool
	}{
		{"-TERM", "prometheus", "asking Prometheus", true},
		{"-KILL", "grafana", "asking Grafana", false},
		{"-KILL", "loki", "asking Loki", false},
	} {
		t.Run(test.program, func(t *testing.T) {
			e.t, l.t = t, t
			defer func() {
				if t.Failed() {
					t.Logf("%s\n%s", l.diorama("logs", "supervisor"), l.diorama("logs", "lgtm"))
				}
			}()
			before := l.status()
			container := e.inspect(before, "lgtm")
			eventually(t, "metrics", func() error {
				return atLeast(before.Endpoints.Prometheus, "k8s_node_cpu_time_seconds_total", 3)
			})
			// A program that ends before the image has seen it ends the container.
			eventually(t, "the image to see its programs", func() error {
				_, err := e.ContainerStatPath(t.Context(), container.ID, "/tmp/ready")
				return err
			})
			e.exec(container.ID, "pkill", test.signal, test.program)
			eventually(t, "the status reports it", func() error { return reportsLGTM(l.status(), test.says) })
			eventually(t, "list reports it", func() error {
				if list := l.diorama("list"); !strings.Contains(list, "Degraded") {
					return fmt.Errorf("it says:\n%s", list)
				}
				return nil
			})
			if state, err := e.ContainerInspect(t.Context(), container.ID); err != nil || !state.State.Running {
				t.Errorf("the container has ended: %v", err)
			}
			waitRestarted(t, l, "lgtm", container.ID)
			back := time.Now()
			eventually(t, "metrics go on", func() error {
				return atLeast(before.Endpoints.Prometheus, since(back), 3)
			})
			eventually(t, "losses", func() error {
				lost := l.status().Telemetry.DroppedSamples
				if grew := lost > before.Telemetry.DroppedSamples; grew != test.loses {
					return fmt.Errorf("%d samples were dropped, %d before", lost, before.Telemetry.DroppedSamples)
				}
				return nil
			})
		})
	}
	l.t = t
	l.diorama("down")
}

// reportsLGTM tells whether a status says that LGTM does not answer, and why.
func reportsLGTM(s status, why string) error {
	c := s.component("lgtm")
	silent := strings.HasPrefix(c.Message, "not answering since") && strings.Contains(c.Message, why)
	if c.Phase != "NotReady" || !silent || s.Phase != "Degraded" {
		return fmt.Errorf("phase %s, %+v", s.Phase, c)
	}
	return nil
}

// waitRestarted waits until a component is Ready in another container: one that
// hangs is given up after a minute and a half.
func waitRestarted(t *testing.T, l *lab, name, old string) {
	t.Helper()
	pollUntil(t, time.Now().Add(3*patience), name+" is back", func() error {
		s := l.status()
		if c := s.component(name); c.Container == old || c.Phase != "Ready" || s.Phase != "Ready" {
			return fmt.Errorf("phase %s, %+v", s.Phase, c)
		}
		return nil
	})
}
