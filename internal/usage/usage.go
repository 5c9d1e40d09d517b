// Package usage says how much of every resource a simulated container, pod or
// node service uses at an instant, and how much it has used since it started.
//
// Everything is a closed-form function of a seed, the identity of the slot
// that a container fills, its profile, requests and limits, and time. Nothing is
// accumulated: the counter at t is the analytic integral of the rate from the
// container's start to t, so a restarted process goes on where the old one
// was, any instant costs the same, and one seed gives the same numbers to
// every process. Evaluating allocates nothing.
//
// Instants are Unix nanoseconds. CPU rates are nanocores, CPU counters
// core-nanoseconds, sizes bytes.
package usage

import "math"

// Slot identifies the place that a container fills. It outlives a pod: the
// next pod of a StatefulSet's ordinal or of a DaemonSet's node has the same
// slot. What is common to a workload's slots makes its replicas alike.
type Slot struct {
	Namespace string
	Workload  string // the owner's name without generated suffixes
	Instance  string // ordinal, node name or completion index; else the pod's UID
	Container string
}

// Spec is what usage follows from apart from seed and time. A zero request or
// limit means that there is none.
type Spec struct {
	Slot          Slot
	Profile       Profile
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

	rssShare    float64 // of the working set
	cacheShare  float64 // reclaimable page cache, as a share of the working set
	memoryLimit uint64  // 0: none
	leak        float64 // bytes per second that are never given back
	rootfs      uint64
}

// NewContainer returns the usage of the container that fills the slot.
func NewContainer(seed uint64, s Spec) Container {
	k := s.Slot.keys(seed, s.Slot.Container)
	r := dice{state: k.shared}
	cpuRequest, memoryRequest := s.CPURequest, s.MemoryRequest
	if s.Profile == Idle { // whatever was reserved for it
		cpuRequest, memoryRequest = 0, 0
	}
	cpuPeak := peak(cpuRequest, s.CPULimit, s.Profile, cpuPeakShare, minIdleCPU, maxIdleCPU, r.unit())
	memoryPeak := peak(memoryRequest, s.MemoryLimit, s.Profile, memoryPeakShare, minIdleMemory, maxIdleMemory, r.unit())
	c := newSlice(k, cpuPeak, memoryPeak, s.Profile, &r)
	c.rootfs = 4096 * uint64(8+r.unit()*12)
	c.memoryLimit = s.MemoryLimit
	if s.Profile == Leak {
		d := dice{state: mix(k.own)}
		rate := max(float64(s.MemoryLimit)/leakTime, minLeak)
		c.leak = float64(rate * (0.85 + 0.3*d.unit()))
	}
	return c
}

// A leak fills any limit within about leakTime seconds, a small one sooner.
const (
	leakTime = 20 * 60
	minLeak  = 128 << 10 // bytes per second
)

// newSlice fills in what follows from the peaks of CPU and memory: busier
// containers fault, read, write and log more.
func newSlice(k keys, cpuPeak, memoryPeak float64, p Profile, r *dice) Container {
	d := dice{state: k.own}
	vary := func(mean float64) uint64 {
		// Own means lie below the workload's: the peak was computed for 1.
		return uint64(mean * (0.85 + 0.15*d.unit()))
	}
	memory := memoryProfile(p)
	cpuMean := cpuPeak / p.shape().peak()
	millicores := cpuMean / 1e6
	return Container{
		cpu:        newWave(vary(cpuMean), k, 1, p),
		memory:     newWave(vary(memoryPeak/memory.shape().peak()), k, 2, memory),
		faults:     newWave(vary(2+millicores*(0.2+r.unit())), k, 3, p),
		read:       newWave(vary(64+millicores*200*r.unit()), k, 4, p),
		write:      newWave(vary(256+millicores*900*r.unit()), k, 5, p),
		logs:       newWave(vary(8+millicores*6*r.unit()), k, 6, p),
		rssShare:   0.84 + 0.11*r.unit(),
		cacheShare: 0.02 + 0.12*r.unit(),
	}
}

