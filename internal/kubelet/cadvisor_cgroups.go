package kubelet

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	resourcehelper "k8s.io/component-helpers/resource"
	"k8s.io/kubernetes/pkg/apis/core/v1/helper/qos"

	"github.com/diorama-lab/diorama/internal/usage"
)

// cgroup is one of those that cAdvisor watches: the root, slices, services,
// pods, sandboxes and containers.
type cgroup struct {
	// The labels, as far as all families have them: container="…";
	// id="…",image="…"; name="…",namespace="…",pod="…".
	container, id, rest string

	// What it was made with. Without a quota CPU is not limited, without
	// openFiles no process of its own is looked at.
	start                                     int64
	quota, shares                             uint64
	memoryLimit, swapLimit                    uint64
	openFiles, threadsMax, processes, threads uint64

	// What it uses.
	cpu                         uint64
	memory                      usage.Memory
	pageFaults, majorPageFaults uint64
	links                       []link
}

// link is a network interface and what it carried.
type link struct {
	name   string
	rx, tx uint64
}

func (c *cgroup) use(t usage.Totals, m usage.Memory) {
	c.cpu, c.memory = t.CPU, m
	c.pageFaults, c.majorPageFaults = t.PageFaults, t.MajorPageFaults
}

// Memory that is neither anonymous nor reclaimable: half of it is taken to be
// the kernel's, the other half files in use. So everything adds up to the usage.
func (c *cgroup) kernel() uint64 {
	const page = 4096
	return (c.memory.WorkingSet - min(c.memory.RSS, c.memory.WorkingSet)) / 2 / page * page
}

func (c *cgroup) active() uint64 {
	return c.memory.WorkingSet - min(c.memory.RSS+c.kernel(), c.memory.WorkingSet)
}

func (c *cgroup) inactive() uint64 { return c.memory.Usage - min(c.memory.WorkingSet, c.memory.Usage) }

const (
	// openFilesLimit is what containerd's unit gives processes.
	openFilesLimit = 1_048_576
	rootShares     = 1024
	minShares      = 2
	maxShares      = 262_144
	pauseImage     = "registry.k8s.io/pause:3.10.1"
	// maxPID is the kernel's limit on a 64-bit machine.
	maxPID = 4_194_304
)

// cgroups lists what the node has, ordered by labels as samples are.
func (n *nodeUsage) cgroups() []cgroup {
	pods := make([]cgroup, 0, 6+3*len(n.listed)+2*len(n.waiting))
	for i := range n.listed {
		pods = n.appendPod(pods, &n.listed[i])
	}
	for _, p := range n.waiting {
		pods = n.appendPod(pods, &podUsage{pod: p, totals: p.totals(n.at), memory: p.sandbox.Memory()})
	}
	out := n.appendSlices(pods)
	slices.SortFunc(out, func(a, b cgroup) int {
		return cmp.Or(strings.Compare(a.container, b.container), strings.Compare(a.id, b.id))
	})
	return out
}

// appendPod appends a pod's cgroup, its sandbox' and its running containers'.
func (n *nodeUsage) appendPod(out []cgroup, u *podUsage) []cgroup {
	made := u.cgroups()
	p, sandbox := made.pod, made.sandbox
	p.use(u.totals, u.memory)
	p.threads = uint64(len(u.containers)) + 1
	sandbox.use(usage.Totals{CPU: u.sandbox.Totals(u.start, n.at).CPU}, u.sandboxMemory())
	sandbox.links = []link{{"eth0", u.totals.RxBytes, u.totals.TxBytes}}
	if u.hostNetwork {
		sandbox.links = n.links()
	}
	out = append(out, p, sandbox)
	for i := range u.containers {
		c := &u.containers[i]
		group := made.containers[c.name]
		group.start = c.start
		group.use(c.totals, c.memory)
		out = append(out, group)
	}
	return out
}

// sandboxMemory is what of the pod's memory is not its containers'.
func (u *podUsage) sandboxMemory() usage.Memory {
	m := u.memory
	for i := range u.containers {
		c := u.containers[i].memory
		m = usage.Memory{Usage: m.Usage - c.Usage, WorkingSet: m.WorkingSet - c.WorkingSet, RSS: m.RSS - c.RSS}
	}
	return m
}

