//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestUpInterruptedEarly ends up at the moments of its first second: before it has a
// folder, while its supervisor comes up, and when that starts its components.
func TestUpInterruptedEarly(t *testing.T) {
	l := newLab(t)
	for step := range 10 {
		after := time.Duration(step+1) * 100 * time.Millisecond
		cmd := exec.Command(binary(t, "DIORAMA_BINARY"), small...)
		cmd.Env = l.env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		interrupt := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGINT) })
		err := cmd.Wait()
		interrupt.Stop()
		said := stderr.String()
		// Go's own start comes before signals are heard.
		unheard := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGINT
		if !unheard && (cmd.ProcessState.ExitCode() != 130 || !strings.Contains(said, "nothing was left behind")) {
			t.Errorf("after %s: up ended with %v and said:\n%s", after, err, said)
		}
		if left := append(l.files("state"), l.files("kubeconfig")...); len(left) > 0 {
			t.Errorf("after %s: files are left: %q", after, left)
		}
		if listed := l.diorama("list", "-o", "json"); strings.TrimSpace(listed) != "[]" {
			t.Errorf("after %s: it lists %s", after, listed)
		}
	}
}

// TestTwoUpsOfOneName has one of them bring it up, and the other say so.
func TestTwoUpsOfOneName(t *testing.T) {
	l := newLab(t)
	results := make([]result, 2)
	var both sync.WaitGroup
	for i := range results {
		both.Go(func() { results[i] = l.command(binary(t, "DIORAMA_BINARY"), small...) })
	}
	both.Wait()
	if results[0].err != nil {
		results[0], results[1] = results[1], results[0]
	}
	const want = `environment "default" is being brought up by another diorama`
	if results[0].err != nil || results[1].err == nil || !strings.Contains(results[1].stderr, want) {
		t.Errorf("one ended with %v, the other with %v:\n%s", results[0].err, results[1].err, results[1].stderr)
	}
	if s := l.status(); s.Phase != "Ready" {
		t.Errorf("it is %s", s.Phase)
	}
}

// TestDownDuringUp takes down what another command brings up, which says so.
func TestDownDuringUp(t *testing.T) {
	l := newLab(t)
	up := make(chan result, 1)
	go func() { up <- l.command(binary(t, "DIORAMA_BINARY"), small...) }()
	eventually(t, "it is on its way", func() error {
		if len(l.files("state")) == 0 {
			return errors.New("there is no folder")
		}
		return nil
	})
	l.diorama("down", "--name", "default")
	r := <-up
	const want = `environment "default" was taken down while it was starting`
	if r.err == nil || !strings.Contains(r.stderr, want) || strings.Contains(r.stderr, "probe") {
		t.Errorf("up ended with %v and said:\n%s", r.err, r.stderr)
	}
	if left := append(l.files("state"), l.files("kubeconfig")...); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// TestParallelUps brings several environments up at once, each in a place of its own
// as in CI: none takes the ports of another.
func TestParallelUps(t *testing.T) {
	labs := make([]*lab, 4)
	for i := range labs {
		labs[i] = newLab(t)
	}
	var all sync.WaitGroup
	results := make([]result, len(labs))
	for i, l := range labs {
		all.Go(func() {
			results[i] = l.command(binary(t, "DIORAMA_BINARY"), "up", "--ports", "auto", "--nodes", "1", "--pods", "1")
		})
	}
	all.Wait()
	seen := map[string]int{}
	for i, l := range labs {
		if results[i].err != nil {
			t.Errorf("environment %d: %v\n%s", i, results[i].err, results[i].stderr)
			continue
		}
		e := l.status().Endpoints
		for _, endpoint := range []string{e.Dashboards, e.Prometheus, e.OTLPGRPC, e.OTLPHTTP, e.Kubernetes, e.Kubelet} {
			port := endpoint[strings.LastIndex(endpoint, ":")+1:]
			if other, taken := seen[port]; taken {
				t.Errorf("environments %d and %d both have port %s", other, i, port)
			}
			seen[port] = i
		}
	}
}
