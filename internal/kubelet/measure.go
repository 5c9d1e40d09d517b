package kubelet

import (
	"github.com/diorama-lab/diorama/internal/usage"
)

// rateWindow is what usageNanoCores is a mean over, as in a real kubelet. A
// difference of counters agrees with the counters to the sample.
const rateWindow = int64(10e9)

// containerUsage is one container at the view's instant.
type containerUsage struct {
	*container
	totals usage.Totals
	rate   uint64 // nanocores
	memory usage.Memory
	disk   usage.Disk
}

// podUsage is one listed pod.
type podUsage struct {
	*pod
	containers []containerUsage // the running ones
	totals     usage.Totals
	rate       uint64
	memory     usage.Memory
	disk       usage.Disk // of the containers
	volumes    []volumeUsage
	localDisk  uint64 // of volumes on the node's disk
}

type volumeUsage struct {
	*volume
	capacity, used, inodes uint64
}

// serviceUsage is one of the node's services.
type serviceUsage struct {
	totals usage.Totals
	rate   uint64
	memory usage.Memory
}

// nodeUsage is everything that a node's answers say, at one instant: the sum
// of the pods, of those that are gone, and of the node's services.
type nodeUsage struct {
	view
	listed           []podUsage
	waiting          []*pod       // have a sandbox but no running container
	workloads        serviceUsage // all pods together
	kubelet, runtime serviceUsage
	traffic          usage.Totals // the node's own
	totals           usage.Totals
	rate             uint64
	memory           usage.Memory
	rootfs           uint64 // of the containers' writable layers
	podDisk          uint64
	podInodes        uint64
	processes        int64
}

// measure evaluates usage once for one answer.
func (v view) measure(s *store) *nodeUsage {
	n := &nodeUsage{view: v, listed: make([]podUsage, 0, len(v.pods))}
	n.workloads.totals = v.retired
	for _, p := range v.pods {
		if !p.running {
			n.workloads.totals = n.workloads.totals.Add(p.totals(v.at))
			if p.start <= v.at && p.until == endless {
				n.waiting = append(n.waiting, p)
			}
			continue
		}
		n.listed = append(n.listed, v.measurePod(s, p))
		u := &n.listed[len(n.listed)-1]
		n.workloads.totals = n.workloads.totals.Add(u.totals)
		n.workloads.rate += u.rate
		n.rootfs += u.disk.Rootfs
		n.podDisk += u.disk.Rootfs + u.disk.Logs + u.localDisk
		n.podInodes += u.inodes()
		n.processes += int64(len(u.containers)) + 1
	}
	f := v.facts
	n.kubelet = v.measureService(&f.services.Kubelet)
	n.runtime = v.measureService(&f.services.Runtime)
	n.traffic = f.services.Traffic.Traffic(f.boot, v.at)
	n.totals = n.workloads.totals.Add(n.kubelet.totals).Add(n.runtime.totals).Add(n.traffic)
	n.rate = n.workloads.rate + n.kubelet.rate + n.runtime.rate
	n.fitMemory()
	n.memory = n.workloads.memory.Add(n.kubelet.memory).Add(n.runtime.memory)
	return n
}

func (v view) measurePod(s *store, p *pod) podUsage {
	u := podUsage{pod: p, containers: make([]containerUsage, 0, len(p.containers))}
	for i := range p.containers {
		c := &p.containers[i]
		if !c.running {
			continue
		}
		totals := c.course.totals(v.at)
		u.containers = append(u.containers, containerUsage{
			container: c,
			totals:    totals,
			rate:      c.course.rate(c.start, v.at, totals.CPU),
			memory:    c.memoryAt(v.at),
			disk:      c.usage.Disk(c.start, v.at),
		})
		last := &u.containers[len(u.containers)-1]
		u.rate += last.rate
		u.memory = u.memory.Add(last.memory)
		u.disk.Rootfs += last.disk.Rootfs
		u.disk.Logs += last.disk.Logs
	}
	u.memory = u.memory.Add(p.sandbox.Memory())
	u.totals = p.totalsWith(v.at, u.containers)
	u.volumes, u.localDisk = v.measureVolumes(s, p)
	return u
}

func (v view) measureService(c *usage.Container) serviceUsage {
	boot := v.facts.boot
	service := course{usage: c, since: boot}
	totals := service.totals(v.at)
	return serviceUsage{
		totals: totals,
		rate:   service.rate(boot, v.at, totals.CPU),
		memory: c.Memory(boot, v.at),
	}
}