// appendSlices appends what is not a pod's, given all that is.
func (n *nodeUsage) appendSlices(out []cgroup) []cgroup {
	f := n.facts
	slice := func(id string) cgroup {
		return cgroup{
			container: `container=""`, id: `id="` + id + `",image=""`, rest: `name="",namespace="",pod=""`,
			start: f.boot, shares: rootShares,
		}
	}
	root, all := slice("/"), slice("/kubepods")
	root.use(n.totals, n.memory)
	root.memoryLimit, root.openFiles, root.links = f.memory, openFilesLimit, n.links()
	all.use(n.workloads.totals, n.workloads.memory)
	all.shares, all.memoryLimit, all.threadsMax = shares(int64(f.cpu/1e6)), f.memory, maxPID

	burstable, bestEffort := slice("/kubepods/burstable"), slice("/kubepods/besteffort")
	cpu := n.sliceCPU(n.at)
	burstable.cpu, bestEffort.cpu = cpu.Burstable, cpu.BestEffort
	bestEffort.shares = minShares
	var requests int64
	sum := func(u *podUsage, running int) {
		all.threads += uint64(running) + 1
		into := &burstable
		switch qosOf(u.object) {
		case corev1.PodQOSGuaranteed:
			return
		case corev1.PodQOSBestEffort:
			into = &bestEffort
		case corev1.PodQOSBurstable:
			requests += u.cgroups().requests
		}
		into.threads += uint64(running) + 1
		into.memory = into.memory.Add(u.memory)
		into.pageFaults += u.totals.PageFaults
		into.majorPageFaults += u.totals.MajorPageFaults
	}
	for i := range n.listed {
		sum(&n.listed[i], len(n.listed[i].containers))
	}
	for _, p := range n.waiting {
		sum(&podUsage{pod: p, totals: p.totals(n.at), memory: p.sandbox.Memory()}, 0)
	}
	burstable.shares = shares(requests)

	kubelet, runtime := slice("/system.slice/kubelet.service"), slice("/system.slice/containerd.service")
	kubelet.use(n.kubelet.totals, n.kubelet.memory)
	runtime.use(n.runtime.totals, n.runtime.memory)
	for _, service := range []*cgroup{&kubelet, &runtime} {
		service.processes, service.threads = 1, 1
	}
	return append(out, root, all, bestEffort, burstable, runtime, kubelet)
}

// links are the node's own interfaces, as nodeNetwork has them.
func (n *nodeUsage) links() []link {
	pods := n.workloads.totals
	return []link{{"cni0", pods.TxBytes, pods.RxBytes}, {"eth0", n.totals.RxBytes, n.totals.TxBytes}}
}

// podCgroups are a pod's cgroups without what they use.
type podCgroups struct {
	pod, sandbox cgroup
	containers   map[string]cgroup // by name
	requests     int64             // millicores
}

// cgroups are made when they are first asked for: most pods' never are.
func (p *pod) cgroups() *podCgroups {
	if made := p.cached.Load(); made != nil {
		return made
	}
	made := p.newCgroups()
	p.cached.Store(made)
	return made
}

