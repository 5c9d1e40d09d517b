package hostmetrics

import (
	"fmt"
	"slices"
	"strings"
)

// Selection has the names of the metrics to send. nil are the receiver's
// defaults, of the scrapers that DefaultScrapers lists.
type Selection map[string]bool

// DefaultScrapers are those that run where none are named.
func DefaultScrapers() []string {
	return []string{"cpu", "disk", "filesystem", "load", "memory", "network"}
}

// Scrapers lists, by scraper, the metrics that the receiver knows on Linux and
// whether it sends them by default. Those of what a simulated host does not
// have, swap and huge pages in use, are known but never sent, as on a real
// host without. The scrapers process, nfs and system are left out.
func Scrapers() map[string]map[string]bool {
	return map[string]map[string]bool{
		"cpu": {
			"system.cpu.time": true, "system.cpu.utilization": false, "system.cpu.frequency": false,
			"system.cpu.logical.count": false, "system.cpu.physical.count": false,
		},
		"load": {
			"system.cpu.load_average.15m": true, "system.cpu.load_average.1m": true, "system.cpu.load_average.5m": true,
		},
		"memory": {
			"system.memory.usage": true, "system.memory.utilization": false, "system.memory.limit": false,
			"system.memory.page_size": false, "system.linux.memory.available": false, "system.linux.memory.dirty": false,
			"system.memory.linux.shared": false, "system.memory.linux.hugepages.limit": false,
			"system.memory.linux.hugepages.page_size": false, "system.memory.linux.hugepages.reserved": false,
			"system.memory.linux.hugepages.surplus": false, "system.memory.linux.hugepages.usage": false,
			"system.memory.linux.hugepages.utilization": false,
		},
		"disk": {
			"system.disk.io": true, "system.disk.io_time": true, "system.disk.merged": true, "system.disk.operation_time": true,
			"system.disk.operations": true, "system.disk.pending_operations": true, "system.disk.weighted_io_time": true,
		},
		"filesystem": {
			"system.filesystem.inodes.usage": true, "system.filesystem.usage": true, "system.filesystem.utilization": false,
		},
		"network": {
			"system.network.connections": true, "system.network.dropped": true, "system.network.errors": true,
			"system.network.io": true, "system.network.packets": true,
			"system.network.conntrack.count": false, "system.network.conntrack.max": false,
		},
		"paging": {
			"system.paging.faults": true, "system.paging.operations": true,
			"system.paging.usage": true, "system.paging.utilization": false,
		},
		"processes": {"system.processes.count": true, "system.processes.created": true},
	}
}

// Select reads a list of names, as String writes it; an empty one is nil.
func Select(list string) (Selection, error) {
	if list == "" {
		return nil, nil
	}
	known := Scrapers()
	s := Selection{}
	for _, name := range strings.Split(list, ",") {
		s[name] = false
		for _, metrics := range known {
			if _, is := metrics[name]; is {
				s[name] = true
			}
		}
		if !s[name] {
			return nil, fmt.Errorf("hostmetrics has no metric %q for simulated nodes", name)
		}
	}
	return s, nil
}

// String lists the names.
func (s Selection) String() string {
	names := make([]string, 0, len(s))
	for name, selected := range s {
		if selected {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}
