//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestK3dRealPods brings the kind k3d up with nodes whose pods run, which
// `make test-k3d` names: e2e/lgtm stands for LGTM and diorama's own image for the
// collector, all else is what users have.
func TestK3dRealPods(t *testing.T) {
	node, workload := os.Getenv("DIORAMA_K3S_IMAGE"), os.Getenv("DIORAMA_WORKLOAD_IMAGE")
	if node == "" || workload == "" {
		skip(t, "make test-k3d names images of nodes whose pods run")
	}
	e, l := newEngine(t), newLab(t)
	// The images are pinned, as in the reference environments.
	lgtm, collector := e.pinned(e.lgtm(), true), e.pinned(standIns[2], true)
	file := l.write("real.yaml", fmt.Sprintf(`kind: k3d
cluster: {nodes: 5, pods: 40}
telemetry: {interval: 2s}
images: {lgtm: %q, collector: %q, k3s: %q, workload: %q, load: [%q]}
chart: {path: %q}
ports: auto
`, lgtm, collector, node, workload, e.images(), chartFolder(t)))
	l.diorama("up", "-f", file)
	s := l.status()
	t.Logf("ready in %s", s.StartedIn)
	if s.Kind != "k3d" || s.Phase != "Ready" || s.Cluster.Nodes.Ready != 6 {
		t.Errorf("the status is %+v", s)
	}
	said := l.diorama("status")
	if !strings.Contains(said, "k3d-diorama-default-server-0") || !strings.Contains(said, "pod of diorama") {
		t.Errorf("the status says\n%s", said)
	}
	t.Run("the kubelet is scraped", func(t *testing.T) {
		for _, metric := range []string{
			"container_cpu_time_seconds_total", "k8s_node_cpu_time_seconds_total", "system_filesystem_usage_bytes",
		} {
			eventually(t, metric, func() error { return atLeast(s.Endpoints.Prometheus, metric, 1) })
		}
	})
	t.Run("the status reports the flow", func(t *testing.T) { l.t = t; checkRealFlow(t, l) })
	t.Run("simulated nodes are kept apart", func(t *testing.T) { l.t = t; checkRealNodes(t, l, s) })
	t.Run("the page is served", func(t *testing.T) { checkRealPage(t, s) })
	t.Run("Grafana asks for the interval", func(t *testing.T) { checkRealInterval(t, s) })
	t.Run("check", func(t *testing.T) { l.t = t; checkRealCheck(t, l, s) })
	t.Run("the kubelet restarts an LGTM whose Prometheus has ended", func(t *testing.T) {
		l.t = t
		checkRealRestart(t, l, s)
	})
	t.Run("ports are forwarded to the next pod", func(t *testing.T) {
		l.t = t
		before := time.Now()
		l.kubectl("-n", "diorama", "delete", "pod", "-l", "app.kubernetes.io/name=lgtm", "--wait=false")
		eventually(t, "new metrics", func() error {
			return atLeast(s.Endpoints.Prometheus, since(before), 1)
		})
	})
	l.t = t
	l.diorama("down")
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

func checkRealFlow(t *testing.T, l *lab) {
	eventually(t, "samples per second", func() error {
		flow := l.status().Telemetry
		if flow.Error != "" || flow.SamplesPerSecond <= 0 || flow.Series == 0 || flow.DroppedSamples > 0 {
			return fmt.Errorf("the flow is %+v", flow)
		}
		return nil
	})
}

func checkRealNodes(t *testing.T, l *lab, s status) {
	const where = `jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}`
	for _, namespace := range []string{"demo", "diorama", "shop"} {
		on := l.kubectl("-n", namespace, "get", "pods", "-o", where)
		all, onReal := strings.Count(on, "\n"), strings.Count(on, "k3d-diorama-default-server-0")
		if all == 0 || namespace == "shop" && onReal > 0 || namespace != "shop" && onReal != all {
			t.Errorf("%d of the %d pods of %s are on the real node", onReal, all, namespace)
		}
	}
	l.diorama("scale", "--nodes", "7", "--pods", "42")
	eventually(t, "kubelets of simulated nodes", func() error {
		return atLeast(s.Endpoints.Prometheus, `k8s_node_cpu_time_seconds_total{k8s_node_name=~"node-.*"}`, 7)
	})
}

func checkRealPage(t *testing.T, s status) {
	response, err := http.Get(s.Endpoints.Dashboards + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "<html") {
		t.Errorf("%s, %v: %s", response.Status, err, body)
	}
}

func checkRealInterval(t *testing.T, s status) {
	var source struct {
		JSONData struct{ TimeInterval string }
	}
	err := getJSON(s.Endpoints.Dashboards+"/api/datasources/uid/prometheus", &source)
	if got := source.JSONData.TimeInterval; err != nil || got != "2s" {
		t.Errorf("the data source has the interval %q: %v", got, err)
	}
}

func checkRealCheck(t *testing.T, l *lab, s status) {
	// Kubelets measure volumes once a minute, and the job comes as often.
	for _, metric := range []string{
		"k8s_volume_available_bytes", `k8s_job_successful_pods{k8s_namespace_name="demo"}`,
	} {
		eventually(t, metric, func() error { return atLeast(s.Endpoints.Prometheus, metric, 1) })
	}
	if report := l.checked(0, "--wait", (patience * 2 / 3).String()); report.Summary.Data < 500 {
		t.Errorf("the summary is %+v", report.Summary)
	}
}

func checkRealRestart(t *testing.T, l *lab, s status) {
	const names = `jsonpath={.items[*].metadata.name}`
	pod := l.kubectl("-n", "diorama", "get", "pods", "-l", "app.kubernetes.io/name=lgtm", "-o", names)
	l.kubectl("-n", "diorama", "exec", "deployment/lgtm", "--", "pkill", "-9", "prometheus")
	ended := time.Now()
	eventually(t, "it is reported", func() error {
		if s := l.status(); s.Phase != "Degraded" || s.component("forwards").Phase != "NotReady" {
			return fmt.Errorf("phase %s, %+v", s.Phase, s.Components)
		}
		return nil
	})
	pollUntil(t, time.Now().Add(3*patience), "metrics go on", func() error {
		return atLeast(s.Endpoints.Prometheus, since(ended), 1)
	})
	eventually(t, "all is Ready", func() error {
		if s := l.status(); s.Phase != "Ready" {
			return fmt.Errorf("phase %s, %+v", s.Phase, s.Components)
		}
		return nil
	})
	// It is the same pod, whose samples are still there.
	if now := l.kubectl("-n", "diorama", "get", "pods", "-l", "app.kubernetes.io/name=lgtm", "-o", names); now != pod {
		t.Errorf("the pod is %s, it was %s", now, pod)
	}
	if err := atLeast(s.Endpoints.Prometheus, lastAt(ended), 1); err != nil {
		t.Errorf("samples from before are lost: %v", err)
	}
}

// TestK3dRealCrash: a collector that does not take its configuration is reported with
// what it said, and everything is taken back.
func TestK3dRealCrash(t *testing.T) {
	node := os.Getenv("DIORAMA_K3S_IMAGE")
	if node == "" {
		skip(t, "make test-k3d names images of nodes whose pods run")
	}
	e, l := newEngine(t), newLab(t)
	own := l.write("own.yaml", "kind: k3d\nimages: {collector: \"diorama-collector:e2e\"}\n")
	stock := l.diorama("config", "collector", "nodes", "-f", own)
	values := strings.Replace(stock, "exporters: [otlp_http/backend]", "exporters: [no_such]", 1)
	file := l.write("crash.yaml", fmt.Sprintf(`kind: k3d
cluster: {workloads: none}
telemetry: {collectors: {nodes: %q}}
images: {lgtm: %q, collector: "diorama-collector:e2e", k3s: %q, load: [%q]}
chart: {path: %q}
ports: auto
`, l.write("values.yaml", values), e.lgtm(), node, e.images(), chartFolder(t)))
	said := l.dioramaFails("up", "-f", file)
	for _, want := range []string{"otel-nodes", "does not come up", "no_such"} {
		if !strings.Contains(said, want) {
			t.Error(errors.New(said))
			break
		}
	}
}

// chartFolder is the chart of ours that has the official one's value names.
func chartFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir + "/../testdata/charts/opentelemetry-collector"
}
