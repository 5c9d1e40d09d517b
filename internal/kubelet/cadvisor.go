package kubelet

import (
	"strings"

	"github.com/diorama-lab/diorama/internal/hostmetrics"
)

// appendCadvisor appends /metrics/cadvisor: the families that a kubelet 1.35
// has, in its order, with its samples' labels. Where a real kubelet's samples
// have the times at which it last looked at each cgroup, all of these have the
// time of the question.
//
// Nothing here stalls, swaps or fails to allocate, so those counters are 0, as
// they are on a real node without a problem. What CPU a container wanted beyond
// its limit is unknown: it is never throttled. The most memory ever used is
// unknown too, and 0 as on kernels that do not count it. OOM events are counted
// by the cgroup that ends with the kill: the next one's are 0, as on a real node.
func appendCadvisor(b []byte, n *nodeUsage) []byte {
	w := &cadvisorWriter{exposition: newExposition(b, n.at), nodeUsage: n, cgroups: n.cgroups()}
	w.family("cadvisor_version_info", "gauge", "A metric with a constant '1' value labeled by kernel version, "+
		"OS version, docker version, cadvisor version & cadvisor revision.")
	w.sample(1, false, `cadvisorRevision="",cadvisorVersion="",dockerVersion="",kernelVersion=`,
		quoteLabel(n.facts.info.KernelVersion), `,osVersion=`, quoteLabel(n.facts.info.OSImage))
	w.cpu()
	w.each("container_file_descriptors", "gauge", "Number of open file descriptors for the container.",
		func(c *cgroup) float64 { return float64(3 * c.processes) }) // in, out and err
	w.disk()
	w.each("container_last_seen", "gauge", "Last time a container was seen by the exporter",
		func(*cgroup) float64 { return float64(n.at / 1e9) })
	w.memoryFamilies()
	w.network()
	w.zero("container_oom_events_total", "counter", "Count of out of memory events observed for the container")
	w.pressure()
	w.each("container_processes", "gauge", "Number of processes running inside the container.",
		func(c *cgroup) float64 { return float64(c.processes) })
	w.family("container_scrape_error", "gauge", "1 if there was an error while getting container metrics, 0 otherwise")
	w.sample(0, false)
	w.zero("container_sockets", "gauge", "Number of open sockets for the container.")
	w.spec()
	w.tasks()
	w.machine()
	return w.b
}

type cadvisorWriter struct {
	*exposition
	*nodeUsage
	cgroups []cgroup
}

// each appends a family with a sample for every cgroup.
func (w *cadvisorWriter) each(name, kind, help string, value func(*cgroup) float64) {
	w.family(name, kind, help)
	for i := range w.cgroups {
		c := &w.cgroups[i]
		w.sample(value(c), true, c.container, ",", c.id, ",", c.rest)
	}
}

func (w *cadvisorWriter) zero(name, kind, help string) {
	w.each(name, kind, help, func(*cgroup) float64 { return 0 })
}

// period is that of the CPU quota.
const period = 100_000 // microseconds

func (w *cadvisorWriter) cpu() {
	quotas := func(name, help string, value func(*cgroup) float64) {
		w.family(name, "counter", help)
		for i := range w.cgroups {
			if c := &w.cgroups[i]; c.quota > 0 {
				w.sample(value(c), true, c.container, ",", c.id, ",", c.rest)
			}
		}
	}
	none := func(*cgroup) float64 { return 0 }
	quotas("container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals.",
		func(c *cgroup) float64 { return float64(max(w.at-c.start, 0) / (period * 1000)) })
	quotas("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals.", none)
	quotas("container_cpu_cfs_throttled_seconds_total", "Total time duration the container has been throttled.", none)
	w.zero("container_cpu_load_average_10s", "gauge", "Value of container cpu load average over the last 10 seconds.")
	w.zero("container_cpu_load_d_average_10s", "gauge", "Value of container cpu load.d average over the last 10 seconds.")
	// A quarter of the time is the kernel's. It counts both in hundredths of a second.
	const tick = 10_000_000
	w.each("container_cpu_system_seconds_total", "counter", "Cumulative system cpu time consumed in seconds.",
		func(c *cgroup) float64 { return seconds(c.cpu / 4 / tick * tick) })
	w.family("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.")
	for i := range w.cgroups {
		c := &w.cgroups[i]
		w.sample(seconds(c.cpu), true, c.container, `,cpu="total",`, c.id, ",", c.rest)
	}
	w.each("container_cpu_user_seconds_total", "counter", "Cumulative user cpu time consumed in seconds.",
		func(c *cgroup) float64 { return seconds(c.cpu / 4 * 3 / tick * tick) })
}

