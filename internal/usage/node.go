package usage

// PauseMemory is the memory of a pod's pause container: a pod's working set is
// about that much more than the sum of its containers.
const PauseMemory = 768 << 10

// Sandbox is what a pod uses beyond its containers: the pause process and the
// network interface that the containers share.
type Sandbox struct {
	rx, tx Wave
}

// NewSandbox returns the usage of the pod in the slot; Slot.Container is ignored.
func NewSandbox(seed uint64, s Slot) Sandbox {
	shared := hash(seed, s.Namespace, s.Workload, "network")
	own := hash(shared, s.Instance)
	r := dice{state: shared}
	// Traffic of workloads differs by orders of magnitude; that of replicas does not.
	rx := 200 * pow2(9*r.unit())
	tx := rx * (0.3 + 2*r.unit())
	d := dice{state: own}
	return Sandbox{
		rx: newWave(uint64(rx*(0.8+0.4*d.unit())), shared, own, 7),
		tx: newWave(uint64(tx*(0.8+0.4*d.unit())), shared, own, 8),
	}
}

// Totals are the sandbox's counters from start to t. The pause process sleeps:
// it costs what starting it did, spread over its first second.
func (s *Sandbox) Totals(start, t int64) Totals {
	const startUp = 20_000_000 // core-nanoseconds
	age := min(max(t-start, 0), second)
	return Totals{
		CPU:     uint64(age) / uint64(second/startUp),
		RxBytes: s.rx.Integral(start, t),
		TxBytes: s.tx.Integral(start, t),
	}
}

// Memory is the pause process' memory.
func (s *Sandbox) Memory() Memory {
	return Memory{Usage: PauseMemory, WorkingSet: PauseMemory, RSS: PauseMemory / 4}
}

// Services are what a node runs besides pods.
type Services struct {
	Kubelet Container
	Runtime Container
	// Traffic is the node's own: leases, watches, image pulls.
	Traffic Sandbox
}

// NewServices returns the services of a node with the given capacity, in
// nanocores and bytes. They are sized so that both together stay below a tenth of it.
func NewServices(seed uint64, node string, cpu, memory uint64) Services {
	slice := func(name string, cpuPeak, memoryPeak float64) Container {
		shared := hash(seed, "node services", name)
		own := hash(shared, node)
		r := dice{state: shared}
		return newSlice(shared, own,
			min(cpuPeak, 0.04*float64(cpu))/wavePeak, min(memoryPeak, 0.04*float64(memory))/wavePeak, &r)
	}
	return Services{
		Kubelet: slice("kubelet", 120e6, 220<<20),
		Runtime: slice("runtime", 90e6, 300<<20),
		Traffic: NewSandbox(seed, Slot{Workload: "node services", Instance: node}),
	}
}

// Totals are the counters of all services from boot to t.
func (s *Services) Totals(boot, t int64) Totals {
	traffic := s.Traffic.Totals(boot, t)
	traffic.CPU = 0 // no pause process here
	return s.Kubelet.Totals(boot, t).Add(s.Runtime.Totals(boot, t)).Add(traffic)
}

// Memory is the memory of all services at t.
func (s *Services) Memory(boot, t int64) Memory {
	return s.Kubelet.Memory(boot, t).Add(s.Runtime.Memory(boot, t))
}

// pow2 is 2 to the x for x >= 0, linear between whole powers: exact on every machine.
func pow2(x float64) float64 {
	whole := uint(x)
	return float64(uint64(1)<<whole) * (1 + (x - float64(whole)))
}
