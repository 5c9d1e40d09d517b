package kubelet

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	statsv1 "k8s.io/kubelet/pkg/apis/stats/v1alpha1"

	"github.com/diorama-lab/diorama/internal/usage"
)

// summary writes /stats/summary from one measurement. Which fields are absent,
// and where, follows what a kubelet 1.35 sends.
type summary struct {
	*nodeUsage
	now      metav1.Time
	fs       filesystem
	onlyCPU  bool // only_cpu_and_memory: the small form
	numbers  []uint64
	pressure *statsv1.PSIStats
}

// newSummary builds the answer to /stats/summary.
func newSummary(n *nodeUsage, onlyCPUAndMemory bool) *statsv1.Summary {
	s := &summary{
		nodeUsage: n,
		now:       metaTime(n.at),
		fs:        n.filesystem(),
		onlyCPU:   onlyCPUAndMemory,
		pressure:  &statsv1.PSIStats{}, // nothing here ever waits for a resource
	}
	out := &statsv1.Summary{Node: s.node(), Pods: make([]statsv1.PodStats, 0, len(n.listed))}
	for i := range n.listed {
		out.Pods = append(out.Pods, s.pod(&n.listed[i]))
	}
	return out
}

// num returns a pointer to v. Numbers are allocated together: one answer has thousands.
func (s *summary) num(v uint64) *uint64 {
	if len(s.numbers) == cap(s.numbers) {
		s.numbers = make([]uint64, 0, 512)
	}
	s.numbers = append(s.numbers, v)
	return &s.numbers[len(s.numbers)-1]
}

func (s *summary) node() statsv1.NodeStats {
	f := s.facts
	out := statsv1.NodeStats{
		NodeName:  f.name,
		StartTime: metaTime(f.boot),
		SystemContainers: []statsv1.ContainerStats{
			s.service(statsv1.SystemContainerKubelet, s.kubelet),
			s.service(statsv1.SystemContainerRuntime, s.runtime),
			s.service(statsv1.SystemContainerPods, s.workloads),
		},
		CPU:    s.cpu(s.rate, s.totals.CPU),
		Memory: s.mem(s.memory, s.totals, f.memory),
		Swap:   s.swap(s.num(0)),
	}
	// Only the slice of the pods has a limit, the node's memory.
	s.available(out.SystemContainers[2].Memory, f.memory)
	if s.onlyCPU {
		return out
	}
	pids, processes := int64(maxPID), s.processes+systemProcesses
	out.IO = s.io()
	out.Network = s.nodeNetwork()
	out.Fs = s.disk(s.fs.used, s.fs.inodesUsed)
	out.Runtime = &statsv1.RuntimeStats{
		ImageFs:     s.disk(s.fs.images, s.fs.inodesUsed/2),
		ContainerFs: s.disk(s.fs.images, s.fs.inodesUsed/2),
	}
	out.Rlimit = &statsv1.RlimitStats{Time: s.now, MaxPID: &pids, NumOfRunningProcesses: &processes}
	return out
}

func (s *summary) service(name string, u serviceUsage) statsv1.ContainerStats {
	out := statsv1.ContainerStats{
		Name:      name,
		StartTime: metaTime(s.facts.boot),
		CPU:       s.cpu(u.rate, u.totals.CPU),
		Memory:    s.mem(u.memory, u.totals, 0),
		Swap:      s.swap(nil),
	}
	if !s.onlyCPU {
		out.IO = s.io()
	}
	return out
}

func (s *summary) pod(u *podUsage) statsv1.PodStats {
	meta := &u.object.ObjectMeta
	out := statsv1.PodStats{
		PodRef:     statsv1.PodReference{Name: meta.Name, Namespace: meta.Namespace, UID: string(meta.UID)},
		StartTime:  metaTime(u.start),
		Containers: make([]statsv1.ContainerStats, 0, len(u.containers)),
		CPU:        s.cpu(u.rate, u.totals.CPU),
		Memory:     s.mem(u.memory, u.totals, u.memoryLimit),
		Swap:       s.swap(nil),
	}
	for i := range u.containers {
		out.Containers = append(out.Containers, s.container(&u.containers[i]))
	}
	if s.onlyCPU {
		return out
	}
	out.IO = s.io()
	if u.hostNetwork {
		out.Network = s.nodeNetwork()
	} else {
		out.Network = s.network(s.iface("eth0", u.totals.RxBytes, u.totals.TxBytes))
	}
	out.VolumeStats = s.volumes(u)
	out.EphemeralStorage = s.disk(u.disk.Rootfs+u.disk.Logs+u.localDisk, u.inodes())
	out.ProcessStats = &statsv1.ProcessStats{ProcessCount: s.num(uint64(len(u.containers)))}
	return out
}