// disk: with containerd only the root cgroup has file systems.
func (w *cadvisorWriter) disk() {
	fs := w.filesystem()
	disk := hostmetrics.Disk{ReadBytes: w.totals.ReadBytes, WriteBytes: w.totals.WriteBytes}
	a := disk.Activity()
	add := func(name, kind, help string, v float64) {
		w.family("container_fs_"+name, kind, help)
		root := &w.cgroups[0]
		w.sample(v, true, root.container, `,device="`+hostmetrics.RootDevice+`",`, root.id, ",", root.rest)
	}
	// cAdvisor takes the kernel's milliseconds for nanoseconds.
	const mistaken = 1e-6
	const sector = 512
	add("inodes_free", "gauge", "Number of available Inodes", float64(fs.inodes-fs.inodesUsed))
	add("inodes_total", "gauge", "Number of Inodes", float64(fs.inodes))
	add("io_current", "gauge", "Number of I/Os currently in progress", 0)
	add("io_time_seconds_total", "counter", "Cumulative count of seconds spent doing I/Os", a.BusySeconds*mistaken)
	add("io_time_weighted_seconds_total", "counter", "Cumulative weighted I/O time in seconds",
		(a.ReadSeconds+a.WriteSeconds)*mistaken)
	add("limit_bytes", "gauge", "Number of bytes that can be consumed by the container on this filesystem.",
		float64(fs.capacity))
	add("read_seconds_total", "counter", "Cumulative count of seconds spent reading", a.ReadSeconds*mistaken)
	add("reads_merged_total", "counter", "Cumulative count of reads merged", float64(a.ReadsMerged))
	add("reads_total", "counter", "Cumulative count of reads completed", float64(a.Reads))
	add("sector_reads_total", "counter", "Cumulative count of sector reads completed", float64(disk.ReadBytes/sector))
	add("sector_writes_total", "counter", "Cumulative count of sector writes completed", float64(disk.WriteBytes/sector))
	add("usage_bytes", "gauge", "Number of bytes that are consumed by the container on this filesystem.",
		float64(fs.used))
	add("write_seconds_total", "counter", "Cumulative count of seconds spent writing", a.WriteSeconds*mistaken)
	add("writes_merged_total", "counter", "Cumulative count of writes merged", float64(a.WritesMerged))
	add("writes_total", "counter", "Cumulative count of writes completed", float64(a.Writes))
}

func (w *cadvisorWriter) memoryFamilies() {
	w.each("container_memory_cache", "gauge", "Number of bytes of page cache memory.",
		func(c *cgroup) float64 { return float64(c.active() + c.inactive()) })
	w.zero("container_memory_failcnt", "counter", "Number of memory usage hits limits")
	w.faults()
	w.each("container_memory_kernel_usage", "gauge", "Size of kernel memory allocated in bytes.",
		func(c *cgroup) float64 { return float64(c.kernel()) })
	w.zero("container_memory_mapped_file", "gauge", "Size of memory mapped files in bytes.")
	w.zero("container_memory_max_usage_bytes", "gauge", "Maximum memory usage recorded in bytes")
	w.each("container_memory_rss", "gauge", "Size of RSS in bytes.",
		func(c *cgroup) float64 { return float64(c.memory.RSS) })
	w.zero("container_memory_swap", "gauge", "Container swap usage in bytes.")
	w.each("container_memory_total_active_file_bytes", "gauge", "Current total active file in bytes.",
		func(c *cgroup) float64 { return float64(c.active()) })
	w.each("container_memory_total_inactive_file_bytes", "gauge", "Current total inactive file in bytes.",
		func(c *cgroup) float64 { return float64(c.inactive()) })
	w.each("container_memory_usage_bytes", "gauge",
		"Current memory usage in bytes, including all memory regardless of when it was accessed",
		func(c *cgroup) float64 { return float64(c.memory.Usage) })
	w.each("container_memory_working_set_bytes", "gauge", "Current working set in bytes.",
		func(c *cgroup) float64 { return float64(c.memory.WorkingSet) })
}