// memoryProfile is how memory moves under a profile. Programs keep what they
// have once allocated: bursts of work do not show in it, a night does a little.
func memoryProfile(p Profile) Profile {
	switch p {
	case Batch, Idle:
		return p
	}
	return Steady
}

// peak is the highest use of a resource: a share of the request, drawn by u in
// [0,1), or of the limit where nothing is requested.
func peak(request, limit uint64, p Profile, share, idleMin, idleMax, u float64) float64 {
	if request == 0 && p != Idle {
		request = limit // what the API server defaults requests to
	}
	highest := idleMin + (idleMax-idleMin)*u
	if request > 0 {
		highest = float64(request) * share * (0.55 + 0.45*u)
	}
	if l := float64(limit) * share; limit > 0 && highest > l {
		highest = l
	}
	return highest
}

// CPU is the rate in nanocores at t.
func (c *Container) CPU(t int64) float64 { return c.cpu.Rate(t) }

// PeakCPU bounds the rate, in nanocores.
func (c *Container) PeakCPU() uint64 { return uint64(min(c.cpu.peak()+1, math.MaxInt64)) }

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
	return c.MemoryAt(pages(c.level(start, t)))
}

// level is the working set in bytes, before limits.
func (c *Container) level(start, t int64) float64 {
	age := float64(max(t, start)-start) / float64(second)
	if t > start && t-start < 0 { // farther apart than an int64 holds
		age = math.MaxInt64 / float64(second)
	}
	if c.leak > 0 {
		level := c.leakStart() + float64(c.leak*age)
		if c.memoryLimit == 0 { // nothing would stop it: stay at what its request leaves room for
			level = min(level, c.memory.peak())
		}
		return level
	}
	level := c.memory.Rate(t)
	if warmth := age / (float64(warmUp) / float64(second)); warmth < 1 {
		level *= coldMemory + float64((1-coldMemory)*warmth)
	}
	return level
}

// leakStart is what a leaking container has when it starts.
func (c *Container) leakStart() float64 { return coldMemory * float64(c.memory.mean) }

// MemoryAt is a container's memory when its working set is so many bytes, or
// its limit if that is less. Page cache makes room before a limit does.
func (c *Container) MemoryAt(workingSet uint64) Memory {
	limit := c.memoryLimit
	if limit == 0 {
		limit = math.MaxInt64
	}
	ws := min(workingSet, limit)
	return Memory{
		Usage:      min(ws+pages(float64(ws)*c.cacheShare), limit),
		WorkingSet: ws,
		RSS:        pages(float64(ws) * c.rssShare),
	}
}

// FullAt is when the memory of a container started at start reaches the
// limit; math.MaxInt64 if it never does.
func (c *Container) FullAt(start int64) int64 {
	if c.leak == 0 || c.memoryLimit == 0 {
		return math.MaxInt64
	}
	// The level counts in pages.
	seconds := (float64(c.memoryLimit) + page - c.leakStart()) / c.leak
	return addTime(start, seconds)
}

// addTime is so many seconds after t, or the end of time.
func addTime(t int64, seconds float64) int64 {
	if nanos := seconds * float64(second); nanos < math.MaxInt64 && t <= math.MaxInt64-int64(nanos) {
		return t + int64(nanos)
	}
	return math.MaxInt64
}

func pages(bytes float64) uint64 { return uint64(min(bytes, math.MaxInt64/2)) / page * page }

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

// Add returns the sum of a and b. What is beyond any counter stays at its end.
func (a Totals) Add(b Totals) Totals {
	return Totals{
		CPU:             add(a.CPU, b.CPU),
		PageFaults:      add(a.PageFaults, b.PageFaults),
		MajorPageFaults: add(a.MajorPageFaults, b.MajorPageFaults),
		ReadBytes:       add(a.ReadBytes, b.ReadBytes),
		WriteBytes:      add(a.WriteBytes, b.WriteBytes),
		RxBytes:         add(a.RxBytes, b.RxBytes),
		TxBytes:         add(a.TxBytes, b.TxBytes),
	}
}

func add(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
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
