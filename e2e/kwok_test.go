//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"k8s.io/client-go/tools/clientcmd"
)

// TestKwok brings the kind up for real: containers, network, mounts and the
// kubeconfig, from images in a tarball.
func TestKwok(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	file := l.kwok(e, "")
	upKwok(t, e, l, file)
	s := l.status()
	t.Logf("ready in %s", s.StartedIn)
	if s.Kind != "kwok" || s.Phase != "Ready" || s.Cluster.Nodes.Ready != 3 || s.Cluster.Pods.Running != 6 {
		t.Errorf("the status is %+v", s)
	}
	if nodes := l.kubectl("get", "nodes", "-o", "name"); strings.Count(nodes, "node/") != 3 {
		t.Errorf("kubectl sees %q", nodes)
	}
	t.Run("only containers of the network get in", func(t *testing.T) {
		e.t = t
		e.checkGateway(s, "diorama-default", 2, 8)
	})
	t.Run("containers", func(t *testing.T) { e.t, l.t = t, t; checkContainers(e, l, s) })
	t.Run("telemetry", func(t *testing.T) { l.t = t; checkKwokTelemetry(t, l, s, 3) })
	t.Run("self metrics", func(t *testing.T) { e.t, l.t = t, t; checkStockSelfMetrics(t, e, s) })
	t.Run("dashboards", func(t *testing.T) { l.t = t; checkKwokDashboards(t, l, s) })
	t.Run("interval", func(t *testing.T) { l.t = t; checkInterval(t, l, s) })
	t.Run("refused dashboards", func(t *testing.T) { l.t = t; checkRefused(t, l, s) })
	t.Run("emptied folders", func(t *testing.T) { l.t = t; checkFolders(t, l, s) })
	t.Run("scale", func(t *testing.T) { l.t = t; checkKwokScale(t, l, s) })
	t.Run("check", func(t *testing.T) { l.t = t; checkKwokCheck(t, l) })
	t.Run("a killed container comes back", func(t *testing.T) { e.t, l.t = t, t; checkKwokKilled(t, e, l, s) })
	e.t, l.t = t, t
	// The data is in a volume, which survives.
	before := time.Now()
	l.diorama("down", "--keep-data")
	l.diorama("up", "-f", file)
	if err := atLeast(l.status().Endpoints.Prometheus, lastAt(before), 5); err != nil {
		t.Errorf("samples from before are lost: %v", err)
	}
	l.diorama("down")
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
	if config := l.kubectl("config", "view"); strings.Contains(config, "diorama") {
		t.Errorf("the kubeconfig has kept something:\n%s", config)
	}
}

// upKwok brings the kind up with images from a tarball, one of them pinned, and
// with dashboards of which one cannot be read.
func upKwok(t *testing.T, e engine, l *lab, file string) {
	e.forget(standIns...) // they are loaded from the tarball
	boards := filepath.Join(l.home, "boards")
	if err := os.Mkdir(boards, 0o700); err != nil {
		t.Fatal(err)
	}
	l.write("boards/mine.jsonnet", `{uid: 'mine', title: 'First', panels: [], schemaVersion: 39}`)
	l.write("boards/bad.json", `{"title": }`)
	// An image that was built here has no digests: one that is pinned is taken by its
	// tag, and reported.
	text, err := os.ReadFile(file)
	e.check(err)
	digest := "@sha256:" + strings.Repeat("1", 64)
	pinned := l.write("pinned.yaml", strings.Replace(string(text), lgtmImage, lgtmImage+digest, 1))
	l.diorama("up", "-f", pinned, "--dashboards", boards)
	warnings := l.status().Warnings
	if !strings.Contains(strings.Join(warnings, " "), "the digest of the image "+lgtmImage) {
		t.Errorf("that a digest is taken on trust is not reported: %q", warnings)
	}
}

func checkKwokScale(t *testing.T, l *lab, s status) {
	l.diorama("scale", "--nodes", "12")
	checkKwokTelemetry(t, l, s, 12)
	l.diorama("scale", "--nodes", "5")
	checkKwokTelemetry(t, l, s, 5)
	// A stock collector counts no scrape that fails altogether, but logs it.
	if log := l.diorama("logs", "collector"); strings.Contains(log, "Error scraping metrics") {
		t.Errorf("nodes were scraped while they went:\n%s", log)
	}
}