// faults come before the id among the labels, which are what samples are
// ordered by: all of a container's name first.
func (w *cadvisorWriter) faults() {
	w.family("container_memory_failures_total", "counter", "Cumulative count of memory allocation failures.")
	for from := 0; from < len(w.cgroups); {
		to := from
		for to < len(w.cgroups) && w.cgroups[to].container == w.cgroups[from].container {
			to++
		}
		for _, failure := range [...]string{"pgfault", "pgmajfault"} {
			for i := from; i < to; i++ {
				c := &w.cgroups[i]
				v := c.pageFaults
				if failure == "pgmajfault" {
					v = c.majorPageFaults
				}
				for _, scope := range [...]string{"container", "hierarchy"} {
					w.sample(float64(v), true, c.container, `,failure_type="`, failure, `",`, c.id, ",", c.rest,
						`,scope="`, scope, `"`)
				}
			}
		}
		from = to
	}
}

// network: interfaces belong to sandboxes and to the node.
func (w *cadvisorWriter) network() {
	each := func(name, help string, value func(*link) float64) {
		w.family("container_network_"+name, "counter", help)
		for i := range w.cgroups {
			c := &w.cgroups[i]
			for j := range c.links {
				l := &c.links[j]
				w.sample(value(l), true, c.container, ",", c.id, `,interface="`, l.name, `",`, c.rest)
			}
		}
	}
	none := func(*link) float64 { return 0 }
	each("receive_bytes_total", "Cumulative count of bytes received", func(l *link) float64 { return float64(l.rx) })
	each("receive_errors_total", "Cumulative count of errors encountered while receiving", none)
	each("receive_packets_dropped_total", "Cumulative count of packets dropped while receiving", none)
	each("receive_packets_total", "Cumulative count of packets received",
		func(l *link) float64 { return float64(hostmetrics.Packets(l.rx)) })
	each("transmit_bytes_total", "Cumulative count of bytes transmitted", func(l *link) float64 { return float64(l.tx) })
	each("transmit_errors_total", "Cumulative count of errors encountered while transmitting", none)
	each("transmit_packets_dropped_total", "Cumulative count of packets dropped while transmitting", none)
	each("transmit_packets_total", "Cumulative count of packets transmitted",
		func(l *link) float64 { return float64(hostmetrics.Packets(l.tx)) })
}

func (w *cadvisorWriter) pressure() {
	for _, f := range [...]struct{ name, help string }{
		{"cpu_stalled", "no tasks in the container could make progress due to CPU congestion."},
		{"cpu_waiting", "tasks in the container have waited due to CPU congestion."},
		{"io_stalled", "no tasks in the container could make progress due to IO congestion."},
		{"io_waiting", "tasks in the container have waited due to IO congestion."},
		{"memory_stalled", "no tasks in the container could make progress due to memory congestion."},
		{"memory_waiting", "tasks in the container have waited due to memory congestion."},
	} {
		w.zero("container_pressure_"+f.name+"_seconds_total", "counter", "Total time duration "+f.help)
	}
}