// fitMemory adds up the pods' memory. If that is more than the node has left,
// each pod and container has its share: nobody here is evicted, and a node
// with more memory in use than it has would be no node.
func (n *nodeUsage) fitMemory() {
	services := n.kubelet.memory.Add(n.runtime.memory)
	var waiting, sum usage.Memory
	for _, p := range n.waiting {
		waiting = waiting.Add(p.sandbox.Memory())
	}
	for i := range n.listed {
		sum = sum.Add(n.listed[i].memory)
	}
	room := n.facts.memory - min(n.facts.memory, services.Usage+waiting.Usage)
	if sum.Usage > room {
		share := float64(room) / float64(sum.Usage)
		sum = usage.Memory{}
		for i := range n.listed {
			n.listed[i].shrink(share)
			sum = sum.Add(n.listed[i].memory)
		}
	}
	n.workloads.memory = sum.Add(waiting)
}

// shrink leaves the pod so much of its memory.
func (u *podUsage) shrink(share float64) {
	shrunk := func(m usage.Memory) usage.Memory {
		return usage.Memory{
			Usage:      uint64(float64(m.Usage) * share),
			WorkingSet: uint64(float64(m.WorkingSet) * share),
			RSS:        uint64(float64(m.RSS) * share),
		}
	}
	u.memory = shrunk(u.sandbox.Memory())
	for i := range u.containers {
		u.containers[i].memory = shrunk(u.containers[i].memory)
		u.memory = u.memory.Add(u.containers[i].memory)
	}
}

func (v view) measureVolumes(s *store, p *pod) (out []volumeUsage, local uint64) {
	if len(p.volumes) == 0 {
		return nil, 0
	}
	out = make([]volumeUsage, 0, len(p.volumes))
	for i := range p.volumes {
		u := volumeUsage{volume: &p.volumes[i]}
		u.used, u.inodes = (u.files+1)/2*4096, u.files
		switch u.kind {
		case diskVolume:
			u.capacity = v.facts.disk
			local += u.used
		case memoryVolume, filesVolume:
			u.capacity = v.facts.memory
			if p.memoryLimit > 0 {
				u.capacity = min(u.capacity, p.memoryLimit)
			}
			if u.size > 0 {
				u.capacity = min(u.capacity, u.size)
			}
		case claimVolume:
			u.capacity = s.claim(u.claim)
			if u.capacity == 0 { // the claim is gone, or states no size
				continue
			}
			// A database grows: a third of the claim, plus what was written, up to four fifths.
			written := p.totals(v.at).WriteBytes / 16
			u.used = min(u.capacity/3+written, u.capacity/5*4) / 4096 * 4096
			u.inodes = 11 + u.used>>20
		}
		u.used = min(u.used, u.capacity)
		out = append(out, u)
	}
	return out, local
}

// inodesPerContainer are the files that the runtime makes in a container's
// writable layer: mount points, hosts, resolv.conf.
const inodesPerContainer = 13

// inodes are the files that the pod has on the node's disk.
func (u *podUsage) inodes() uint64 {
	n := uint64(len(u.containers)) * (inodesPerContainer + 1)
	for i := range u.volumes {
		if u.volumes[i].kind == diskVolume {
			n += u.volumes[i].inodes
		}
	}
	return n
}

// Shares of the node's disk: what the system and images take, and what the
// file system keeps back for root.
const (
	systemDiskShare   = 10 // percent
	imageDiskShare    = 6
	reservedDiskShare = 5
	bytesPerInode     = 16384
)

// filesystem is the node's disk.
type filesystem struct {
	capacity, used, available uint64
	images                    uint64
	inodes, inodesUsed        uint64
}

func (n *nodeUsage) filesystem() filesystem {
	c := n.facts.disk
	f := filesystem{capacity: c, inodes: c / bytesPerInode}
	f.images = c/100*imageDiskShare + n.rootfs
	f.used = min(c/100*(systemDiskShare+imageDiskShare)+n.podDisk, c)
	f.available = c - min(c, f.used+c/100*reservedDiskShare)
	f.inodesUsed = min(f.inodes/20+n.podInodes, f.inodes)
	return f
}

// cpuAt is the node's CPU counter at an earlier instant, of what is known now.
func (n *nodeUsage) cpuAt(t int64) uint64 {
	f := n.facts
	sum := n.retired.CPU + f.services.Kubelet.CPUTotal(f.boot, t) + f.services.Runtime.CPUTotal(f.boot, t)
	for _, p := range n.pods {
		sum += p.carry.CPU + p.cpuTotal(t)
	}
	return sum
}
