// Package usage says how much of every resource a simulated container, pod or
// node service uses at an instant, and how much it has used since it started.
//
// Everything is a closed-form function of a seed, the identity of the slot
// that a container fills, its requests and limits, and time. Nothing is
// accumulated: the counter at t is the analytic integral of the rate from the
// container's start to t, so a restarted process goes on where the old one
// was, any instant costs the same, and one seed gives the same numbers to
// every process. Evaluating allocates nothing.
//
// Instants are Unix nanoseconds. CPU rates are nanocores, CPU counters
// core-nanoseconds, sizes bytes.
package usage

// Slot identifies the place that a container fills. It outlives a pod: the
// next pod of a StatefulSet's ordinal or of a DaemonSet's node has the same
// slot. What is common to a workload's slots makes its replicas alike.
type Slot struct {
	Namespace string
	Workload  string // the owner's name without generated suffixes
	Instance  string // ordinal, node name or completion index; else the pod's UID
	Container string
}

// Spec is what usage follows from besides seed and time. A zero request or
// limit means that there is none.
type Spec struct {
	Slot          Slot
	CPURequest    uint64 // nanocores
	CPULimit      uint64 // nanocores
	MemoryRequest uint64 // bytes
	MemoryLimit   uint64 // bytes
}

// Shares of a request that a container uses at its peak. They leave room for
// pods without requests and for the node's services, so that a node whose pods
// went through the scheduler never passes its capacity.
const (
	cpuPeakShare    = 0.65
	memoryPeakShare = 0.75 // page cache comes on top, see cacheShare
)

// Peaks of containers without requests: what small agents and sidecars need.
const (
	minIdleCPU    = 500_000 // nanocores
	maxIdleCPU    = 5_000_000
	minIdleMemory = 6 << 20
	maxIdleMemory = 20 << 20
)

// Container is the usage of one container. The zero value uses nothing.
type Container struct {
	cpu    Wave
	memory Wave // a level in bytes, not a rate
	faults Wave
	read   Wave
	write  Wave
	logs   Wave

	rssShare   float64 // of the working set
	cacheShare float64 // reclaimable page cache, as a share of the working set
	rootfs     uint64
}

// NewContainer returns the usage of the container that fills the slot.
func NewContainer(seed uint64, s Spec) Container {
	shared := hash(seed, s.Slot.Namespace, s.Slot.Workload, s.Slot.Container)
	own := hash(shared, s.Slot.Instance)
	r := dice{state: shared}

	cpuPeak := peak(s.CPURequest, s.CPULimit, cpuPeakShare, minIdleCPU, maxIdleCPU, r.unit())
	memoryPeak := peak(s.MemoryRequest, s.MemoryLimit, memoryPeakShare, minIdleMemory, maxIdleMemory, r.unit())
	c := newSlice(shared, own, cpuPeak/wavePeak, memoryPeak/wavePeak, &r)
	c.rootfs = 4096 * uint64(8+r.unit()*12)
	return c
}

// newSlice fills in what follows from the mean CPU and memory: busier
// containers fault, read, write and log more.
func newSlice(shared, own uint64, cpuMean, memoryMean float64, r *dice) Container {
	d := dice{state: own}
	vary := func(mean float64) uint64 {
		// Own means lie below the workload's: the peak was computed for 1.
		return uint64(mean * (0.85 + 0.15*d.unit()))
	}
	millicores := cpuMean / 1e6
	return Container{
		cpu:        newWave(vary(cpuMean), shared, own, 1),
		memory:     newWave(vary(memoryMean), shared, own, 2),
		faults:     newWave(vary(2+millicores*(0.2+r.unit())), shared, own, 3),
		read:       newWave(vary(64+millicores*200*r.unit()), shared, own, 4),
		write:      newWave(vary(256+millicores*900*r.unit()), shared, own, 5),
		logs:       newWave(vary(8+millicores*6*r.unit()), shared, own, 6),
		rssShare:   0.84 + 0.11*r.unit(),
		cacheShare: 0.02 + 0.12*r.unit(),
	}
}