func (s *summary) container(u *containerUsage) statsv1.ContainerStats {
	out := statsv1.ContainerStats{
		Name:      u.name,
		StartTime: metaTime(u.start),
		CPU:       s.cpu(u.rate, u.totals.CPU),
		Memory:    s.mem(u.memory, u.totals, u.memoryLimit),
	}
	if s.onlyCPU {
		out.Swap = s.swap(s.num(0))
		return out
	}
	out.IO = s.io()
	out.Rootfs = s.disk(u.disk.Rootfs, inodesPerContainer)
	out.Logs = s.disk(u.disk.Logs, 1)
	out.Swap = s.swap(nil)
	if u.memoryLimit > 0 {
		out.Swap.SwapAvailableBytes = s.num(u.memoryLimit)
	}
	return out
}

func (s *summary) cpu(rate, total uint64) *statsv1.CPUStats {
	return &statsv1.CPUStats{
		Time: s.now, UsageNanoCores: s.num(rate), UsageCoreNanoSeconds: s.num(total), PSI: s.pressure,
	}
}

// mem leaves out what is available where there is no limit.
func (s *summary) mem(m usage.Memory, t usage.Totals, limit uint64) *statsv1.MemoryStats {
	out := &statsv1.MemoryStats{
		Time:            s.now,
		UsageBytes:      s.num(m.Usage),
		WorkingSetBytes: s.num(m.WorkingSet),
		RSSBytes:        s.num(m.RSS),
		PageFaults:      s.num(t.PageFaults),
		MajorPageFaults: s.num(t.MajorPageFaults),
		PSI:             s.pressure,
	}
	s.available(out, limit)
	return out
}

func (s *summary) available(m *statsv1.MemoryStats, limit uint64) {
	if limit > 0 {
		m.AvailableBytes = s.num(limit - min(limit, *m.WorkingSetBytes))
	}
}

func (s *summary) io() *statsv1.IOStats {
	return &statsv1.IOStats{Time: s.now, PSI: s.pressure}
}

// swap is unused: simulated nodes have none.
func (s *summary) swap(available *uint64) *statsv1.SwapStats {
	return &statsv1.SwapStats{Time: s.now, SwapAvailableBytes: available, SwapUsageBytes: s.num(0)}
}

// disk is what something has on the node's disk, and how full that is.
func (s *summary) disk(used, inodesUsed uint64) *statsv1.FsStats {
	return &statsv1.FsStats{
		Time:           s.now,
		AvailableBytes: s.num(s.fs.available),
		CapacityBytes:  s.num(s.fs.capacity),
		UsedBytes:      s.num(used),
		InodesFree:     s.num(s.fs.inodes - s.fs.inodesUsed),
		Inodes:         s.num(s.fs.inodes),
		InodesUsed:     s.num(inodesUsed),
	}
}

func (s *summary) volumes(u *podUsage) []statsv1.VolumeStats {
	if len(u.volumes) == 0 {
		return nil
	}
	out := make([]statsv1.VolumeStats, 0, len(u.volumes))
	for i := range u.volumes {
		v := &u.volumes[i]
		stats := statsv1.VolumeStats{Name: v.name}
		if v.kind == diskVolume {
			stats.FsStats = *s.disk(v.used, v.inodes)
		} else {
			stats.FsStats = *s.ownFs(v)
		}
		if v.kind == claimVolume {
			namespace := u.object.Namespace
			stats.PVCRef = &statsv1.PVCReference{Namespace: namespace, Name: v.claim[len(namespace)+1:]}
		}
		out = append(out, stats)
	}
	return out
}

// ownFs is a volume that is a file system of its own.
func (s *summary) ownFs(v *volumeUsage) *statsv1.FsStats {
	inodes := max(v.capacity/bytesPerInode, v.inodes)
	if v.kind != claimVolume { // in memory: as many as the node has pages for, by halves
		inodes = s.facts.memory / 8192
	}
	return &statsv1.FsStats{
		Time:           s.now,
		AvailableBytes: s.num(v.capacity - v.used),
		CapacityBytes:  s.num(v.capacity),
		UsedBytes:      s.num(v.used),
		InodesFree:     s.num(inodes - min(inodes, v.inodes)),
		Inodes:         s.num(inodes),
		InodesUsed:     s.num(v.inodes),
	}
}

func (s *summary) iface(name string, rx, tx uint64) statsv1.InterfaceStats {
	return statsv1.InterfaceStats{
		Name: name, RxBytes: s.num(rx), RxErrors: s.num(0), TxBytes: s.num(tx), TxErrors: s.num(0),
	}
}

func (s *summary) network(interfaces ...statsv1.InterfaceStats) *statsv1.NetworkStats {
	out := &statsv1.NetworkStats{Time: s.now, Interfaces: interfaces}
	i := slices.IndexFunc(interfaces, func(i statsv1.InterfaceStats) bool { return i.Name == "eth0" })
	out.InterfaceStats = interfaces[i] // the default interface
	return out
}

// nodeNetwork: the uplink carries the pods' traffic and the node's own; the
// bridge sees the pods' from the other side.
func (s *summary) nodeNetwork() *statsv1.NetworkStats {
	pods := s.workloads.totals
	return s.network(
		s.iface("cni0", pods.TxBytes, pods.RxBytes),
		s.iface("eth0", s.totals.RxBytes, s.totals.TxBytes),
	)
}
