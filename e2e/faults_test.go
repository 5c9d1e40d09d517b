//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// small is what the tests of faults bring up: they are about processes.
var small = []string{"up", "--ports", "auto", "--nodes", "3", "--pods", "6"}

func TestSecondUpChangesNothing(t *testing.T) {
	l := newLab(t)
	l.diorama(small...)
	before := l.status()
	said := l.dioramaFails("up", "--nodes", "9", "--ports", "auto")
	for _, want := range []string{
		`environment "default" is already up`, "3 nodes, 6 pods", "nothing was changed", "diorama scale", "diorama down",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("a second up does not say %q:\n%s", want, said)
		}
	}
	after := l.status()
	if after.Cluster != before.Cluster || fmt.Sprint(pids(after)) != fmt.Sprint(pids(before)) {
		t.Errorf("it changed something: %+v, before %+v", after, before)
	}
}

func pids(s status) map[string]int {
	all := map[string]int{}
	for _, component := range s.Components {
		all[component.Name] = component.PID
	}
	return all
}

// ownKubeconfig is the user's before diorama comes.
const ownKubeconfig = "apiVersion: v1\nkind: Config\n" +
	"clusters: [{name: mine, cluster: {server: 'https://mine.example'}}]\n" +
	"users: [{name: mine, user: {token: t}}]\n" +
	"contexts: [{name: mine, context: {cluster: mine, user: mine}}]\ncurrent-context: mine\n"

func TestTwoEnvironmentsAndTheKubeconfig(t *testing.T) {
	l := newLab(t)
	l.write("kubeconfig", ownKubeconfig)
	l.diorama(append(small, "--name", "one")...)
	l.diorama(append(small, "--name", "two")...)
	if list := l.diorama("list"); !strings.Contains(list, "one") || !strings.Contains(list, "two") {
		t.Errorf("list says:\n%s", list)
	}
	if got := strings.TrimSpace(l.kubectl("config", "current-context")); got != "diorama-two" {
		t.Errorf("the current context is %q", got)
	}
	l.kubectl("--context", "diorama-one", "get", "nodes")
	l.diorama("down", "--name", "two")
	l.diorama("down", "--name", "one")
	if got := strings.TrimSpace(l.kubectl("config", "current-context")); got != "mine" {
		t.Errorf("after both are down the current context is %q, want mine", got)
	}
	if got := strings.TrimSpace(l.kubectl("config", "get-contexts", "-o", "name")); got != "mine" {
		t.Errorf("contexts are %q, want mine alone", got)
	}
}

