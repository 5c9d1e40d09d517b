//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
)

const k3dNode = "k3d-diorama-default-server-0"

// k3d writes an environment file of the kind, with nodes of the stand-in image:
// all is real but for the pods, and what LGTM's ports are forwarded to.
func (l *lab) k3d(e engine, more string) string {
	l.t.Helper()
	e.nodes()
	l.write("kubeconfig", ownKubeconfig)
	return l.write("k3d.yaml", fmt.Sprintf(`kind: k3d
telemetry: {interval: 1s}
images: {lgtm: %q, collector: %q, workload: %q, k3s: %q}
chart: {path: %q}
ports: auto
%s`, e.pinned(standIns[1], true), standIns[2], standIns[0], nodeImage, chartFolder(l.t), more))
}

// TestK3d brings the kind up with the stand-in for k3s.
func TestK3d(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	file := l.k3d(e, "")
	l.diorama("up", "-f", file)
	s := l.status()
	t.Logf("ready in %s", s.StartedIn)
	if s.Kind != "k3d" || s.Phase != "Ready" || s.Cluster.Nodes.Ready != 1 || s.Cluster.Nodes.Desired != 1 ||
		s.Cluster.Pods.Running != s.Cluster.Pods.Desired {
		t.Errorf("the status is %+v", s)
	}
	t.Run("status", func(t *testing.T) { l.t = t; checkK3dStatus(t, l, s) })
	t.Run("node", func(t *testing.T) { e.t = t; checkK3dNode(t, e) })
	t.Run("objects", func(t *testing.T) { l.t = t; checkK3dObjects(t, l) })
	t.Run("ports", func(t *testing.T) { checkK3dPorts(t, s) })
	t.Run("check", func(t *testing.T) { l.t = t; checkK3dCheck(t, l) })
	t.Run("what does not answer is reported", func(t *testing.T) { e.t, l.t = t, t; checkK3dSilence(t, e, l) })
	e.t, l.t = t, t
	if said := l.dioramaFails("scale", "--nodes", "5"); !strings.Contains(said, "cluster.nodes") {
		t.Errorf("scale says %q", said)
	}
	// The supervisor is killed, and down does what it would have done.
	kill(t, s)
	l.diorama("down")
	checkNothingLeft(t, l)
}

func checkK3dStatus(t *testing.T, l *lab, s status) {
	said := l.diorama("status")
	for _, want := range []string{
		k3dNode, nodeImage, "lgtm-", "otel-cluster-", "otel-nodes-", "pod of diorama", "diorama-default",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the status does not say %q:\n%s", want, said)
		}
	}
	if s.KubeContext != "diorama-default" || l.kubectl("config", "current-context") != "diorama-default\n" {
		t.Errorf("the context is %q", s.KubeContext)
	}
	if warnings := strings.Join(s.Warnings, " "); !strings.Contains(warnings, "the digest of the image "+standIns[1]) {
		t.Errorf("that a digest is taken on trust is not reported: %q", s.Warnings)
	}
	forwarded := map[int]int{}
	for _, forward := range s.Forwards {
		if forward.Service != "lgtm" || !strings.HasPrefix(forward.Pod, "lgtm-") {
			t.Errorf("a port is forwarded to %+v", forward)
		}
		forwarded[forward.Port] = forward.Host
	}
	for port, endpoint := range map[int]string{
		3000: s.Endpoints.Dashboards, 9090: s.Endpoints.Prometheus,
		4317: s.Endpoints.OTLPGRPC, 4318: s.Endpoints.OTLPHTTP,
	} {
		if want := fmt.Sprintf("127.0.0.1:%d", forwarded[port]); forwarded[port] == 0 || !strings.HasSuffix(endpoint, want) {
			t.Errorf("the endpoint %s is to be forwarded to the port %d, but %s is", endpoint, port, want)
		}
	}
	if nodes := l.readyNodes(); !slices.Equal(nodes, []string{k3dNode}) {
		t.Errorf("the nodes are %q", nodes)
	}
}

