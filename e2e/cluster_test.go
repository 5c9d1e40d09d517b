//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/internal/versions"
)

// The sizes that `up` has without flags.
const (
	defaultNodes = 50
	defaultPods  = 200
)

// TestObservedCluster brings up the default environment and asks it, with
// stock kubectl and PromQL, for what the README promises.
func TestObservedCluster(t *testing.T) {
	l := newLab(t)
	l.diorama("up", "--ports", "auto")
	s := l.status()
	base := s.Endpoints.Prometheus

	t.Run("status", func(t *testing.T) { checkStatus(t, s) })
	t.Run("kubectl", func(t *testing.T) { checkKubectl(t, l) })
	t.Run("port-forward", func(t *testing.T) { checkPortForward(t, l) })
	t.Run("counts", func(t *testing.T) { checkCounts(t, l) })
	t.Run("owners", func(t *testing.T) { checkOwners(t, l) })
	t.Run("workloads", func(t *testing.T) { checkWorkloads(t, l) })
	t.Run("kubelet", func(t *testing.T) { checkKubelet(t, l) })
	t.Run("metrics", func(t *testing.T) { checkMetrics(t, l, base) })
	t.Run("cpu rate of every running pod", func(t *testing.T) { checkPodCPU(t, l, base) })
	t.Run("events", func(t *testing.T) { checkEvents(t, base) })
	t.Run("traces are refused", func(t *testing.T) { checkTraces(t, s) })
	t.Run("nothing is lost", func(t *testing.T) { checkLosses(t, l) })
	t.Run("listeners are on loopback", func(t *testing.T) { checkListeners(t, s) })
	t.Run("down leaves nothing", func(t *testing.T) { checkDown(t, l, s) })
}

func checkStatus(t *testing.T, s status) {
	if s.Name != "default" || s.Kind != "embedded" || s.Phase != "Ready" || s.StartedIn == "" ||
		s.KubeContext != "diorama-default" {
		t.Errorf("status is %+v", s)
	}
	if s.Cluster.Nodes.Desired != defaultNodes || s.Cluster.Nodes.Ready != defaultNodes {
		t.Errorf("nodes are %+v", s.Cluster.Nodes)
	}
	pods := s.Cluster.Pods
	if pods.Desired != defaultPods || pods.Running != defaultPods || s.Cluster.DaemonPods < defaultNodes {
		t.Errorf("pods are %+v, daemon pods %d", s.Cluster.Pods, s.Cluster.DaemonPods)
	}
	for _, endpoint := range []string{
		s.Endpoints.Prometheus, s.Endpoints.OTLPGRPC, s.Endpoints.OTLPHTTP,
		s.Endpoints.Kubernetes, s.Endpoints.Kubelet, s.Endpoints.CollectorMetrics,
	} {
		if !strings.Contains(endpoint, "127.0.0.1:") {
			t.Errorf("endpoint %q is not on loopback", endpoint)
		}
	}
	for _, component := range s.Components {
		if component.Phase != "Ready" || component.Restarts != 0 || component.PID == 0 ||
			component.RSSBytes == 0 || component.Log == "" {
			t.Errorf("component is %+v", component)
		}
	}
	if s.Telemetry.Series == 0 || s.Telemetry.Error != "" {
		t.Errorf("telemetry is %+v", s.Telemetry)
	}
}

func checkKubectl(t *testing.T, l *lab) {
	l.t = t
	if out := l.kubectl("version"); !strings.Contains(out, "Server Version: "+versions.Kubernetes) {
		t.Errorf("kubectl version says %s", out)
	}
	if out := l.kubectl("get", "--raw", "/readyz"); out != "ok" {
		t.Errorf("/readyz says %q", out)
	}
	wide := l.kubectl("get", "nodes", "-o", "wide", "--no-headers")
	if lines := strings.Split(strings.TrimSpace(wide), "\n"); len(lines) != defaultNodes {
		t.Errorf("kubectl get nodes -o wide has %d lines:\n%s", len(lines), wide)
	}
	manifest := l.write("configmap.yaml", "apiVersion: v1\nkind: ConfigMap\n"+
		"metadata: {name: applied, namespace: default}\ndata: {a: b}\n")
	l.kubectl("apply", "--server-side", "-f", manifest)
	if out := l.kubectl("get", "configmap", "applied", "-o", "jsonpath={.data.a}"); out != "b" {
		t.Errorf("the applied ConfigMap holds %q", out)
	}
	crds := l.kubectl("get", "crds", "-o", "name")
	if !strings.Contains(crds, "stages.kwok.x-k8s.io") || !strings.Contains(crds, "resourceusages.kwok.x-k8s.io") ||
		!strings.Contains(crds, "clusterresourceusages.kwok.x-k8s.io") {
		t.Errorf("KWOK's definitions are not all there: %s", crds)
	}
	checkAnonymous(t, l)
}

