//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"
)

// refusals are attempts to bring the kind up that are to fail and leave nothing.
type refusals struct {
	e engine
	l *lab
	// stock is an environment file that lacks only the chart.
	stock string
}

func newRefusals(t *testing.T) refusals {
	return refusals{e: newEngine(t), l: newLab(t), stock: fmt.Sprintf(
		"kind: k3d\nimages: {k3s: %q, lgtm: %q, collector: %q, workload: %q}\nports: auto\n",
		nodeImage, standIns[1], standIns[2], standIns[0])}
}

// up fails with the file, and says what is wanted.
func (r refusals) up(about, file string, want ...string) {
	r.l.t.Helper()
	said := r.l.dioramaFails("up", "-f", file)
	for _, words := range want {
		if !strings.Contains(said, words) {
			r.l.t.Errorf("%s: it does not say %q:\n%s", about, words, said)
		}
	}
	checkNothingLeft(r.l.t, r.l)
}

// chart writes an environment file with the chart, or without one.
func (r refusals) chart(name, text string) string {
	return r.l.write(name, text+fmt.Sprintf("chart: {path: %q}\n", chartFolder(r.l.t)))
}

// TestK3dRefused holds on to what is said when something is wrong: newEngine
// looks for what is left.
func TestK3dRefused(t *testing.T) {
	r := newRefusals(t)
	file := r.l.k3d(r.e, "")
	noImage := "kind: k3d\nimages: {k3s: 'localhost:1/none:1'}\nports: auto\n"
	r.up("no registry", r.chart("image.yaml", noImage), "pulling the image localhost:1/none:1", "images.load")
	noCollector := strings.Replace(r.stock, fmt.Sprintf("%q", standIns[2]), "'localhost:1/none:2'", 1)
	r.up("no registry for the collector", r.chart("collector.yaml", noCollector),
		"pulling the image localhost:1/none:2", "images.load")
	r.valuesThatDoNotFit(file)
	noChart := r.stock + fmt.Sprintf("chart: {path: %q}\n", t.TempDir())
	r.up("no chart", r.l.write("chart.yaml", noChart), "loading the chart", "Chart.yaml")
	r.takenPort()

	env := r.l.env
	r.l.env = append(slices.Clone(env), "DOCKER_HOST=unix:///nowhere/docker.sock")
	r.up("no engine", file, "unix:///nowhere/docker.sock (from DOCKER_HOST)", "does not run", "`embedded`")
	r.l.env = env

	taken, err := r.e.ContainerCreate(t.Context(), &container.Config{Image: standIns[0]}, nil, nil, nil, k3dNode)
	r.e.check(err)
	r.up("name taken", file, "the container name "+k3dNode+" is taken", taken.ID[:12], "--name")
	r.e.check(r.e.ContainerRemove(context.Background(), taken.ID, container.RemoveOptions{}))
}

func (r refusals) valuesThatDoNotFit(file string) {
	values := r.l.write("values.yaml", "mode: neither\n")
	r.up("values that do not fit",
		r.chart("bad.yaml", r.stock+fmt.Sprintf("telemetry: {collectors: {cluster: %q}}\n", values)),
		"the Helm values "+values+" do not fit the chart", "at '/mode': value must be one of", "Change them in that file")
	null := strings.Replace(r.l.diorama("config", "collector", "nodes", "-f", file), "hostPort: 0", "hostPort: null", 1)
	values = r.l.write("null.yaml", null)
	r.up("a port of null",
		r.chart("bad.yaml", r.stock+fmt.Sprintf("telemetry: {collectors: {nodes: %q}}\n", values)),
		values, "at '/ports/metrics/hostPort': got null, want integer")
}

func (r refusals) takenPort() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	r.e.check(err)
	inUse := listener.Addr().(*net.TCPAddr).Port
	ports := fmt.Sprintf("ports: {dashboards: 0, prometheus: %d, otlpGRPC: 0, otlpHTTP: 0, kubernetes: 0}", inUse)
	r.up("port taken", r.chart("port.yaml", strings.Replace(r.stock, "ports: auto", ports, 1)),
		fmt.Sprintf("port %d (prometheus) is in use", inUse), "--ports auto")
	r.e.check(listener.Close())
}

// TestK3dRollback interrupts an up, and kills the supervisor of another one:
// what is there by then is taken back.
func TestK3dRollback(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	file := l.k3d(e, "")
	nodeIsThere := func() error { _, err := e.ContainerInspect(t.Context(), k3dNode); return err }
	up := exec.Command(binary(t, "DIORAMA_BINARY"), "up", "-f", file)
	up.Env = l.env
	var said bytes.Buffer
	up.Stdout, up.Stderr = &said, &said
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node is there", nodeIsThere)
	if err := up.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := up.Wait()
	if up.ProcessState.ExitCode() != 130 || !strings.Contains(said.String(), "nothing was left behind") {
		t.Errorf("up, interrupted, ended with %v and said:\n%s", err, said.String())
	}
	checkNothingLeft(t, l)
	if _, err := e.ContainerInspect(context.Background(), k3dNode); err == nil {
		t.Error("the node is left")
	}

	// The supervisor is killed midway, and down takes back what is there.
	ended := make(chan result, 1)
	go func() { ended <- l.command(binary(t, "DIORAMA_BINARY"), "up", "-f", file) }()
	eventually(t, "the node is there", nodeIsThere)
	if err := syscall.Kill(pids(l.status())["supervisor"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-ended; r.err == nil {
		t.Errorf("up succeeded without its supervisor:\n%s", r.stderr)
	}
	l.diorama("down")
	checkNothingLeft(t, l)
}