func (p *pod) newCgroups() *podCgroups {
	o := p.object
	path := "/kubepods/"
	switch qosOf(o) {
	case corev1.PodQOSBestEffort:
		path += "besteffort/"
	case corev1.PodQOSBurstable:
		path += "burstable/"
	case corev1.PodQOSGuaranteed: // directly below
	}
	path += "pod" + string(p.uid)
	labels := func(container, id, image string) cgroup {
		name := id
		if id != "" {
			id = "/" + id
		}
		return cgroup{
			container: `container="` + container + `"`, id: `id="` + path + id + `",image=` + quoteLabel(image),
			rest: `name="` + name + `",` + podLabels(p),
		}
	}
	made := &podCgroups{
		pod: labels("", "", ""), sandbox: labels("", hashID(p.uid, "/sandbox"), pauseImage), containers: map[string]cgroup{},
	}
	requests := resourcehelper.PodRequests(o, resourcehelper.PodResourcesOptions{})
	made.requests = requests.Cpu().MilliValue()
	made.pod.start, made.sandbox.start = p.start, p.start
	made.pod.shares, made.sandbox.shares = shares(made.requests), minShares
	made.pod.quota, made.pod.memoryLimit = podLimits(o)
	made.sandbox.openFiles, made.sandbox.processes, made.sandbox.threads = openFilesLimit, 1, 1

	add := func(c *corev1.Container, s *corev1.ContainerStatus) {
		id := hashID(p.uid, "/"+c.Name)
		if s != nil && s.ContainerID != "" {
			id = s.ContainerID[strings.LastIndex(s.ContainerID, "/")+1:]
		}
		group := labels(c.Name, id, c.Image)
		group.quota = quota(c.Resources.Limits)
		group.shares = shares(c.Resources.Requests.Cpu().MilliValue())
		group.memoryLimit = amount(corev1.ResourceMemory, c.Resources.Limits[corev1.ResourceMemory])
		group.swapLimit = group.memoryLimit // of memory and swap together
		group.openFiles, group.processes, group.threads = openFilesLimit, 1, 1
		made.containers[c.Name] = group
	}
	for i := range o.Spec.InitContainers {
		add(&o.Spec.InitContainers[i], statusOf(o.Status.InitContainerStatuses, o.Spec.InitContainers[i].Name))
	}
	for i := range o.Spec.Containers {
		add(&o.Spec.Containers[i], statusOf(o.Status.ContainerStatuses, o.Spec.Containers[i].Name))
	}
	return made
}

// podLimits are a pod's CPU quota and memory limit; 0 where a container has none.
func podLimits(o *corev1.Pod) (cpuQuota, memory uint64) {
	limitsCPU, limitsMemory := true, true
	limits := resourcehelper.PodLimits(o, resourcehelper.PodResourcesOptions{
		ContainerFn: func(list corev1.ResourceList, _ resourcehelper.ContainerType) {
			limitsCPU = limitsCPU && !list.Cpu().IsZero()
			limitsMemory = limitsMemory && !list.Memory().IsZero()
		},
	})
	if limitsCPU {
		cpuQuota = quota(limits)
	}
	if limitsMemory {
		memory = amount(corev1.ResourceMemory, limits[corev1.ResourceMemory])
	}
	return cpuQuota, memory
}

// quota is how many microseconds of each period a CPU limit allows.
func quota(limits corev1.ResourceList) uint64 {
	return amount(corev1.ResourceCPU, limits[corev1.ResourceCPU]) / (1e9 / period)
}

// shares is the weight that a CPU request gives a cgroup.
func shares(milli int64) uint64 { return uint64(min(max(milli*rootShares/1000, minShares), maxShares)) }

// hashID stands in for the ID that a container runtime gives.
func hashID[T ~string](uid T, suffix string) string {
	sum := sha256.Sum256([]byte(string(uid) + suffix))
	return hex.EncodeToString(sum[:])
}

func qosOf(o *corev1.Pod) corev1.PodQOSClass { return qos.GetPodQOS(o) }

// sliceCPU is the CPU time, in core-nanoseconds, of the cgroups that the pods
// of a QoS class share. They outlive the pods, so their counters do too.
type sliceCPU struct{ Burstable, BestEffort uint64 }

// add counts what a pod used.
func (s *sliceCPU) add(p *pod, t int64) {
	switch qosOf(p.object) {
	case corev1.PodQOSBurstable:
		s.Burstable += p.totals(t).CPU
	case corev1.PodQOSBestEffort:
		s.BestEffort += p.totals(t).CPU
	case corev1.PodQOSGuaranteed: // has no slice
	}
}

// sliceCPU is that of the pods that are there and of those that were.
func (v view) sliceCPU(t int64) sliceCPU {
	sum := v.retiredSlices
	for _, p := range v.pods {
		sum.add(p, t)
	}
	return sum
}

// makeUp adds what a counter of before lacks to reach what it was.
func (s *sliceCPU) makeUp(before, known sliceCPU) {
	s.Burstable += max(before.Burstable, known.Burstable) - known.Burstable
	s.BestEffort += max(before.BestEffort, known.BestEffort) - known.BestEffort
}
