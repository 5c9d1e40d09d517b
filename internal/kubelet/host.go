package kubelet

import (
	"math"

	"github.com/diorama-lab/diorama/internal/hostmetrics"
)

// systemProcesses are those that are not in pods.
const systemProcesses = 120

// host is the node as the hostmetrics receiver on it would see it.
func (n *nodeUsage) host() hostmetrics.Host {
	fs := n.filesystem()
	total := n.facts.memory
	pods := int64(len(n.listed))
	bridge := n.workloads.totals
	loopback := (n.traffic.RxBytes + n.traffic.TxBytes) / 8 // probes and health checks
	return hostmetrics.Host{
		Name: n.facts.name,
		OS:   n.facts.info.OperatingSystem,
		Boot: n.facts.boot,
		At:   n.at,
		CPUs: n.cpus(),
		Busy: n.totals.CPU,
		Rate: float64(n.rate) / 1e9,
		Load: hostmetrics.Load{One: n.load(1), Five: n.load(5), Fifteen: n.load(15)},
		Memory: hostmetrics.Memory{
			Total:  total,
			Used:   n.memory.WorkingSet,
			Cached: n.memory.Usage - n.memory.WorkingSet + total/10,
		},
		Filesystem: hostmetrics.Filesystem{
			Total: fs.capacity, Used: fs.used, Available: fs.available,
			Inodes: fs.inodes, InodesUsed: fs.inodesUsed,
		},
		Disk: hostmetrics.Disk{ReadBytes: n.totals.ReadBytes, WriteBytes: n.totals.WriteBytes},
		Interfaces: []hostmetrics.Interface{
			{Name: "lo", RxBytes: loopback, TxBytes: loopback},
			{Name: "eth0", RxBytes: n.totals.RxBytes, TxBytes: n.totals.TxBytes},
			{Name: "cni0", RxBytes: bridge.TxBytes, TxBytes: bridge.RxBytes},
		},
		Connections: hostmetrics.Connections{Established: 16 + 3*pods, Listen: 12, TimeWait: 2 + pods},
		Faults:      hostmetrics.Faults{All: n.totals.PageFaults, Major: n.totals.MajorPageFaults},
		Processes:   uint64(n.processes + systemProcesses),
	}
}

// cpus is how many the node has.
func (n *nodeUsage) cpus() int { return int(math.Ceil(float64(n.facts.cpu) / 1e9)) }

// load is how many CPUs were busy in the mean over so many minutes.
func (n *nodeUsage) load(minutes int64) float64 {
	from := max(n.at-minutes*60e9, n.facts.boot)
	if n.at <= from {
		return 0
	}
	now, then := n.totals.CPU, n.cpuAt(from)
	return float64(now-min(now, then)) / float64(n.at-from)
}