// checkKwokCheck expects one finding: the dashboard that cannot be read.
func checkKwokCheck(t *testing.T, l *lab) {
	l.diorama("scale", "--nodes", "5", "--pods", "40") // workloads of all kinds
	report := l.checked(1, "--wait", (patience * 2 / 3).String())
	if s := report.Summary; s.Data < 500 || s.Empty > 0 || s.Problems != 1 || s.Findings != 1 || len(report.Stale) > 0 {
		t.Errorf("the summary is %+v, stale are %+v", s, report.Stale)
	}
}

func checkKwokKilled(t *testing.T, e engine, l *lab, s status) {
	for _, name := range []string{"collector", "lgtm"} {
		id := e.inspect(s, name).ID
		e.check(e.ContainerKill(t.Context(), id, "KILL"))
		killed := time.Now()
		e.waitReplaced(l, name, id)
		eventually(t, "metrics go on", func() error {
			return atLeast(s.Endpoints.Prometheus, since(killed), 5)
		})
	}
}

// checkContainers looks at how the containers were made.
func checkContainers(e engine, l *lab, s status) {
	lgtm, collector := e.inspect(s, "lgtm"), e.inspect(s, "collector")
	for _, c := range []container.InspectResponse{lgtm, collector} {
		for port, bindings := range c.HostConfig.PortBindings {
			for _, b := range bindings {
				if b.HostIP != "127.0.0.1" {
					e.t.Errorf("%s publishes %s on %q", c.Name, port, b.HostIP)
				}
			}
		}
		if len(c.NetworkSettings.Networks) != 1 || c.NetworkSettings.Networks["diorama-default"] == nil {
			e.t.Errorf("%s is in the networks %v", c.Name, c.NetworkSettings.Networks)
		}
		if c.Config.Labels["diorama.dev/environment"] != "default" || c.HostConfig.Privileged {
			e.t.Errorf("%s has the labels %v, privileged: %v", c.Name, c.Config.Labels, c.HostConfig.Privileged)
		}
	}
	if _, published := lgtm.HostConfig.PortBindings["9090/tcp"]; published {
		e.t.Error("Prometheus is published")
	}
	folder := ""
	for _, m := range collector.Mounts {
		if m.Destination == "/etc/diorama" && !m.RW {
			folder = m.Source
		}
	}
	path := filepath.Join(folder, "kubeconfig")
	info, err := os.Stat(path)
	e.check(err)
	if info.Mode().Perm() != 0o600 {
		e.t.Errorf("the kubeconfig's mode is %s", info.Mode())
	}
	config, err := clientcmd.LoadFromFile(path)
	e.check(err)
	for _, cluster := range config.Clusters {
		if !strings.HasPrefix(cluster.Server, "https://host.docker.internal:") || cluster.InsecureSkipTLSVerify ||
			len(cluster.CertificateAuthorityData) == 0 {
			e.t.Errorf("the containers' kubeconfig says %+v", cluster)
		}
	}
	text := l.diorama("config", "collector")
	if strings.Count(text, "\n  kubeletstats/") != 3 || !strings.Contains(text, "http://lgtm:4318") {
		e.t.Errorf("the collector's configuration is:\n%s", text)
	}
}

// checkKwokTelemetry asks LGTM's Prometheus, through Grafana, for what each
// receiver sends.
func checkKwokTelemetry(t *testing.T, l *lab, s status, nodes int) {
	eventually(t, "metrics of every node and pod, and of the machine", func() error {
		return errors.Join(
			atLeast(s.Endpoints.Prometheus, `k8s_node_cpu_time_seconds_total{k8s_cluster_name="default"}`, nodes),
			atLeast(s.Endpoints.Prometheus, `k8s_pod_phase`, 6),
			atLeast(s.Endpoints.Prometheus, `system_memory_usage_bytes`, 1),
		)
	})
	eventually(t, "the status reports the flow", func() error {
		flow := l.status().Telemetry
		if flow.Error != "" || flow.Series == 0 || flow.SamplesPerSecond == 0 ||
			flow.LastSampleAge < 0 || flow.LastSampleAge > 60 {
			return fmt.Errorf("%+v", flow)
		}
		return nil
	})
}