// checkAnonymous asks without any credentials, trusting the server's CA.
func checkAnonymous(t *testing.T, l *lab) {
	admin, err := clientcmd.RESTConfigFromKubeConfig([]byte(l.diorama("kubeconfig")))
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(rest.AnonymousClientConfig(admin))
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/api/v1/secrets", "/healthz", "/version"} {
		response, err := client.Get(admin.Host + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers anonymous clients with %s", path, response.Status)
		}
	}
}

// object is what these tests read of any Kubernetes object.
type object struct {
	Metadata struct {
		Name, Namespace, UID string
		OwnerReferences      []struct{ Kind, Name, UID string }
	}
	Spec struct {
		NodeName string
	}
	Status struct {
		Phase, PodIP, StartTime string
		Conditions              []struct{ Type, Status string }
		ContainerStatuses       []struct{ Name, ContainerID string }
	}
}

type objects struct{ Items []object }

func checkCounts(t *testing.T, l *lab) {
	l.t = t
	var nodes, pods objects
	l.kubectlInto(&nodes, "get", "nodes")
	ready := 0
	for _, node := range nodes.Items {
		for _, c := range node.Status.Conditions {
			if c.Type == "Ready" && c.Status == "True" {
				ready++
			}
		}
	}
	if ready != defaultNodes {
		t.Errorf("%d nodes are Ready, want %d", ready, defaultNodes)
	}
	l.kubectlInto(&pods, "get", "pods", "-A")
	long, daemons := 0, 0
	for _, pod := range pods.Items {
		if pod.Status.Phase != "Running" {
			continue
		}
		if pod.Status.PodIP == "" || pod.Status.StartTime == "" || len(pod.Status.ContainerStatuses) == 0 {
			t.Errorf("running pod %s/%s has status %+v", pod.Metadata.Namespace, pod.Metadata.Name, pod.Status)
		}
		switch ownerKind(pod) {
		case "DaemonSet":
			daemons++
		case "ReplicaSet", "StatefulSet":
			long++
		}
	}
	if long != defaultPods || daemons < defaultNodes {
		t.Errorf("%d pods and %d daemon pods are Running, want %d and at least %d", long, daemons, defaultPods, defaultNodes)
	}
}

func ownerKind(o object) string {
	if len(o.Metadata.OwnerReferences) == 0 {
		return ""
	}
	return o.Metadata.OwnerReferences[0].Kind
}

// checkOwners follows every owner reference of a pod to an object that exists
// and has the same UID.
func checkOwners(t *testing.T, l *lab) {
	l.t = t
	var pods, owners objects
	l.kubectlInto(&owners, "get", "deployments,replicasets,statefulsets,daemonsets,jobs,cronjobs", "-A")
	l.kubectlInto(&pods, "get", "pods", "-A", "--field-selector", "status.phase=Running")
	uids := map[string]bool{}
	for _, owner := range owners.Items {
		uids[owner.Metadata.UID] = true
	}
	for _, o := range append(pods.Items, owners.Items...) {
		for _, ref := range o.Metadata.OwnerReferences {
			// A Job's pod may be gone with its Job between the two requests.
			if !uids[ref.UID] && ref.Kind != "Job" {
				t.Errorf("%s/%s is owned by %s %s, which does not exist",
					o.Metadata.Namespace, o.Metadata.Name, ref.Kind, ref.Name)
			}
		}
	}
	for _, pod := range pods.Items {
		if len(pod.Metadata.OwnerReferences) == 0 {
			t.Errorf("pod %s/%s has no owner", pod.Metadata.Namespace, pod.Metadata.Name)
		}
	}
}

func checkWorkloads(t *testing.T, l *lab) {
	l.t = t
	for _, resource := range []string{
		"deployments", "statefulsets", "daemonsets", "jobs", "cronjobs", "horizontalpodautoscalers", "resourcequotas",
		"persistentvolumeclaims", "services",
	} {
		var found objects
		l.kubectlInto(&found, "get", resource, "-A")
		if len(found.Items) == 0 {
			t.Errorf("there are no %s", resource)
		}
	}
	var claims objects
	l.kubectlInto(&claims, "get", "persistentvolumeclaims", "-A")
	for _, claim := range claims.Items {
		if claim.Status.Phase != "Bound" {
			t.Errorf("claim %s/%s is %s", claim.Metadata.Namespace, claim.Metadata.Name, claim.Status.Phase)
		}
	}
	eventually(t, "a job completes", func() error {
		var jobs objects
		l.kubectlInto(&jobs, "get", "jobs", "-A")
		for _, job := range jobs.Items {
			for _, c := range job.Status.Conditions {
				if c.Type == "Complete" && c.Status == "True" {
					return nil
				}
			}
		}
		return fmt.Errorf("none of %d is complete", len(jobs.Items))
	})
}