// TestInterruptedUpRollsBack ends an up half way, as Ctrl-C does.
func TestInterruptedUpRollsBack(t *testing.T) {
	l := newLab(t)
	cmd := exec.Command(binary(t, "DIORAMA_BINARY"), small...)
	cmd.Env = l.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var under []int
	eventually(t, "the API server is being started", func() error {
		r := l.command(binary(t, "DIORAMA_BINARY"), "status", "-o", "json")
		if r.err != nil || !strings.Contains(r.stdout, `"Starting"`) {
			return fmt.Errorf("%s%s", r.stdout, r.stderr)
		}
		s := l.status()
		for _, component := range s.Components {
			if component.Name == "kube-apiserver" && component.PID != 0 {
				for _, pid := range pids(s) {
					under = append(under, pid)
				}
				return nil
			}
		}
		return fmt.Errorf("%+v", s.Components)
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	said := stderr.String()
	if cmd.ProcessState.ExitCode() != 130 || !strings.Contains(said, "taking back") ||
		!strings.Contains(said, "nothing was left behind") {
		t.Errorf("up ended with %v and said:\n%s", err, stderr.String())
	}
	for _, pid := range under {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if left := append(l.files("state"), l.files("kubeconfig")...); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// TestKilledComponents kills each process in turn and waits until it is back
// and the telemetry goes on; what was stored before is still there.
func TestKilledComponents(t *testing.T) {
	l := newLab(t)
	l.diorama(small...)
	s := l.status()
	base := s.Endpoints.Prometheus
	eventually(t, "samples", func() error {
		const everBefore = `count_over_time(k8s_node_uptime_seconds_total[5m])` +
			` or count_over_time(k8s_node_cpu_time_seconds_total[5m])`
		return atLeast(base, everBefore, 3)
	})
	began := time.Now()
	for _, component := range s.Components {
		if component.Name == "supervisor" {
			continue
		}
		t.Run(component.Name, func(t *testing.T) {
			l.t = t
			if err := syscall.Kill(component.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, component.Name+" is back", func() error { return isBack(l.status(), component.Name, component.PID) })
			killed := time.Now()
			eventually(t, "metrics go on", func() error {
				return atLeast(base, fmt.Sprintf(`timestamp(k8s_node_cpu_time_seconds_total) > %d`, killed.Unix()), 3)
			})
			eventually(t, "the state of the cluster goes on", func() error {
				return atLeast(base, fmt.Sprintf(`timestamp(k8s_pod_phase) > %d`, killed.Unix()), 6)
			})
		})
	}
	l.t = t
	// What was acknowledged before the first kill has outlived the backend's.
	if err := atLeast(base, lastAt(began), 3); err != nil {
		t.Errorf("samples from before are lost: %v", err)
	}
	if falls, err := count(base, `resets(k8s_node_cpu_time_seconds_total[30m]) > 0`); err != nil || falls > 0 {
		t.Errorf("%d node counters fell, %v", falls, err)
	}
	l.kubectl("get", "nodes")
}

func isBack(s status, name string, oldPID int) error {
	for _, component := range s.Components {
		again := component.Name == name && component.PID != oldPID && component.Restarts == 1
		if again && component.Phase == "Ready" && s.Phase == "Ready" {
			return nil
		}
	}
	return fmt.Errorf("phase %s, %+v", s.Phase, s.Components)
}

func atLeast(base, query string, want int) error {
	got, err := count(base, query)
	if err == nil && got < want {
		err = fmt.Errorf("%s has %d series, want %d", query, got, want)
	}
	return err
}

// TestKilledSupervisor kills the supervisor: everything ends with it, status
// says so, up goes on with the data, and down removes what is left.
func TestKilledSupervisor(t *testing.T) {
	l := newLab(t)
	l.diorama(small...)
	s := l.status()
	eventually(t, "samples", func() error {
		return atLeast(s.Endpoints.Prometheus, `k8s_node_cpu_time_seconds_total`, 3)
	})
	uid := l.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
	killed := time.Now()
	kill(t, s)
	if got := l.status(); got.Phase != "Crashed" {
		t.Errorf("the phase is %s, want Crashed", got.Phase)
	}
	if said := l.diorama("status"); !strings.Contains(said, "diorama up") || !strings.Contains(said, "diorama down") {
		t.Errorf("status does not say what to do:\n%s", said)
	}
	l.diorama(small...)
	again := l.status()
	if got := l.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"); got != uid {
		t.Errorf("it is another cluster: %s, was %s", got, uid)
	}
	if err := atLeast(again.Endpoints.Prometheus, lastAt(killed), 3); err != nil {
		t.Errorf("samples from before are lost: %v", err)
	}
	kill(t, again)
	l.diorama("down")
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
	if got := strings.TrimSpace(l.kubectl("config", "get-contexts", "-o", "name")); got != "" {
		t.Errorf("contexts are left: %s", got)
	}
}

// kill ends the supervisor by force and waits until its children have ended.
func kill(t *testing.T, s status) {
	t.Helper()
	if err := syscall.Kill(pids(s)["supervisor"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all processes have ended", func() error {
		for name, pid := range pids(s) {
			if alive(pid) {
				return fmt.Errorf("%s still runs as %d", name, pid)
			}
		}
		return nil
	})
}

func TestKeepDataGoesOn(t *testing.T) {
	l := newLab(t)
	l.diorama(small...)
	base := l.status().Endpoints.Prometheus
	eventually(t, "samples", func() error { return atLeast(base, `k8s_node_cpu_time_seconds_total`, 3) })
	stopped := time.Now()
	l.diorama("down", "--keep-data")
	if got := l.status(); got.Phase != "Stopped" {
		t.Errorf("the phase is %s, want Stopped", got.Phase)
	}
	l.diorama(small...)
	base = l.status().Endpoints.Prometheus
	if err := atLeast(base, lastAt(stopped), 3); err != nil {
		t.Errorf("samples from before are lost: %v", err)
	}
}

// TestFailedStartIsTakenBack gives the API server something that it cannot
// work with: an etcd whose data is broken.
func TestFailedStartSaysWhichComponentAndWhy(t *testing.T) {
	l := newLab(t)
	// It loads, and cannot start.
	config := l.write("collector.yaml", "receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:99999'}}}}\n"+
		"exporters: {debug: {}}\nservice: {pipelines: {metrics: {receivers: [otlp], exporters: [debug]}}}\n")
	said := l.dioramaFails("up", "--ports", "auto", "--nodes", "2", "--pods", "2", "--collector-config", config)
	if !strings.Contains(said, "collector-cluster") || !strings.Contains(said, "address 99999: invalid port") {
		t.Errorf("the message does not say which component and why:\n%s", said)
	}
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
	said = l.dioramaFails("up", "--ports", "auto", "--nodes", "2", "--pods", "2",
		"--collector-config", config, "--retain")
	if !strings.Contains(said, "invalid port") || len(l.files("state")) == 0 {
		t.Errorf("--retain kept nothing:\n%s", said)
	}
	if got := l.status(); got.Phase != "Failed" {
		t.Errorf("the phase is %s, want Failed", got.Phase)
	}
	l.diorama("logs", "collector-cluster")
}

func TestTemplateAndStagesOfTheUser(t *testing.T) {
	l := newLab(t)
	template := l.write("pod.yaml", "apiVersion: v1\nkind: Pod\n"+
		"metadata: {name: mine, namespace: default, labels: {app: mine}}\n"+
		"spec: {containers: [{name: only, image: example/only:1}]}\n")
	l.write("stage.yaml", `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: label-namespaces}
spec:
  resourceRef: {apiGroup: v1, kind: ConfigMap}
  selector:
    matchLabels: {stage: "yes"}
    matchExpressions: [{key: .metadata.labels.seen, operator: DoesNotExist}]
  next:
    patches: [{root: metadata, template: "labels: {seen: \"true\"}"}]
`)
	file := l.write("environment.yaml", "apiVersion: diorama/v1alpha1\nports: auto\n"+
		"cluster: {nodes: 2, pods: 5, stages: [stage.yaml], podTemplate: "+template+"}\n")
	l.diorama("up", "-f", file)
	var pods objects
	l.kubectlInto(&pods, "get", "pods", "-A", "-l", "app=mine")
	if len(pods.Items) != 5 {
		t.Errorf("%d pods of the template run, want 5", len(pods.Items))
	}
	if got := l.kubectl("get", "stages", "-o", "name"); !strings.Contains(got, "label-namespaces") {
		t.Errorf("the user's stage is not there: %s", got)
	}
}

// TestStatsProxyAlone serves a cluster that an environment did not set up the
// proxy for: only a kubeconfig is given.
func TestStatsProxyAlone(t *testing.T) {
	l := newLab(t)
	l.diorama(small...)
	kubeconfig := l.write("alone.kubeconfig", l.diorama("kubeconfig"))
	address := freeAddress(t)
	cmd := exec.Command(binary(t, "DIORAMA_BINARY"), "stats-proxy",
		"--kubeconfig", kubeconfig, "--listen", address, "--insecure")
	cmd.Env = l.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("stats-proxy ended with %v:\n%s", err, stderr.String())
		}
	}()
	eventually(t, "the proxy answers for a node", func() error {
		var summary struct {
			Node struct{ NodeName string }
			Pods []any
		}
		if err := getJSON("http://"+address+"/nodes/node-0001/stats/summary", &summary); err != nil {
			return err
		}
		if summary.Node.NodeName != "node-0001" || len(summary.Pods) == 0 {
			return fmt.Errorf("it answers %+v", summary)
		}
		return nil
	})
	response, err := http.Get("http://" + address + "/nodes/none/stats/summary")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown node answers %s", response.Status)
	}
}

// TestComponentThatHangs stops a process without ending it: it is not Ready as
// long as it does not answer, and is again when it does.
func TestComponentThatHangs(t *testing.T) {
	l := newLab(t)
	l.diorama(small...)
	before := pids(l.status())
	for _, name := range []string{"kube-scheduler", "backend"} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			if err := syscall.Kill(before[name], syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the status reports it", func() error {
				s := l.status()
				c := s.component(name)
				silent := c.Phase == "NotReady" && strings.Contains(c.Message, "not answering since")
				if s.Phase != "Degraded" || !silent {
					return fmt.Errorf("phase %s, %+v", s.Phase, c)
				}
				return nil
			})
			if err := syscall.Kill(before[name], syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is Ready again", func() error {
				s := l.status()
				if c := s.component(name); s.Phase != "Ready" || c.Phase != "Ready" {
					return fmt.Errorf("phase %s, %+v", s.Phase, c)
				}
				return nil
			})
		})
	}
}
