package kubelet

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	statsv1 "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// exposed has the values of an exposition by name and selected labels, such as
// "container_memory_rss app web-1 pgfault". Numbers of a kind are added up.
type exposed map[string]float64

func expose(t *testing.T, text []byte, labels ...string) exposed {
	t.Helper()
	out := exposed{}
	for _, text := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(text, "#") {
			continue
		}
		l := parseLine(t, text)
		v, err := strconv.ParseFloat(l.value, 64)
		if err != nil {
			t.Fatal(err)
		}
		key := []string{l.name}
		for _, label := range labels {
			key = append(key, l.labels[label])
		}
		out[strings.Join(key, " ")] += v
	}
	return out
}

// The three ways to ask a kubelet agree to the sample at one instant.
func TestAllAnswersAgree(t *testing.T) {
	v, _ := shapeCluster().view("node-0")
	n := v.measure(shapeCluster())
	sum := newSummary(n, false)
	cadvisor := appendCadvisor(nil, n)
	containers, ids := expose(t, cadvisor, "container", "pod", "name"), expose(t, cadvisor, "id")
	resource := expose(t, appendResource(nil, n), "container", "pod")
	same := func(what string, want float64, got ...float64) {
		t.Helper()
		for _, g := range got {
			if g != want {
				t.Errorf("%s is %v in the summary, elsewhere %v", what, want, g)
			}
		}
	}
	cpu := func(c *statsv1.CPUStats) float64 { return float64(*c.UsageCoreNanoSeconds) / 1e9 }
	ws := func(m *statsv1.MemoryStats) float64 { return float64(*m.WorkingSetBytes) }
	for i, p := range sum.Pods {
		pod := p.PodRef.Name
		of := func(family, container, name string) float64 { return containers[family+" "+container+" "+pod+" "+name] }
		same(pod+"'s CPU", cpu(p.CPU), of("container_cpu_usage_seconds_total", "", ""),
			resource["pod_cpu_usage_seconds_total  "+pod])
		same(pod+"'s working set", ws(p.Memory), of("container_memory_working_set_bytes", "", ""),
			resource["pod_memory_working_set_bytes  "+pod])
		sandbox := hashID(n.listed[i].uid, "/sandbox")
		if n.listed[i].hostNetwork {
			same(pod+"'s traffic", float64(*p.Network.Interfaces[0].RxBytes+*p.Network.Interfaces[1].RxBytes),
				of("container_network_receive_bytes_total", "", sandbox))
		} else {
			same(pod+"'s traffic", float64(*p.Network.RxBytes), of("container_network_receive_bytes_total", "", sandbox))
		}
		for _, c := range p.Containers {
			name := hashID(n.listed[i].uid, "/"+c.Name)
			same(c.Name+"'s CPU", cpu(c.CPU), of("container_cpu_usage_seconds_total", c.Name, name),
				resource["container_cpu_usage_seconds_total "+c.Name+" "+pod])
			same(c.Name+"'s working set", ws(c.Memory), of("container_memory_working_set_bytes", c.Name, name),
				resource["container_memory_working_set_bytes "+c.Name+" "+pod])
			same(c.Name+"'s RSS", float64(*c.Memory.RSSBytes), of("container_memory_rss", c.Name, name))
			same(c.Name+"'s usage", float64(*c.Memory.UsageBytes), of("container_memory_usage_bytes", c.Name, name),
				of("container_memory_rss", c.Name, name)+of("container_memory_kernel_usage", c.Name, name)+
					of("container_memory_cache", c.Name, name))
			same(c.Name+"'s start", float64(c.StartTime.Unix()), of("container_start_time_seconds", c.Name, name),
				resource["container_start_time_seconds "+c.Name+" "+pod])
		}
	}
	node := sum.Node
	for id, stats := range map[string]statsv1.ContainerStats{
		"/":                                {CPU: node.CPU, Memory: node.Memory},
		"/system.slice/kubelet.service":    node.SystemContainers[0],
		"/system.slice/containerd.service": node.SystemContainers[1],
		"/kubepods":                        node.SystemContainers[2],
	} {
		same(id+"'s CPU", cpu(stats.CPU), ids["container_cpu_usage_seconds_total "+id])
		same(id+"'s working set", ws(stats.Memory), ids["container_memory_working_set_bytes "+id])
	}
	same("the node's CPU", cpu(node.CPU), resource["node_cpu_usage_seconds_total  "])
	same("the disk's use", float64(*node.Fs.UsedBytes), ids["container_fs_usage_bytes /"])
}