// peak is the highest use of a resource: a share of the request, drawn by u in
// [0,1), or of the limit where nothing is requested.
func peak(request, limit uint64, share, idleMin, idleMax, u float64) float64 {
	if request == 0 {
		request = limit // what the API server defaults requests to
	}
	p := idleMin + (idleMax-idleMin)*u
	if request > 0 {
		p = float64(request) * share * (0.55 + 0.45*u)
	}
	if l := float64(limit) * share; limit > 0 && p > l {
		p = l
	}
	return p
}

// CPU is the rate in nanocores at t.
func (c *Container) CPU(t int64) float64 { return c.cpu.Rate(t) }

// CPUTotal is the CPU time in core-nanoseconds used from start to t.
func (c *Container) CPUTotal(start, t int64) uint64 { return c.cpu.Integral(start, t) }

// Memory is a container's memory in bytes.
type Memory struct {
	Usage      uint64 // working set and reclaimable page cache
	WorkingSet uint64
	RSS        uint64
}

// Add returns the sum of m and o.
func (m Memory) Add(o Memory) Memory {
	return Memory{m.Usage + o.Usage, m.WorkingSet + o.WorkingSet, m.RSS + o.RSS}
}

const (
	page       = 4096
	warmUp     = int64(30e9) // a program allocates most of its memory in its first seconds
	coldMemory = 0.35        // share of its memory that a program has when it starts
)

// Memory is the memory at t of a container started at start.
func (c *Container) Memory(start, t int64) Memory {
	level := c.memory.Rate(t)
	if age := max(t-start, 0); age < warmUp {
		level *= coldMemory + float64((1-coldMemory)*(float64(age)/float64(warmUp)))
	}
	ws := pages(level)
	return Memory{
		Usage:      ws + pages(level*c.cacheShare),
		WorkingSet: ws,
		RSS:        pages(level * c.rssShare),
	}
}

func pages(bytes float64) uint64 { return uint64(bytes) / page * page }

// Totals are counters since start; they only grow.
type Totals struct {
	CPU             uint64 // core-nanoseconds
	PageFaults      uint64
	MajorPageFaults uint64
	ReadBytes       uint64 // from block devices
	WriteBytes      uint64
	RxBytes         uint64
	TxBytes         uint64
}

// Add returns the sum of a and b.
func (a Totals) Add(b Totals) Totals {
	return Totals{
		CPU:             a.CPU + b.CPU,
		PageFaults:      a.PageFaults + b.PageFaults,
		MajorPageFaults: a.MajorPageFaults + b.MajorPageFaults,
		ReadBytes:       a.ReadBytes + b.ReadBytes,
		WriteBytes:      a.WriteBytes + b.WriteBytes,
		RxBytes:         a.RxBytes + b.RxBytes,
		TxBytes:         a.TxBytes + b.TxBytes,
	}
}

// Shortfall returns, counter by counter, what b lacks to reach a.
func (a Totals) Shortfall(b Totals) Totals {
	lack := func(a, b uint64) uint64 { return max(a, b) - b }
	return Totals{
		CPU:             lack(a.CPU, b.CPU),
		PageFaults:      lack(a.PageFaults, b.PageFaults),
		MajorPageFaults: lack(a.MajorPageFaults, b.MajorPageFaults),
		ReadBytes:       lack(a.ReadBytes, b.ReadBytes),
		WriteBytes:      lack(a.WriteBytes, b.WriteBytes),
		RxBytes:         lack(a.RxBytes, b.RxBytes),
		TxBytes:         lack(a.TxBytes, b.TxBytes),
	}
}

// Totals are the container's counters from start to t.
func (c *Container) Totals(start, t int64) Totals {
	faults := c.faults.Integral(start, t)
	return Totals{
		CPU:             c.cpu.Integral(start, t),
		PageFaults:      faults,
		MajorPageFaults: faults / 4000,
		ReadBytes:       c.read.Integral(start, t),
		WriteBytes:      c.write.Integral(start, t),
	}
}

// logRotation is the size at which the kubelet rotates a container's log.
const logRotation = 10 << 20

// Disk is what a container keeps on the node's disk, in bytes.
type Disk struct {
	Rootfs, Logs uint64
}

// Disk is the disk space that a container started at start has at t.
func (c *Container) Disk(start, t int64) Disk {
	logged := c.logs.Integral(start, t) % logRotation
	return Disk{Rootfs: c.rootfs, Logs: (logged/page + 1) * page}
}
