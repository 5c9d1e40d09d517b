//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/diorama-lab/diorama/internal/usage"
)

// tuned are pods whose usage these tests set, and one that leaks.
const tuned = `
apiVersion: v1
kind: Namespace
metadata: {name: tuned}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: tuned}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "web:1"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: leaky, namespace: tuned, annotations: {diorama.dev/profile: leak}}
spec:
  replicas: 1
  selector: {matchLabels: {app: leaky}}
  template:
    metadata: {labels: {app: leaky}}
    spec:
      containers:
      - {name: app, image: "leaky:1", resources: {limits: {cpu: 10m, memory: 6Mi}}}
      - {name: other, image: "other:1"}
`

const clusterUsage = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterResourceUsage
metadata: {name: tuned}
spec:
  selector: {matchNamespaces: [tuned]}
  usages: [{usage: {cpu: {%s}}}]
`

// TestUsage asks PromQL for what pods were set to use, and for what their
// profiles say that they use.
func TestUsage(t *testing.T) {
	l := newLab(t)
	l.diorama("up", "--ports", "auto", "--nodes", "4", "--pods", "16")
	base := l.status().Endpoints.Prometheus
	l.kubectl("apply", "-f", l.write("tuned.yaml", tuned))

	t.Run("requests", func(t *testing.T) { checkRequests(t, l) })
	t.Run("annotations", func(t *testing.T) { checkAnnotations(t, l, base) })
	t.Run("usage objects", func(t *testing.T) { checkUsageObjects(t, l, base) })
	t.Run("out of memory", func(t *testing.T) { checkOutOfMemory(t, l, base) })
	t.Run("bad input", func(t *testing.T) { checkBadInput(t, l) })
	t.Run("rates are the profiles'", func(t *testing.T) { checkRates(t, l, base) })
}

// running waits for so many pods of a tuned app and returns their names.
func running(t *testing.T, l *lab, app string, want int) []string {
	var names []string
	eventually(t, "the pods of "+app+" run", func() error {
		var pods objects
		l.kubectlInto(&pods, "get", "pods", "-n", "tuned", "-l", "app="+app, "--field-selector", "status.phase=Running")
		names = nil
		for _, pod := range pods.Items {
			names = append(names, pod.Metadata.Name)
		}
		if len(names) != want {
			return fmt.Errorf("%d run", len(names))
		}
		return nil
	})
	return names
}

// value is the only sample of a query.
func value(base, query string) (float64, error) {
	samples, err := promQL(base, query)
	if err != nil {
		return 0, err
	}
	if len(samples) != 1 {
		return 0, fmt.Errorf("%s has %d samples", query, len(samples))
	}
	text, _ := samples[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}

// uses waits until a pod's gauge of cores and its counter over a while say so.
func uses(t *testing.T, base, pod string, cores float64) {
	t.Helper()
	for _, query := range []string{
		fmt.Sprintf(`container_cpu_usage{k8s_pod_name=%q}`, pod),
		fmt.Sprintf(`rate(container_cpu_time_seconds_total{k8s_pod_name=%q}[20s])`, pod),
	} {
		eventually(t, fmt.Sprintf("%s is %v", query, cores), func() error {
			got, err := value(base, query)
			if err == nil && math.Abs(got-cores) > 0.02*cores {
				err = fmt.Errorf("it is %v", got)
			}
			return err
		})
	}
}

func checkAnnotations(t *testing.T, l *lab, base string) {
	l.t = t
	pod := running(t, l, "web", 2)[0]
	l.kubectl("annotate", "pod", "-n", "tuned", pod, "kwok.x-k8s.io/usage-cpu=123m", "kwok.x-k8s.io/usage-memory=77Mi")
	uses(t, base, pod, 0.123)
	memory, err := value(base, fmt.Sprintf(`container_memory_working_set_bytes{k8s_pod_name=%q}`, pod))
	if err != nil || memory != 77<<20 {
		t.Errorf("memory is %v, %v", memory, err)
	}
	l.kubectl("annotate", "pod", "-n", "tuned", pod, "--overwrite", "kwok.x-k8s.io/usage-cpu=45m")
	uses(t, base, pod, 0.045)
}

func checkUsageObjects(t *testing.T, l *lab, base string) {
	l.t = t
	pods := running(t, l, "web", 2)
	l.kubectl("apply", "-f", l.write("usage.yaml", fmt.Sprintf(clusterUsage, "value: 66m")))
	uses(t, base, pods[1], 0.066)
	uses(t, base, pods[0], 0.045) // the pod's own annotation comes first
	doubled := fmt.Sprintf(clusterUsage, `value: null, expression: 'Quantity("11m") * 2.0'`)
	l.kubectl("apply", "-f", l.write("usage.yaml", doubled))
	uses(t, base, pods[1], 0.022)
	l.kubectl("delete", "clusterresourceusage", "tuned")
}

// warned waits for a warning event.
func warned(t *testing.T, l *lab, reason, kind, text string) {
	t.Helper()
	eventually(t, "event "+reason, func() error {
		selector := "type=Warning,reason=" + reason + ",involvedObject.kind=" + kind
		out := l.kubectl("get", "events", "-A", "--field-selector", selector, "-o", "jsonpath={.items[*].message}")
		if !strings.Contains(out, text) {
			return fmt.Errorf("events say %q", out)
		}
		return nil
	})
}

func checkBadInput(t *testing.T, l *lab) {
	l.t = t
	pod := running(t, l, "web", 2)[1]
	l.kubectl("apply", "-f", l.write("usage.yaml", fmt.Sprintf(clusterUsage, `expression: "nonsense("`)))
	warned(t, l, "UsageExpressionFailed", "Node", "ClusterResourceUsage tuned")
	l.kubectl("annotate", "pod", "-n", "tuned", pod, "kwok.x-k8s.io/usage-cpu=-1", "diorama.dev/profile=none")
	warned(t, l, "InvalidUsage", "Pod", "tuned/"+pod)
	warned(t, l, "UnknownProfile", "Pod", `"none"`)
}

// checkOutOfMemory waits for the leaking container to be killed.
func checkOutOfMemory(t *testing.T, l *lab, base string) {
	l.t = t
	leaky := running(t, l, "leaky", 1)[0]
	eventually(t, "the leaking container is killed", func() error {
		path := `jsonpath={.status.phase} {range .status.containerStatuses[*]}{.name} {.ready} {.restartCount} ` +
			`{.lastState.terminated.reason} {.lastState.terminated.exitCode};{end}`
		out := l.kubectl("get", "pod", "-n", "tuned", leaky, "-o", path)
		if out != "Running app true 1 OOMKilled 137;other true 0  ;" &&
			out != "Running app true 2 OOMKilled 137;other true 0  ;" {
			return fmt.Errorf("it is %q", out)
		}
		return nil
	})
	warned(t, l, "OOMKilling", "Pod", "memory limit")
	eventually(t, "the restart is counted", func() error {
		restarts, err := value(base, fmt.Sprintf(`k8s_container_restarts{k8s_pod_name=%q,k8s_container_name="app"}`, leaky))
		if err == nil && restarts < 1 {
			err = fmt.Errorf("%v restarts", restarts)
		}
		return err
	})
	eventually(t, "only that container's counter began anew", func() error {
		for container, want := range map[string]float64{"app": 1, "other": 0} {
			const began = `max(resets(container_cpu_time_seconds_total{k8s_pod_name=%q,k8s_container_name=%q}[5m]))`
			resets, err := value(base, fmt.Sprintf(began, leaky, container))
			if err != nil {
				return err
			}
			if resets < want || want == 0 && resets != 0 {
				return fmt.Errorf("%s has %v resets", container, resets)
			}
		}
		return nil
	})
}

// runningPod is what usage follows from.
type runningPod struct {
	Metadata struct {
		Name, Namespace, UID string
		Labels               map[string]string
		OwnerReferences      []struct{ Kind, Name string }
	}
	Spec struct {
		NodeName   string
		Containers []struct {
			Name      string
			Resources struct{ Requests, Limits map[string]string }
		}
	}
	Status struct {
		ContainerStatuses []struct {
			Name  string
			State struct {
				Running *struct{ StartedAt time.Time }
			}
		}
	}
}

// window is what rates are taken over; sampled is how old the newest sample may be.
const (
	window  = 5 * time.Minute
	sampled = 15 * time.Second
)

// checkRates compares the rate of a sample of containers, as it came through
// API, receiver, OTLP and storage, with the mean of usage(t).
func checkRates(t *testing.T, l *lab, base string) {
	l.t = t
	var pods struct{ Items []runningPod }
	l.kubectlInto(&pods, "get", "pods", "-A", "--field-selector", "status.phase=Running")
	profiles := annotatedProfiles(l)
	checked := 0
	deadline := time.Now().Add(window + patience)
	for _, pod := range pods.Items {
		owners := pod.Metadata.OwnerReferences
		if len(owners) == 0 || owners[0].Kind == "Job" || pod.Metadata.Namespace == "tuned" ||
			len(pod.Status.ContainerStatuses) != len(pod.Spec.Containers) {
			continue
		}
		for i, c := range pod.Spec.Containers {
			running := pod.Status.ContainerStatuses[i].State.Running
			if running == nil || pod.Status.ContainerStatuses[i].Name != c.Name {
				continue
			}
			use := usage.NewContainer(1, specOf(t, pod, i, profiles))
			from := running.StartedAt.Add(sampled)
			pollUntil(t, deadline, c.Name+" of "+pod.Metadata.Name, func() error {
				return compareRate(base, pod, c.Name, &use, from)
			})
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("only %d containers were compared", checked)
	}
}

func compareRate(base string, pod runningPod, container string, use *usage.Container, from time.Time) error {
	to := time.Now().Add(-sampled)
	if to.Add(-window).Before(from) {
		return fmt.Errorf("it has not yet run for %s", window)
	}
	const rate = `rate(container_cpu_time_seconds_total` +
		`{k8s_namespace_name=%q,k8s_pod_name=%q,k8s_container_name=%q}[%ds] @ %d)`
	got, err := value(base, fmt.Sprintf(rate,
		pod.Metadata.Namespace, pod.Metadata.Name, container, int(window.Seconds()), to.Unix()))
	if err != nil {
		return err
	}
	end := to.Truncate(time.Second)
	want := float64(use.CPUTotal(end.Add(-window).UnixNano(), end.UnixNano())) / 1e9 / window.Seconds()
	if math.Abs(got-want) > 0.02*want {
		return fmt.Errorf("the rate is %v, usage(t) has a mean of %v", got, want)
	}
	return nil
}

// annotatedProfiles are the profiles of workloads that say one, by kind/namespace/name.
func annotatedProfiles(l *lab) map[string]string {
	var workloads struct {
		Items []struct {
			Kind     string
			Metadata struct {
				Name, Namespace string
				Annotations     map[string]string
			}
		}
	}
	l.kubectlInto(&workloads, "get", "deployments,statefulsets,daemonsets", "-A")
	out := map[string]string{}
	for _, w := range workloads.Items {
		if profile := w.Metadata.Annotations["diorama.dev/profile"]; profile != "" {
			out[w.Kind+"/"+w.Metadata.Namespace+"/"+w.Metadata.Name] = profile
		}
	}
	return out
}

// specOf says what the usage of a pod's container follows from.
func specOf(t *testing.T, pod runningPod, container int, profiles map[string]string) usage.Spec {
	owner := pod.Metadata.OwnerReferences[0]
	kind := owner.Kind
	slot := usage.Slot{Namespace: pod.Metadata.Namespace, Workload: owner.Name, Instance: pod.Metadata.UID}
	switch kind {
	case "ReplicaSet":
		kind, slot.Workload = "Deployment", strings.TrimSuffix(owner.Name, "-"+pod.Metadata.Labels["pod-template-hash"])
	case "StatefulSet":
		slot.Instance = pod.Metadata.Name
	case "DaemonSet":
		slot.Instance = pod.Spec.NodeName
	}
	c := pod.Spec.Containers[container]
	slot.Container = c.Name
	profile, found := usage.ParseProfile(profiles[kind+"/"+slot.Namespace+"/"+slot.Workload])
	if !found {
		profile = usage.DefaultProfile(kind)
	}
	r := c.Resources
	return usage.Spec{
		Slot: slot, Profile: profile,
		CPURequest: amount(t, r.Requests, "cpu"), CPULimit: amount(t, r.Limits, "cpu"),
		MemoryRequest: amount(t, r.Requests, "memory"), MemoryLimit: amount(t, r.Limits, "memory"),
	}
}

// amount is a resource in nanocores or bytes, 0 if it is not there.
func amount(t *testing.T, list map[string]string, name string) uint64 {
	t.Helper()
	if list[name] == "" {
		return 0
	}
	q, err := resource.ParseQuantity(list[name])
	if err != nil {
		t.Fatal(err)
	}
	if name == "cpu" {
		return uint64(q.MilliValue()) * 1e6
	}
	return uint64(q.Value())
}

// checkRequests adds up what the pods of each node ask for: it is there.
func checkRequests(t *testing.T, l *lab) {
	l.t = t
	var nodes struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct{ Capacity, Allocatable map[string]string }
		}
	}
	var pods struct{ Items []runningPod }
	l.kubectlInto(&nodes, "get", "nodes")
	l.kubectlInto(&pods, "get", "pods", "-A", "--field-selector", "status.phase=Running")
	for _, node := range nodes.Items {
		for _, name := range []string{"cpu", "memory"} {
			capacity, allocatable := amount(t, node.Status.Capacity, name), amount(t, node.Status.Allocatable, name)
			requested := uint64(0)
			for _, pod := range pods.Items {
				for _, c := range pod.Spec.Containers {
					if pod.Spec.NodeName == node.Metadata.Name {
						requested += amount(t, c.Resources.Requests, name)
					}
				}
			}
			if requested == 0 || requested > allocatable || allocatable >= capacity {
				t.Errorf("%s of %s: %d requested, %d allocatable, %d in all",
					name, node.Metadata.Name, requested, allocatable, capacity)
			}
		}
	}
}
