//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestScaleBothWays(t *testing.T) {
	l := newLab(t)
	// Nodes are scraped often, so that one that goes is likely to be.
	l.diorama(append(small, "-f", l.write("often.yaml", "telemetry: {interval: 1s}\n"))...)
	l.diorama("scale", "--nodes", "12", "--pods", "60")
	up := l.status().Cluster
	if up.Nodes.Ready != 12 || up.Pods.Running != 60 || up.Pods.Desired != 60 {
		t.Errorf("scaled up: %+v", up)
	}
	base := l.status().Endpoints.Prometheus
	eventually(t, "the new nodes are scraped", func() error {
		return atLeast(base, `k8s_node_cpu_time_seconds_total`, 12)
	})
	l.diorama("scale", "--nodes", "2", "--pods", "4")
	down := l.status().Cluster
	if down.Nodes.Ready != 2 || down.Pods.Running != 4 {
		t.Errorf("scaled down: %+v", down)
	}
	if got := len(strings.Fields(l.kubectl("get", "nodes", "-o", "name"))); got != 2 {
		t.Errorf("kubectl sees %d nodes, want 2", got)
	}
	if said := l.dioramaFails("scale", "--nodes", "0"); !strings.Contains(said, "--nodes is 0") {
		t.Errorf("scale to 0 says:\n%s", said)
	}
	if said := l.dioramaFails("scale", "--nodes", "1", "--pods", "19000"); !strings.Contains(said, "pods") {
		t.Errorf("more pods than fit says:\n%s", said)
	}
	if got := l.status(); got.Cluster.Nodes.Desired != 2 || got.Telemetry.FailedScrapes != 0 {
		t.Errorf("a refused change left %+v, %+v", got.Cluster, got.Telemetry)
	}
}

// TestScaleGoesOnWithoutItsClient interrupts the command; the environment reaches
// the size all the same.
func TestScaleGoesOnWithoutItsClient(t *testing.T) {
	l := newLab(t)
	l.diorama(small...)
	cmd := exec.Command(binary(t, "DIORAMA_BINARY"), "scale", "--nodes", "20", "--pods", "100")
	cmd.Env = l.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is under way", func() error {
		if got := l.status().Cluster.Nodes; got.Desired != 20 {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	code, said := cmd.ProcessState.ExitCode(), stderr.String()
	if code != 130 || !strings.Contains(said, "default goes on towards 20 nodes and 100 pods") {
		t.Errorf("scale ended with %d, %v and said:\n%s", code, err, said)
	}
	eventually(t, "the size is reached", func() error {
		if got := l.status().Cluster; got.Nodes.Ready != 20 || got.Pods.Running != 100 {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
}
