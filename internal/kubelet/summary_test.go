package kubelet

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	statsv1 "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
	"pgregory.net/rapid"

	"github.com/diorama-lab/diorama/internal/usage"
)

func summaryOf(t testing.TB, s *store, node string, small bool) *statsv1.Summary {
	t.Helper()
	v, found := s.view(node)
	if !found {
		t.Fatalf("no node %s", node)
	}
	return newSummary(v.measure(s), small)
}

// Our encoder and the standard one agree to the byte.
func TestEncodingIsTheStandardOne(t *testing.T) {
	s := shapeCluster()
	odd := bare("odd")
	odd.Spec.Volumes = []corev1.Volume{
		{Name: "<\"é&", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}}},
	}
	s.setPod(newPod(1, odd))
	s.setNode(testNode(1)) // has no pods
	for _, node := range []string{"node-0", "node-1"} {
		for _, small := range []bool{false, true} {
			sum := summaryOf(t, s, node, small)
			if !small {
				sum.Node.CPU.PSI = &statsv1.PSIStats{Some: statsv1.PSIData{Total: 7, Avg10: 0.25}}
			}
			want, err := json.Marshal(sum)
			if err != nil {
				t.Fatal(err)
			}
			if got := appendSummary(nil, sum); !bytes.Equal(got, want) {
				t.Errorf("%s, small %v:\n got %s\nwant %s", node, small, got, want)
			}
		}
	}
	if got, want := appendSummary(nil, &statsv1.Summary{Pods: []statsv1.PodStats{}}),
		`{"node":{"nodeName":"","startTime":null},"pods":[]}`; string(got) != want {
		t.Errorf("empty: %s", got)
	}
}

func TestClaimVolume(t *testing.T) {
	sum := summaryOf(t, shapeCluster(), "node-0", false)
	for _, p := range sum.Pods {
		if p.PodRef.Name != "db-0" {
			continue
		}
		v := p.VolumeStats[0]
		if *v.CapacityBytes != 10<<30 || *v.UsedBytes == 0 || *v.UsedBytes > *v.CapacityBytes ||
			v.PVCRef.Name != "data-db-0" || v.PVCRef.Namespace != "shop" {
			t.Errorf("claim volume %+v of %d bytes, %d used", v.PVCRef, *v.CapacityBytes, *v.UsedBytes)
		}
		return
	}
	t.Error("no pod db-0")
}

func TestHostNetworkPodsReportTheNodesInterfaces(t *testing.T) {
	sum := summaryOf(t, shapeCluster(), "node-0", false)
	i := slices.IndexFunc(sum.Pods, func(p statsv1.PodStats) bool { return p.PodRef.Name == "host" })
	got, _ := json.Marshal(sum.Pods[i].Network)
	want, _ := json.Marshal(sum.Node.Network)
	if !bytes.Equal(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// Only pods with a running container are listed.
func TestWhichPodsAreListed(t *testing.T) {
	s, _ := newTestStore(1, 0)
	pending := bare("pending")
	pending.Status = corev1.PodStatus{Phase: corev1.PodPending}
	done := bare("done")
	end(done, noon.Add(10*time.Minute), corev1.PodSucceeded)
	evicted := bare("evicted") // its containers' statuses were never updated
	evicted.Status.Phase = corev1.PodFailed
	unscheduled := bare("unscheduled")
	unscheduled.Spec.NodeName = ""
	for _, o := range []*corev1.Pod{pending, done, evicted, unscheduled, bare("running")} {
		s.setPod(newPod(1, o))
	}
	sum := summaryOf(t, s, "node-0", false)
	if len(sum.Pods) != 1 || sum.Pods[0].PodRef.Name != "running" {
		t.Errorf("listed: %d pods, first %v", len(sum.Pods), sum.Pods[0].PodRef)
	}
}

// end gives a running pod's containers the state of having ended.
func end(o *corev1.Pod, at time.Time, phase corev1.PodPhase) {
	o.Status.Phase = phase
	for i := range o.Status.ContainerStatuses {
		c := &o.Status.ContainerStatuses[i]
		c.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			StartedAt: c.State.Running.StartedAt, FinishedAt: metaTime(at.UnixNano()),
		}}
	}
}

