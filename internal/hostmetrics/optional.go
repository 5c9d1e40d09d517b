package hostmetrics

// The metrics that the receiver sends only if asked to.

// cpuFrequency is what a server's CPU runs at, in Hz.
const cpuFrequency = 2.6e9

func (b *builder) optionalCPU(n int) {
	if b.selection["system.cpu.utilization"] {
		p := b.gauge("system.cpu.utilization", "1",
			"Difference in system.cpu.time since the last measurement per logical CPU, "+
				"divided by the elapsed time (value in interval [0,1]).")
		b.eachCPU(p, b.host.Rate/float64(n), 1)
	}
	if b.selection["system.cpu.frequency"] {
		p := b.gauge("system.cpu.frequency", "Hz", "Current frequency of the CPU core in Hz.")
		for i := range n {
			p.float(cpuFrequency, "cpu", cpuName(i))
		}
	}
	b.count("system.cpu.logical.count", "{cpu}", "Number of available logical CPUs.", uint64(n))
	b.count("system.cpu.physical.count", "{cpu}", "Number of available physical CPUs.", uint64(n))
}

// count appends a metric of one number, if it is selected.
func (b *builder) count(name, unit, description string, v uint64) {
	if b.selection[name] {
		b.sum(false, name, unit, description).int(v)
	}
}

const (
	pageSize     = 4096
	hugePageSize = 2 << 20
)

func (b *builder) optionalMemory(states []memoryState) {
	m := b.host.Memory
	if b.selection["system.memory.utilization"] && m.Total > 0 {
		p := b.gauge("system.memory.utilization", "1", "Percentage of memory bytes in use.")
		for _, s := range states {
			p.float(float64(s.bytes)/float64(m.Total), "state", s.name)
		}
	}
	b.count("system.linux.memory.available", "By",
		"An estimate of how much memory is available for starting new applications, without swapping. "+
			"This is a more accurate alternative than system.memory.usage with state=free. (Linux only)",
		m.Total-min(m.Used, m.Total))
	b.count("system.linux.memory.dirty", "By", "The amount of dirty memory according to `/proc/meminfo`.", 0)
	b.count("system.memory.limit", "By", "Total bytes of memory available.", m.Total)
	b.count("system.memory.linux.shared", "By",
		"Shared memory usage, including tmpfs filesystems and System V/POSIX shared memory. Only supported on Linux.", 0)
	b.count("system.memory.linux.hugepages.limit", "{page}", "Total number of hugepages available.", 0)
	b.count("system.memory.linux.hugepages.page_size", "By", "System hugepage size in bytes.", hugePageSize)
	b.count("system.memory.linux.hugepages.reserved", "{page}",
		"Number of reserved hugepages (hugepages for which a commitment to allocate has been made, "+
			"but no allocation has yet been made). "+
			"This is reported as a separate metric rather than a usage state because reserved pages are already "+
			"counted in free pages - they represent a subset of free pages that cannot be used for "+
			"non-reserved allocations.", 0)
	b.count("system.memory.linux.hugepages.surplus", "{page}",
		"Number of surplus hugepages (overcommitted hugepages beyond the persistent pool). "+
			"This is reported as a separate metric rather than a usage state "+
			"because surplus pages can be in either used or free state, "+
			"and including them would break the semantic convention that usage states must sum to the limit.", 0)
	if b.selection["system.memory.linux.hugepages.usage"] {
		p := b.sum(false, "system.memory.linux.hugepages.usage", "{page}", "Number of hugepages in use by state.")
		p.int(0, "system.memory.linux.hugepages.state", "used")
		p.int(0, "system.memory.linux.hugepages.state", "free")
	}
	if b.selection["system.memory.page_size"] {
		b.gauge("system.memory.page_size", "By", "A constant value for the system's configured page size.").int(pageSize)
	}
}

// trackedConnections is the kernel's default on a machine with some memory.
const trackedConnections = 262_144

func (b *builder) optionalNetwork() {
	c := b.host.Connections
	tracked := min(max(c.Established+c.TimeWait, 0), trackedConnections)
	b.count("system.network.conntrack.count", "{entries}", "The count of entries in conntrack table.", uint64(tracked))
	b.count("system.network.conntrack.max", "{entries}", "The limit for entries in the conntrack table.",
		trackedConnections)
}

// paging: there is no swap, so all operations are reads and writes of files.
// The receiver multiplies what the kernel counts, faults and kilobytes, by the
// size of a page.
func (b *builder) paging() {
	b.scraper("pagingscraper")
	h := b.host
	if b.selection["system.paging.faults"] {
		p := b.sum(true, "system.paging.faults", "{faults}", "The number of page faults.")
		p.int(h.Faults.Major*pageSize, "type", "major")
		p.int((h.Faults.All-min(h.Faults.Major, h.Faults.All))*pageSize, "type", "minor")
	}
	if b.selection["system.paging.operations"] {
		p := b.sum(true, "system.paging.operations", "{operations}", "The number of paging operations.")
		p.int(0, "direction", "page_in", "type", "major")
		p.int(0, "direction", "page_out", "type", "major")
		p.int(h.Disk.ReadBytes/1024*pageSize, "direction", "page_in", "type", "minor")
		p.int(h.Disk.WriteBytes/1024*pageSize, "direction", "page_out", "type", "minor")
	}
}

// kernelThreads are those processes of a host that only wait for work.
const kernelThreads = 60

func (b *builder) processes() {
	b.scraper("processesscraper")
	h := b.host
	running := min(uint64(max(h.Rate, 0))+1, h.Processes)
	idle := min(kernelThreads, h.Processes-running)
	if b.selection["system.processes.count"] {
		p := b.sum(false, "system.processes.count", "{processes}", "Total number of processes in each state.")
		p.int(0, "status", "blocked")
		p.int(idle, "status", "idle")
		p.int(running, "status", "running")
		p.int(h.Processes-running-idle, "status", "sleeping")
	}
	if b.selection["system.processes.created"] {
		// The kubelet and the runtime start about one each second: probes, health checks, mounts.
		uptime := uint64(max(h.At-h.Boot, 0)) / 1e9
		b.sum(true, "system.processes.created", "{processes}",
			"Total number of created processes. Supported on Linux and OpenBSD.").int(2*kernelThreads + uptime)
	}
}