// checkKubelet asks the kubelet API of two nodes through the API server.
func checkKubelet(t *testing.T, l *lab) {
	l.t = t
	var nodes objects
	l.kubectlInto(&nodes, "get", "nodes")
	for _, node := range []string{nodes.Items[0].Metadata.Name, nodes.Items[len(nodes.Items)-1].Metadata.Name} {
		var summary struct {
			Node struct{ NodeName string }
			Pods []struct {
				PodRef struct{ Name, Namespace, UID string }
			}
		}
		l.kubectlRaw(&summary, "/api/v1/nodes/"+node+"/proxy/stats/summary")
		if summary.Node.NodeName != node {
			t.Errorf("%s answers as %s", node, summary.Node.NodeName)
		}
		var pods objects
		l.kubectlInto(&pods, "get", "pods", "-A", "--field-selector", "status.phase=Running,spec.nodeName="+node)
		running := map[string]bool{}
		for _, pod := range pods.Items {
			running[pod.Metadata.UID] = true
		}
		if len(summary.Pods) == 0 {
			t.Errorf("%s reports no pods", node)
		}
		for _, pod := range summary.Pods {
			if !running[pod.PodRef.UID] && !strings.Contains(pod.PodRef.Name, "job") {
				t.Errorf("%s reports %s/%s, which does not run there", node, pod.PodRef.Namespace, pod.PodRef.Name)
			}
		}
	}
	r := l.command(binary(t, "KUBECTL_BINARY"), "get", "--raw", "/api/v1/nodes/none/proxy/stats/summary")
	if r.err == nil || !strings.Contains(r.stderr, "none") {
		t.Errorf("a node that does not exist answers: %s%s", r.stdout, r.stderr)
	}
}

func checkPodCPU(t *testing.T, l *lab, base string) {
	l.t = t
	eventually(t, "rate of k8s_pod_cpu_time_seconds_total", func() error {
		var pods objects
		l.kubectlInto(&pods, "get", "pods", "-A", "--field-selector", "status.phase=Running")
		const busy = `sum by (k8s_namespace_name, k8s_pod_name) (rate(k8s_pod_cpu_time_seconds_total[1m])) > 0`
		samples, err := promQL(base, busy)
		if err != nil {
			return err
		}
		moving := map[string]bool{}
		for _, s := range samples {
			moving[s.Metric["k8s_namespace_name"]+"/"+s.Metric["k8s_pod_name"]] = true
		}
		for _, pod := range pods.Items {
			// Pods of jobs come and go within the window.
			if key := pod.Metadata.Namespace + "/" + pod.Metadata.Name; !moving[key] && ownerKind(pod) != "Job" {
				return fmt.Errorf("%s has no rate above 0 (%d of %d have)", key, len(moving), len(pods.Items))
			}
		}
		return nil
	})
}

func checkEvents(t *testing.T, base string) {
	eventually(t, "events", func() error {
		var answer struct {
			Data struct {
				Events []struct{ Namespace, Kind, Name, Reason, Message string }
			}
		}
		if err := getJSON(base+"/api/v1/diorama/events?kind=Pod&limit=10", &answer); err != nil {
			return err
		}
		if len(answer.Data.Events) == 0 {
			return fmt.Errorf("none of a Pod have arrived")
		}
		for _, e := range answer.Data.Events {
			if e.Kind != "Pod" || e.Namespace == "" || e.Name == "" || e.Reason == "" {
				return fmt.Errorf("an event is %+v", e)
			}
		}
		return nil
	})
}

// checkTraces sends traces to where metrics and logs are taken.
func checkTraces(t *testing.T, s status) {
	for _, url := range []string{s.Endpoints.OTLPHTTP + "/v1/traces", s.Endpoints.Prometheus + "/api/v1/otlp/v1/traces"} {
		response, err := http.Post(url, "application/json", strings.NewReader(`{"resourceSpans":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode < http.StatusBadRequest {
			t.Errorf("%s answers %s", url, response.Status)
		}
	}
}

func checkLosses(t *testing.T, l *lab) {
	l.t = t
	flow := l.status().Telemetry
	if flow.FailedScrapes != 0 || flow.DroppedSamples != 0 || flow.LastSampleAge > 60 {
		t.Errorf("telemetry is %+v", flow)
	}
}

func checkDown(t *testing.T, l *lab, s status) {
	l.t = t
	l.diorama("down")
	if left := l.dioramaFails("status"); !strings.Contains(left, "there is no environment") {
		t.Errorf("status after down says %s", left)
	}
	for _, component := range s.Components {
		if alive(component.PID) {
			t.Errorf("%s still runs as process %d", component.Name, component.PID)
		}
	}
	r := l.command(binary(t, "KUBECTL_BINARY"), "config", "get-contexts", "-o", "name")
	if strings.TrimSpace(r.stdout) != "" {
		t.Errorf("contexts are left: %s", r.stdout)
	}
	if response, err := http.Get(s.Endpoints.Prometheus + "/-/healthy"); err == nil {
		response.Body.Close()
		t.Error("Prometheus still answers")
	}
	if left := l.files("state"); len(left) != 0 {
		t.Errorf("files are left: %q", left)
	}
}