// spec is what the cgroups were made with; it has no time.
func (w *cadvisorWriter) spec() {
	each := func(name, help string, value func(*cgroup) (v uint64, has bool)) {
		w.family(name, "gauge", help)
		for i := range w.cgroups {
			c := &w.cgroups[i]
			if v, has := value(c); has {
				w.sample(float64(v), false, c.container, ",", c.id, ",", c.rest)
			}
		}
	}
	always := func(value func(*cgroup) uint64) func(*cgroup) (uint64, bool) {
		return func(c *cgroup) (uint64, bool) { return value(c), true }
	}
	each("container_spec_cpu_period", "CPU period of the container.", always(func(*cgroup) uint64 { return period }))
	each("container_spec_cpu_quota", "CPU quota of the container.",
		func(c *cgroup) (uint64, bool) { return c.quota, c.quota > 0 })
	each("container_spec_cpu_shares", "CPU share of the container.", always(func(c *cgroup) uint64 { return c.shares }))
	each("container_spec_memory_limit_bytes", "Memory limit for the container.",
		always(func(c *cgroup) uint64 { return c.memoryLimit }))
	each("container_spec_memory_reservation_limit_bytes", "Memory reservation limit for the container.",
		always(func(*cgroup) uint64 { return 0 }))
	each("container_spec_memory_swap_limit_bytes", "Memory swap limit for the container.",
		always(func(c *cgroup) uint64 { return c.swapLimit }))
	each("container_start_time_seconds", "Start time of the container since unix epoch in seconds.",
		always(func(c *cgroup) uint64 { return uint64(max(c.start, 0)) / 1e9 }))
}

func (w *cadvisorWriter) tasks() {
	w.family("container_tasks_state", "gauge", "Number of tasks in given state")
	for i := range w.cgroups {
		c := &w.cgroups[i]
		for _, state := range [...]string{"iowaiting", "running", "sleeping", "stopped", "uninterruptible"} {
			w.sample(0, true, c.container, ",", c.id, ",", c.rest, `,state="`, state, `"`)
		}
	}
	w.each("container_threads", "gauge", "Number of threads running inside the container",
		func(c *cgroup) float64 { return float64(c.threads) })
	w.each("container_threads_max", "gauge",
		"Maximum number of threads allowed inside the container, infinity if value is zero",
		func(c *cgroup) float64 { return float64(c.threadsMax) })
	w.family("container_ulimits_soft", "gauge",
		"Soft ulimit values for the container root process. Unlimited if -1, except priority and nice")
	for i := range w.cgroups {
		if c := &w.cgroups[i]; c.openFiles > 0 {
			w.sample(float64(c.openFiles), true, c.container, ",", c.id, ",", c.rest, `,ulimit="max_open_files"`)
		}
	}
}

func (w *cadvisorWriter) machine() {
	info := &w.facts.info
	boot := "boot_id=" + quoteLabel(info.BootID) + ",machine_id=" + quoteLabel(info.MachineID)
	ids := "system_uuid=" + quoteLabel(info.SystemUUID)
	add := func(name, help string, v uint64) {
		w.family(name, "gauge", help)
		w.sample(float64(v), false, boot, ",", ids)
	}
	add("machine_cpu_cores", "Number of logical CPU cores.", uint64(w.cpus()))
	add("machine_cpu_physical_cores", "Number of physical CPU cores.", uint64(w.cpus()))
	add("machine_cpu_sockets", "Number of CPU sockets.", 1)
	add("machine_memory_bytes", "Amount of memory installed on the machine.", w.facts.memory)
	add("machine_nvm_avg_power_budget_watts", "NVM power budget.", 0)
	w.family("machine_nvm_capacity", "gauge", "NVM capacity value labeled by NVM mode (memory mode or app direct mode).")
	for _, mode := range [...]string{"app_direct_mode", "memory_mode"} {
		w.sample(0, false, boot, `,mode="`, mode, `",`, ids)
	}
	w.family("machine_scrape_error", "gauge", "1 if there was an error while getting machine metrics, 0 otherwise.")
	w.sample(0, false)
	add("machine_swap_bytes", "Amount of swap memory available on the machine.", 0)
}

// quoteLabel quotes what somebody may have written by hand.
func quoteLabel(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(v) + `"`
}
