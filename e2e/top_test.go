//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestTop asks for usage in the ways that Kubernetes has apart from
// /stats/summary, and compares what receivers send with what they send of real
// clusters.
func TestTop(t *testing.T) {
	l := newLab(t)
	up := []string{"up", "--ports", "auto", "--nodes", "5", "--pods", "60"}
	l.diorama(up...)

	t.Run("discovery is complete", func(t *testing.T) { checkDiscovery(t, l) })
	t.Run("kubectl top nodes", func(t *testing.T) { checkTopNodes(t, l) })
	t.Run("kubectl top pods", func(t *testing.T) { checkTopPods(t, l) })
	t.Run("autoscalers know the utilization", func(t *testing.T) { checkAutoscalers(t, l) })
	t.Run("cadvisor", func(t *testing.T) { checkCadvisor(t, l) })
	t.Run("k8s_cluster", func(t *testing.T) { checkClusterReceiver(t, l) })
	t.Run("a restart registers the metrics API again", func(t *testing.T) { checkRestart(t, l, up) })
}

// checkDiscovery: an API that is registered but does not answer makes kubectl
// complain whatever it is asked.
func checkDiscovery(t *testing.T, l *lab) {
	l.t = t
	r := l.command(binary(t, "KUBECTL_BINARY"), "api-resources", "--cached=false")
	if r.err != nil || r.stderr != "" || !strings.Contains(r.stdout, "metrics.k8s.io/v1beta1") {
		t.Errorf("kubectl api-resources: %v\n%s\n%s", r.err, r.stderr, r.stdout)
	}
	eventually(t, "the role view includes metrics", func() error {
		rules := l.kubectl("get", "clusterrole", "view", "-o", "jsonpath={.rules[*].apiGroups}")
		if !strings.Contains(rules, "metrics.k8s.io") {
			return fmt.Errorf("it has rules for %s", rules)
		}
		return nil
	})
}

// columns are the fields of the lines that kubectl prints.
func (l *lab) columns(args ...string) [][]string {
	l.t.Helper()
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSpace(l.kubectl(args...)), "\n") {
		if line != "" {
			rows = append(rows, strings.Fields(line))
		}
	}
	return rows
}

// used says whether a line of kubectl top ends with a use of CPU and memory;
// little CPU is 0m or 1m.
func used(cpu, memory string) bool {
	return regexp.MustCompile(`^\d+m$`).MatchString(cpu) && regexp.MustCompile(`^[1-9]\d*Mi$`).MatchString(memory)
}

func checkTopNodes(t *testing.T, l *lab) {
	l.t = t
	rows := l.columns("top", "nodes", "--no-headers")
	if len(rows) != 5 {
		t.Fatalf("kubectl top nodes has %d lines: %v", len(rows), rows)
	}
	for _, row := range rows {
		if len(row) != 5 || !used(row[1], row[3]) || row[1] == "0m" || !strings.HasSuffix(row[2], "%") || row[2] == "0%" {
			t.Errorf("kubectl top nodes says %v", row)
		}
	}
	name := rows[0][0]
	if one := l.columns("top", "node", name, "--no-headers"); len(one) != 1 || one[0][0] != name {
		t.Errorf("kubectl top node %s says %v", name, one)
	}
}

func checkTopPods(t *testing.T, l *lab) {
	l.t = t
	var pods objects
	l.kubectlInto(&pods, "get", "pods", "-A", "--field-selector", "status.phase=Running")
	eventually(t, "kubectl top pods shows every pod that runs on", func() error {
		shown := map[string]bool{}
		for _, row := range l.columns("top", "pods", "-A", "--no-headers") {
			if len(row) != 4 || !used(row[2], row[3]) {
				return fmt.Errorf("a line is %v", row)
			}
			shown[row[0]+"/"+row[1]] = true
		}
		for _, pod := range pods.Items {
			if key := pod.Metadata.Namespace + "/" + pod.Metadata.Name; !shown[key] && ownerKind(pod) != "Job" {
				return fmt.Errorf("%s is missing", key)
			}
		}
		return nil
	})
	frontends := l.columns("top", "pods", "-n", "shop", "-l", "app.kubernetes.io/name=frontend",
		"--containers", "--no-headers")
	for _, row := range frontends {
		if !strings.HasPrefix(row[0], "frontend-") || (row[1] != "web" && row[1] != "exporter") {
			t.Errorf("of the frontend's containers kubectl says %v", row)
		}
	}
	r := l.command(binary(t, "KUBECTL_BINARY"), "top", "pod", "none", "-n", "shop")
	if r.err == nil || !strings.Contains(r.stderr, "not found") {
		t.Errorf("a pod that does not exist uses %s%s", r.stdout, r.stderr)
	}
}

