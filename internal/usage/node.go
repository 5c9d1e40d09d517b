package usage

// PauseMemory is the memory of a pod's pause container: a pod's working set is
// about that much more than the sum of its containers.
const PauseMemory = 768 << 10

// Sandbox is what a pod uses beyond its containers: the pause process and the
// network interface that the containers share.
type Sandbox struct {
	rx, tx Wave
}

// NewSandbox returns the usage of the pod in the slot; Slot.Container is
// ignored. Traffic comes when the containers work.
func NewSandbox(seed uint64, s Slot, p Profile) Sandbox {
	k := s.keys(seed, "network")
	r := dice{state: k.shared}
	// Traffic of workloads differs by orders of magnitude; that of replicas does not.
	rx := 200 * pow2(9*r.unit())
	tx := rx * (0.3 + 2*r.unit())
	if p == Idle {
		rx, tx = 200, 100 // probes
	}
	d := dice{state: k.own}
	return Sandbox{
		rx: newWave(uint64(rx*(0.8+0.4*d.unit())), k, 7, p),
		tx: newWave(uint64(tx*(0.8+0.4*d.unit())), k, 8, p),
	}
}

// Totals are the sandbox's counters from start to t.
func (s *Sandbox) Totals(start, t int64) Totals {
	totals := s.Traffic(start, t)
	totals.CPU = s.CPUTotal(start, t)
	return totals
}

// CPUTotal is what the pause process used from start to t. It sleeps: it costs
// what starting it did, spread over its first second.
func (s *Sandbox) CPUTotal(start, t int64) uint64 {
	const startUp = 20_000_000 // core-nanoseconds
	if t <= start {
		return 0
	}
	age := min(uint64(t)-uint64(start), uint64(second))
	return age / uint64(second/startUp)
}

// Traffic is what went over the network from start to t.
func (s *Sandbox) Traffic(start, t int64) Totals {
	return Totals{RxBytes: s.rx.Integral(start, t), TxBytes: s.tx.Integral(start, t)}
}

// Memory is the pause process' memory.
func (s *Sandbox) Memory() Memory {
	return Memory{Usage: PauseMemory, WorkingSet: PauseMemory, RSS: PauseMemory / 4}
}

// Services are what a node runs apart from pods.
type Services struct {
	Kubelet Container
	Runtime Container
	// Traffic is the node's own: leases, watches, image pulls.
	Traffic Sandbox
}

// NewServices returns the services of a node with the given capacity, in
// nanocores and bytes. They are sized so that both together stay below a tenth of it.
func NewServices(seed uint64, node string, cpu, memory uint64) Services {
	slot := Slot{Workload: "node services", Instance: node}
	slice := func(name string, cpuPeak, memoryPeak float64) Container {
		k := slot.keys(seed, name)
		r := dice{state: k.shared}
		return newSlice(k, min(cpuPeak, 0.04*float64(cpu)), min(memoryPeak, 0.04*float64(memory)), Idle, &r)
	}
	return Services{
		Kubelet: slice("kubelet", 120e6, 220<<20),
		Runtime: slice("runtime", 90e6, 300<<20),
		Traffic: NewSandbox(seed, slot, Steady),
	}
}

// Totals are the counters of all services from boot to t.
func (s *Services) Totals(boot, t int64) Totals {
	return s.Kubelet.Totals(boot, t).Add(s.Runtime.Totals(boot, t)).Add(s.Traffic.Traffic(boot, t))
}

// PeakCPU bounds the services' CPU, in nanocores.
func (s *Services) PeakCPU() uint64 { return s.Kubelet.PeakCPU() + s.Runtime.PeakCPU() }

// Memory is the memory of all services at t.
func (s *Services) Memory(boot, t int64) Memory {
	return s.Kubelet.Memory(boot, t).Add(s.Runtime.Memory(boot, t))
}

// pow2 is 2 to the x for x >= 0, linear between whole powers: exact on every machine.
func pow2(x float64) float64 {
	whole := uint(x)
	return float64(uint64(1)<<whole) * (1 + (x - float64(whole)))
}