// checkKwokDashboards asks Grafana's API for a shipped dashboard and for one
// of the user's, which is saved again.
func checkKwokDashboards(t *testing.T, l *lab, s status) {
	title := func(uid, want string) {
		t.Helper()
		eventually(t, "the title "+want, func() error {
			var answer struct{ Dashboard struct{ Title string } }
			err := getJSON(s.Endpoints.Dashboards+"/api/dashboards/uid/"+uid, &answer)
			if err == nil && !strings.Contains(answer.Dashboard.Title, want) {
				err = fmt.Errorf("the title is %q", answer.Dashboard.Title)
			}
			return err
		})
	}
	title("diorama-cluster", "Cluster")
	title("mine", "First")
	l.write("boards/mine.jsonnet", `{uid: 'mine', title: 'Second', panels: [], schemaVersion: 39}`)
	title("mine", "Second")
	if warnings := strings.Join(s.Warnings, " "); !strings.Contains(warnings, "bad.json:1:11") {
		t.Errorf("a broken dashboard is not reported: %q", s.Warnings)
	}
}

// TestKwokKilled kills the supervisor at two moments: down finds what is left
// by its labels, and nothing else.
func TestKwokKilled(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	file := l.kwok(e, "")
	l.diorama("up", "-f", file)
	// Somebody else's, alongside it.
	config := &container.Config{Image: standIns[0], Labels: map[string]string{"diorama.dev/environment": "default"}}
	other, err := e.ContainerCreate(t.Context(), config, nil, nil, nil, "diorama-e2e-other")
	e.check(err)
	t.Cleanup(func() { e.check(e.ContainerRemove(context.Background(), other.ID, container.RemoveOptions{})) })
	kill(t, l.status())
	if got := l.status(); got.Phase != "Crashed" {
		t.Errorf("the phase is %s, want Crashed", got.Phase)
	}
	l.diorama("down")
	if _, err := e.ContainerInspect(t.Context(), other.ID); err != nil {
		t.Errorf("down removed somebody else's container: %v", err)
	}
	if _, err := e.NetworkInspect(t.Context(), "diorama-default", network.InspectOptions{}); err == nil {
		t.Error("down has left the network")
	}
	killMidway(t, e, l, file)
	l.diorama("down")
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// killMidway kills the supervisor of a start once there is a network.
func killMidway(t *testing.T, e engine, l *lab, file string) {
	t.Helper()
	ended := make(chan result, 1)
	go func() { ended <- l.command(binary(t, "DIORAMA_BINARY"), "up", "-f", file) }()
	eventually(t, "the network is there", func() error {
		_, err := e.NetworkInspect(t.Context(), "diorama-default", network.InspectOptions{})
		return err
	})
	if err := syscall.Kill(pids(l.status())["supervisor"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-ended; r.err == nil {
		t.Errorf("up succeeded without its supervisor:\n%s", r.stderr)
	}
}

// TestKwokRefused holds on to what is said when something is missing, and to
// the rollback: newEngine looks for what is left.
func TestKwokRefused(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	file := l.kwok(e, "")
	refused := func(about string, want ...string) func(args ...string) {
		return func(args ...string) {
			t.Helper()
			said := l.dioramaFails(append([]string{"up", "-f"}, args...)...)
			for _, words := range want {
				if !strings.Contains(said, words) {
					t.Errorf("%s: it does not say %q:\n%s", about, words, said)
				}
			}
			if left := l.files("state"); len(left) > 0 {
				t.Errorf("%s: files are left: %q", about, left)
			}
		}
	}
	image := l.write("image.yaml", "kind: kwok\nimages: {lgtm: 'localhost:1/none:1'}\nports: auto\n")
	refused("no registry", "pulling the image localhost:1/none:1", "images.load")(image)
	refused("no such context", `no context "nope"`)(file, "--kube-context", "nope")

	// The stand-ins may be gone since another test.
	if load := l.command(binary(t, "DIORAMA_BINARY"), "image", "--tag", imagesTag); load.err != nil {
		t.Fatal(load.stderr)
	}
	config := &container.Config{Image: standIns[0]}
	taken, err := e.ContainerCreate(t.Context(), config, nil, nil, nil, "diorama-default-lgtm")
	e.check(err)
	refused("name taken", "the container name diorama-default-lgtm is taken", taken.ID[:12], "--name")(file)
	e.check(e.ContainerRemove(t.Context(), taken.ID, container.RemoveOptions{}))

	env := l.env
	l.env = append(env, "DOCKER_HOST=unix:///nowhere/docker.sock")
	refused("no engine", "unix:///nowhere/docker.sock (from DOCKER_HOST)", "does not run", "`embedded`")(file)
	l.env = append(env, "DOCKER_HOST=tcp://192.0.2.1:2375")
	refused("an engine elsewhere", "not on this machine", "docker context use default")(file)
	l.env = env
}

// TestKwokContext watches a cluster that is there already, whose API server
// listens on all addresses as kwokctl's does, and which has pods of no
// controller; with the kubelet API here, and in a container of diorama's own
// image.
func TestKwokContext(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	l.diorama(append(small, "--name", "base")...)
	port := l.serveEverywhere("base", "kwok-mine")
	l.bare("kwok-mine", 4)
	for _, c := range []struct {
		name, images string
		onGateway    int
	}{
		{"kubelets here", "", 2}, {"kubelets in a container", fmt.Sprintf(", statsProxy: %q", standIns[0]), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			e.t, l.t = t, t
			l.diorama("up", "-f", l.kwok(e, c.images), "--kube-context", "kwok-mine")
			s := l.status()
			if s.Phase != "Ready" || s.Cluster.Nodes.Ready != 3 || s.Endpoints.Kubernetes != "" {
				t.Errorf("the status is %+v", s)
			}
			eventually(t, "pods without a controller are counted", func() error {
				if pods := l.status().Cluster.Pods; pods.Desired != 6+4 || pods.Running != 6+4 {
					return fmt.Errorf("%+v", pods)
				}
				return nil
			})
			e.checkGateway(s, "diorama-default", c.onGateway, 1)
			checkWatched(t, e, s, port)
			if c.images != "" {
				e.inspect(s, "stats-proxy")
			}
			checkKwokTelemetry(t, l, s, 3)
			if err := atLeast(s.Endpoints.Prometheus, `k8s_pod_phase{k8s_pod_name=~"pod-.*"}`, 4); err != nil {
				t.Errorf("pods without a controller: %v", err)
			}
			if said := l.dioramaFails("scale", "--nodes", "5"); !strings.Contains(said, "kwokctl scale") {
				t.Errorf("scale says %q", said)
			}
			l.diorama("down")
		})
	}
	e.t, l.t = t, t
	if nodes := l.kubectl("--context", "diorama-base", "get", "nodes", "-o", "name"); strings.Count(nodes, "node/") != 3 {
		t.Errorf("the cluster has lost nodes: %q", nodes)
	}
	l.diorama("down", "--name", "base")
}

// checkWatched looks at the kubeconfig of the containers: it points to the
// gateway, where the API server's own port is taken by itself, and checks the
// certificate for the name that it has.
func checkWatched(t *testing.T, e engine, s status, port int) {
	t.Helper()
	for _, m := range e.inspect(s, "collector").Mounts {
		if m.Destination != "/etc/diorama" {
			continue
		}
		config, err := clientcmd.LoadFromFile(filepath.Join(m.Source, "kubeconfig"))
		e.check(err)
		for _, cluster := range config.Clusters {
			here := strings.HasPrefix(cluster.Server, "https://host.docker.internal:") &&
				!strings.HasSuffix(cluster.Server, fmt.Sprintf(":%d", port))
			if !here || cluster.TLSServerName != "127.0.0.1" || cluster.InsecureSkipTLSVerify ||
				len(cluster.CertificateAuthorityData) == 0 {
				t.Errorf("the containers' kubeconfig says %s as %q", cluster.Server, cluster.TLSServerName)
			}
		}
	}
}