// What containers use adds up to pods, and pods and services to the node,
// which never has more than its capacity.
func TestAccounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c := newTestStore(1, rapid.IntRange(0, 40).Draw(t, "pods"))
		c.advance(time.Duration(rapid.Int64Range(0, 1e17).Draw(t, "later")))
		v, _ := s.view("node-0")
		n := v.measure(s)
		sum := newSummary(n, false)

		var pods usage.Totals
		var podRate uint64
		for i, p := range sum.Pods {
			var cpu, rate, ws, used uint64
			for _, c := range p.Containers {
				cpu += *c.CPU.UsageCoreNanoSeconds
				rate += *c.CPU.UsageNanoCores
				ws += *c.Memory.WorkingSetBytes
				used += *c.Rootfs.UsedBytes + *c.Logs.UsedBytes
				if *c.Memory.WorkingSetBytes > *c.Memory.UsageBytes ||
					*c.Memory.AvailableBytes+*c.Memory.WorkingSetBytes != n.listed[i].containers[0].memoryLimit && c.Name == "app" {
					t.Fatalf("memory of %s does not add up", c.Name)
				}
			}
			u := &n.listed[i]
			pause := u.sandbox.Totals(u.start, n.at).CPU
			if *p.CPU.UsageCoreNanoSeconds != cpu+pause || *p.CPU.UsageNanoCores != rate ||
				*p.Memory.WorkingSetBytes != ws+usage.PauseMemory {
				t.Fatalf("containers of %s do not sum up to it", p.PodRef.Name)
			}
			if *p.EphemeralStorage.UsedBytes < used {
				t.Fatalf("ephemeral storage of %s: %d, its containers %d", p.PodRef.Name, *p.EphemeralStorage.UsedBytes, used)
			}
			pods = pods.Add(u.totals)
			podRate += *p.CPU.UsageNanoCores
		}
		var services, rate, memory uint64
		for _, c := range sum.Node.SystemContainers {
			services += *c.CPU.UsageCoreNanoSeconds
			rate += *c.CPU.UsageNanoCores
			memory += *c.Memory.WorkingSetBytes
		}
		if got := *sum.Node.CPU.UsageCoreNanoSeconds; got != services || *sum.Node.CPU.UsageNanoCores != rate ||
			*sum.Node.Memory.WorkingSetBytes != memory {
			t.Fatalf("system containers do not sum up to the node: %d of %d", services, got)
		}
		if *sum.Node.SystemContainers[2].CPU.UsageCoreNanoSeconds != pods.CPU ||
			*sum.Node.SystemContainers[2].CPU.UsageNanoCores != podRate {
			t.Fatal("pods do not sum up to their slice")
		}
		if rate > n.facts.cpu || *sum.Node.Memory.UsageBytes > n.facts.memory ||
			*sum.Node.Fs.UsedBytes+*sum.Node.Fs.AvailableBytes > *sum.Node.Fs.CapacityBytes {
			t.Fatal("the node uses more than it has")
		}
		if *sum.Node.Network.RxBytes < pods.RxBytes {
			t.Fatal("pods received what the node did not")
		}
	})
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	answer := func(seed uint64) []byte {
		s, _ := newTestStore(0, 0)
		s.seed = seed
		s.setNode(testNode(0))
		for i := range 5 {
			s.setPod(newPod(seed, testPod(0, i)))
		}
		data, err := json.Marshal(summaryOf(t, s, "node-0", false))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if !bytes.Equal(answer(1), answer(1)) {
		t.Error("two runs differ")
	}
	if bytes.Equal(answer(1), answer(2)) {
		t.Error("the seed changes nothing")
	}
}