// checkK3dNode looks at the container: what it sees, publishes and was given.
func checkK3dNode(t *testing.T, e engine) {
	found, err := e.ContainerInspect(t.Context(), k3dNode)
	e.check(err)
	for port, bindings := range found.HostConfig.PortBindings {
		for _, b := range bindings {
			if b.HostIP != "127.0.0.1" {
				t.Errorf("%s is published on %q", port, b.HostIP)
			}
		}
	}
	if found.Config.Labels["diorama.dev/environment"] != "default" || len(found.NetworkSettings.Networks) != 1 {
		t.Errorf("labels %v, networks %v", found.Config.Labels, found.NetworkSettings.Networks)
	}
	mounted := e.exec(k3dNode, "busybox", "ls", "/etc/diorama/lgtm/dashboards", "/etc/diorama/lgtm/rules")
	if strings.Count(mounted, ".json")+strings.Count(mounted, ".yaml") == 0 {
		t.Errorf("the node sees %q", mounted)
	}
	if writing := e.exec(k3dNode, "busybox", "touch", "/etc/diorama/lgtm/x"); !strings.Contains(writing, "Read-only") {
		t.Errorf("the node may write: %q", writing)
	}
	// What kubelets ask a runtime for, and nothing else.
	imported := strings.Fields(e.exec(k3dNode, "busybox", "cat", "/var/lib/rancher/k3s/imported"))
	slices.Sort(imported)
	want := []string{
		"docker.io/library/" + standIns[2], "docker.io/library/" + standIns[0],
		"docker.io/library/" + e.pinned(standIns[1], false),
	}
	slices.Sort(want)
	if !slices.Equal(imported, want) {
		t.Errorf("copied into the node are %q, want %q", imported, want)
	}
}

// pinned is an image by its digest, with or without its tag. Engines that keep
// no digest of what they load take any.
func (e engine) pinned(name string, tag bool) string {
	e.t.Helper()
	found, err := e.ImageInspect(e.t.Context(), name)
	e.check(err)
	repository, _, _ := strings.Cut(name, ":")
	pin := repository + "@sha256:" + strings.Repeat("1", 64)
	if len(found.RepoDigests) > 0 {
		pin = found.RepoDigests[0]
	}
	if tag {
		_, digest, _ := strings.Cut(pin, "@")
		pin = name + "@" + digest
	}
	return pin
}

// exec runs a command in a container and returns what it says.
func (e engine) exec(name string, command ...string) string {
	e.t.Helper()
	ctx := e.t.Context()
	options := container.ExecOptions{Cmd: command, AttachStdout: true, AttachStderr: true}
	made, err := e.ContainerExecCreate(ctx, name, options)
	e.check(err)
	attached, err := e.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	e.check(err)
	defer attached.Close()
	var said bytes.Buffer
	_, err = stdcopy.StdCopy(&said, &said, attached.Reader)
	e.check(err)
	return said.String()
}

// checkK3dObjects looks for what was applied, and for the releases as Helm
// itself finds them.
func checkK3dObjects(t *testing.T, l *lab) {
	for _, name := range []string{
		"deployment/lgtm", "service/lgtm",
		"deployment/otel-cluster", "daemonset/otel-nodes-agent", "configmap/otel-nodes-agent",
		"secret/sh.helm.release.v1.otel-cluster.v1",
	} {
		l.kubectl("-n", "diorama", "get", name)
	}
	for _, name := range []string{
		"deployment/web", "statefulset/journal", "cronjob/every-minute", "resourcequota/demo", "horizontalpodautoscaler/web",
	} {
		l.kubectl("-n", "demo", "get", name)
	}
	var release corev1.Secret
	l.kubectlInto(&release, "-n", "diorama", "get", "secret", "sh.helm.release.v1.otel-nodes.v1")
	if release.Type != "helm.sh/release.v1" ||
		release.Labels["status"] != "deployed" || release.Labels["owner"] != "helm" {
		t.Errorf("the release is %+v", release.ObjectMeta)
	}
	annotated := l.kubectl("-n", "diorama", "get", "daemonset", "otel-nodes-agent",
		"-o", `jsonpath={.metadata.annotations.meta\.helm\.sh/release-name}`)
	if annotated != "otel-nodes" {
		t.Errorf("the daemon set is of the release %q", annotated)
	}
}