// checkAutoscalers: they see the usage, and have nothing to do about it.
func checkAutoscalers(t *testing.T, l *lab) {
	l.t = t
	type autoscaler struct {
		Metadata struct{ Name string }
		Spec     struct{ MinReplicas, MaxReplicas int }
		Status   struct {
			CurrentReplicas, DesiredReplicas int
			CurrentMetrics                   []struct {
				Resource struct {
					Current struct{ AverageUtilization *int }
				}
			}
			Conditions []struct{ Type, Status, Message string }
		}
	}
	eventually(t, "every autoscaler knows the utilization", func() error {
		var found struct{ Items []autoscaler }
		l.kubectlInto(&found, "get", "hpa", "-A")
		if len(found.Items) == 0 {
			return fmt.Errorf("there are none")
		}
		for _, a := range found.Items {
			if len(a.Status.CurrentMetrics) == 0 || a.Status.CurrentMetrics[0].Resource.Current.AverageUtilization == nil {
				return fmt.Errorf("%s has %+v", a.Metadata.Name, a.Status)
			}
			if a.Spec.MinReplicas != a.Spec.MaxReplicas || a.Status.CurrentReplicas != a.Spec.MinReplicas ||
				a.Status.DesiredReplicas != a.Spec.MinReplicas {
				return fmt.Errorf("%s changes the number of pods: %+v", a.Metadata.Name, a)
			}
		}
		return nil
	})
}

// summaryCPU are the CPU times of containers, in seconds, by pod and container.
func (l *lab) summaryCPU(node string) map[string]float64 {
	l.t.Helper()
	type usage struct{ UsageCoreNanoSeconds float64 }
	var summary struct {
		Pods []struct {
			PodRef     struct{ Name, Namespace string }
			Containers []struct {
				Name string
				CPU  usage
			}
		}
	}
	l.kubectlRaw(&summary, "/api/v1/nodes/"+url.PathEscape(node)+"/proxy/stats/summary")
	times := map[string]float64{}
	for _, pod := range summary.Pods {
		for _, c := range pod.Containers {
			times[pod.PodRef.Namespace+"/"+pod.PodRef.Name+"/"+c.Name] = c.CPU.UsageCoreNanoSeconds / 1e9
		}
	}
	return times
}

// checkCadvisor asks between two summaries: counters lie between theirs.
func checkCadvisor(t *testing.T, l *lab) {
	l.t = t
	var nodes objects
	l.kubectlInto(&nodes, "get", "nodes")
	node := nodes.Items[0].Metadata.Name
	before := l.summaryCPU(node)
	text := l.kubectl("get", "--raw", "/api/v1/nodes/"+url.PathEscape(node)+"/proxy/metrics/cadvisor")
	after := l.summaryCPU(node)
	sample := regexp.MustCompile(`^container_cpu_usage_seconds_total\{` +
		`container="([^"]+)",.*namespace="([^"]+)",pod="([^"]+)"\} (\S+) \d+$`)
	found := map[string]bool{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		m := sample.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		key := m[2] + "/" + m[3] + "/" + m[1]
		value, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		found[key] = true
		if first, last := before[key], after[key]; first > 0 && last > 0 && (value < first || value > last) {
			t.Errorf("%s used %v s, between %v and %v", key, value, first, last)
		}
	}
	for key := range before {
		if !found[key] && after[key] > 0 {
			t.Errorf("cadvisor knows nothing of %s", key)
		}
	}
	if len(found) == 0 {
		t.Errorf("no container has a CPU time:\n%.2000s", text)
	}
}

func checkRestart(t *testing.T, l *lab, up []string) {
	l.t = t
	l.diorama("down", "--keep-data")
	l.diorama(up...)
	checkDiscovery(t, l)
	checkTopNodes(t, l)
}