// What pods of a class use adds up to their slice; the waiting pod's sandbox too.
func TestSlicesAddUp(t *testing.T) {
	s := shapeCluster()
	v, _ := s.view("node-0")
	ids := expose(t, appendCadvisor(nil, v.measure(s)), "id")
	for _, family := range []string{
		"container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_threads",
	} {
		sums := map[string]float64{}
		for key, value := range ids {
			path, is := strings.CutPrefix(key, family+" /kubepods/")
			parts := strings.Split(path, "/")
			if !is || !strings.HasPrefix(parts[len(parts)-1], "pod") {
				continue
			}
			sums["/kubepods"] += value
			if len(parts) > 1 { // not a guaranteed pod
				sums["/kubepods/"+parts[0]] += value
			}
		}
		for slice, sum := range sums {
			if got := ids[family+" "+slice]; got < sum*(1-1e-9) || got > sum*(1+1e-9) {
				t.Errorf("%s of %s is %v, its pods' sum %v", family, slice, got, sum)
			}
		}
		if len(sums) != 3 {
			t.Errorf("%s: pods of %d slices, want 3", family, len(sums))
		}
	}
}

// A slice goes on counting when its pods go, and when diorama restarts.
func TestSliceCountersOutliveTheirPods(t *testing.T) {
	s, c := newTestStore(1, 2)
	s.setPod(newPod(1, bare("a")))
	s.setPod(newPod(1, bare("b")))
	slice := func(s *store) sliceCPU {
		v, _ := s.view("node-0")
		return v.sliceCPU(v.at)
	}
	before := slice(s)
	s.deletePod("shop/a")
	c.advance(time.Second)
	after := slice(s)
	if after.BestEffort < before.BestEffort || before.BestEffort == 0 || before.Burstable != 0 {
		t.Errorf("counters went from %+v to %+v", before, after)
	}
	saved := s.save()
	next, clock := newTestStore(0, 0)
	clock.t = c.t.Add(time.Minute)
	next.restored = saved
	next.syncedNodes.Store(true)
	next.setNode(testNode(0))
	next.replacePods([]*pod{newPod(1, bare("b"))})
	if got := slice(next); got.BestEffort < after.BestEffort {
		t.Errorf("after the restart %+v, before it %+v", got, after)
	}
}

func TestCadvisorIsServed(t *testing.T) {
	s, _ := newTestStore(1, 1)
	recorder := httptest.NewRecorder()
	(&api{store: s}).plain().ServeHTTP(recorder,
		httptest.NewRequest(http.MethodGet, "/nodes/node-0/metrics/cadvisor", nil))
	if recorder.Code != http.StatusOK || recorder.Header().Get("Content-Type") != expositionType ||
		!strings.Contains(recorder.Body.String(), "machine_memory_bytes") {
		t.Errorf("%d, %v: %.200s", recorder.Code, recorder.Header(), recorder.Body)
	}
}

// BenchmarkCadvisor is one GET of one node's /metrics/cadvisor with 30 pods.
func BenchmarkCadvisor(b *testing.B) {
	s, c := newTestStore(1, 30)
	h := (&api{store: s}).plain()
	r := httptest.NewRequest(http.MethodGet, "/nodes/node-0/metrics/cadvisor", nil)
	b.ReportAllocs()
	for range b.N {
		c.advance(time.Second)
		h.ServeHTTP(&discard{header: http.Header{}}, r)
	}
}