// checkK3dPorts asks what the ports are forwarded to; in the stand-in that is the backend
// of the environment that plays the cluster.
func checkK3dPorts(t *testing.T, s status) {
	for _, address := range []string{s.Endpoints.Dashboards + "/api/health", s.Endpoints.Prometheus + "/-/ready"} {
		response, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s, %v: %s", address, response.Status, err, text)
		}
	}
	sendOverHTTP(t, s.Endpoints.OTLPHTTP, "led_over_http")
	sendOverGRPC(t, s.Endpoints.OTLPGRPC, "led_over_grpc")
	for _, metric := range []string{"led_over_http", "led_over_grpc", "k8s_node_condition_ready"} {
		eventually(t, metric, func() error { return atLeast(s.Endpoints.Prometheus, metric, 1) })
	}
}

// gauge is a request to store one sample of a metric, as of now.
func gauge(name string) pmetricotlp.ExportRequest {
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName(name)
	point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
	point.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	point.SetIntValue(1)
	return pmetricotlp.NewExportRequestFromMetrics(metrics)
}

func sendOverHTTP(t *testing.T, base, metric string) {
	t.Helper()
	body, err := gauge(metric).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(base+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("OTLP answers %s", response.Status)
	}
}

func sendOverGRPC(t *testing.T, address, metric string) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := pmetricotlp.NewGRPCClient(conn).Export(ctx, gauge(metric)); err != nil {
		t.Errorf("OTLP over gRPC: %v", err)
	}
}

// checkK3dCheck runs every query by way of the forwarded ports. What pods that run would
// send is empty here; make test-k3d has them.
func checkK3dCheck(t *testing.T, l *lab) {
	eventually(t, "check has data", func() error {
		if s := l.checked(1).Summary; s.Targets < 500 || s.Data < 300 || s.Error > 0 || s.Empty == 0 {
			return fmt.Errorf("the summary is %+v", s)
		}
		return nil
	})
}

// checkK3dSilence stops what stands for LGTM, and then the node as a whole.
func checkK3dSilence(t *testing.T, e engine, l *lab) {
	signal := func(name string) {
		// The brackets keep the shell from finding itself.
		e.exec(k3dNode, "busybox", "sh", "-c", `for p in /proc/[0-9]*; do `+
			`busybox tr '\000' ' ' <$p/cmdline | busybox grep -q 'data/[b]ackend' && kill -`+name+` ${p#/proc/}; done`)
	}
	reported := func(component, why string) {
		t.Helper()
		eventually(t, component+" is reported", func() error {
			s := l.status()
			c := s.component(component)
			if s.Phase != "Degraded" || c.Phase != "NotReady" || !strings.Contains(c.Message, why) {
				return fmt.Errorf("phase %s, %+v", s.Phase, c)
			}
			return nil
		})
	}
	ready := func() {
		t.Helper()
		eventually(t, "all is Ready again", func() error {
			if s := l.status(); s.Phase != "Ready" {
				return fmt.Errorf("phase %s, %+v", s.Phase, s.Components)
			}
			return nil
		})
	}
	signal("STOP")
	reported("forwards", "asking Grafana")
	signal("CONT")
	ready()
	e.check(e.ContainerPause(t.Context(), k3dNode))
	reported("cluster", "asking the Kubernetes API")
	e.check(e.ContainerUnpause(t.Context(), k3dNode))
	ready()
}

func checkNothingLeft(t *testing.T, l *lab) {
	t.Helper()
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
	config := l.kubectl("config", "view")
	if strings.Contains(config, "diorama") || !strings.Contains(config, "current-context: mine\n") {
		t.Errorf("the kubeconfig is not as before:\n%s", config)
	}
}
