package hostmetrics

// A simulated host has one virtual disk with one file system on it.
const (
	diskDevice = "vda"
	// RootDevice is the device of the root file system.
	RootDevice     = "/dev/vda"
	rootMountpoint = "/"
	rootType       = "ext4"
)

// What one transfer moves and takes, of a virtual disk on flash storage.
const (
	bytesPerTransfer = 64 << 10
	readSeconds      = 0.0004
	writeSeconds     = 0.0009
	activeSeconds    = 0.0001 // transfers overlap
)

// Activity is what a disk did to move its bytes.
type Activity struct {
	Reads, Writes             uint64
	ReadsMerged, WritesMerged uint64
	// BusySeconds is how long anything was under way, the others how long
	// operations took, one after the other.
	BusySeconds, ReadSeconds, WriteSeconds float64
}

// Activity follows from the bytes.
func (d Disk) Activity() Activity {
	reads, writes := d.ReadBytes/bytesPerTransfer, d.WriteBytes/bytesPerTransfer
	return Activity{
		Reads: reads, Writes: writes, ReadsMerged: reads / 8, WritesMerged: writes * 2,
		BusySeconds: float64(reads+writes) * activeSeconds,
		ReadSeconds: float64(reads) * readSeconds, WriteSeconds: float64(writes) * writeSeconds,
	}
}

func (b *builder) disk() {
	b.scraper("diskscraper")
	d := b.host.Disk
	a := d.Activity()
	both := func(p points, read, write uint64) {
		p.int(read, "device", diskDevice, "direction", "read")
		p.int(write, "device", diskDevice, "direction", "write")
	}
	both(b.sum(true, "system.disk.io", "By", "Disk bytes transferred."), d.ReadBytes, d.WriteBytes)
	b.sum(true, "system.disk.io_time", "s",
		"Time disk spent activated. On Windows, this is calculated as the inverse of disk idle time.").
		float(a.BusySeconds, "device", diskDevice)
	both(b.sum(true, "system.disk.merged", "{operations}",
		"The number of disk reads/writes merged into single physical disk access operations."),
		a.ReadsMerged, a.WritesMerged)
	p := b.sum(true, "system.disk.operation_time", "s", "Time spent in disk operations.")
	p.float(a.ReadSeconds, "device", diskDevice, "direction", "read")
	p.float(a.WriteSeconds, "device", diskDevice, "direction", "write")
	both(b.sum(true, "system.disk.operations", "{operations}", "Disk operations count."), a.Reads, a.Writes)
	b.sum(false, "system.disk.pending_operations", "{operations}", "The queue size of pending I/O operations.").
		int(0, "device", diskDevice)
	b.sum(true, "system.disk.weighted_io_time", "s", "Time disk spent activated multiplied by the queue length.").
		float(a.ReadSeconds+a.WriteSeconds, "device", diskDevice)
}

func (b *builder) filesystem() {
	b.scraper("filesystemscraper")
	f := b.host.Filesystem
	place := []string{"device", RootDevice, "mode", "rw", "mountpoint", rootMountpoint, "type", rootType}
	state := func(s string) []string { return append(place[:len(place):len(place)], "state", s) }
	inodes := b.sum(false, "system.filesystem.inodes.usage", "{inodes}", "FileSystem inodes used.")
	inodes.int(f.InodesUsed, state("used")...)
	inodes.int(f.Inodes-min(f.InodesUsed, f.Inodes), state("free")...)

	usage := b.sum(false, "system.filesystem.usage", "By", "Filesystem bytes used.")
	usage.int(f.Used, state("used")...)
	usage.int(f.Available, state("free")...)
	usage.int(f.Total-min(f.Used+f.Available, f.Total), state("reserved")...)
	if b.selection["system.filesystem.utilization"] && f.Used+f.Available > 0 {
		b.gauge("system.filesystem.utilization", "1", "Fraction of filesystem bytes used.").
			float(float64(f.Used)/float64(f.Used+f.Available), place...)
	}
}

const bytesPerPacket = 700

// Packets is how many packets so many bytes came in.
func Packets(bytes uint64) uint64 { return (bytes + bytesPerPacket - 1) / bytesPerPacket }

func (b *builder) network() {
	b.scraper("networkscraper")
	b.connections()
	each := func(name, unit, description string, value func(bytes uint64) uint64) {
		p := b.sum(true, name, unit, description)
		p.slice.EnsureCapacity(2 * len(b.host.Interfaces))
		for _, i := range b.host.Interfaces {
			p.int(value(i.TxBytes), "device", i.Name, "direction", "transmit")
			p.int(value(i.RxBytes), "device", i.Name, "direction", "receive")
		}
	}
	none := func(uint64) uint64 { return 0 }
	each("system.network.dropped", "{packets}", "The number of packets dropped.", none)
	each("system.network.errors", "{errors}", "The number of errors encountered.", none)
	each("system.network.io", "By", "The number of bytes transmitted and received.",
		func(bytes uint64) uint64 { return bytes })
	b.optionalNetwork()
	each("system.network.packets", "{packets}", "The number of packets transferred.", Packets)
}

// connectionStates are those that the receiver reports, in its order of no meaning.
var connectionStates = [...]string{
	"CLOSE", "CLOSE_WAIT", "CLOSING", "DELETE", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2",
	"LAST_ACK", "LISTEN", "SYN_RECV", "SYN_SENT", "TIME_WAIT",
}

func (b *builder) connections() {
	p := b.sum(false, "system.network.connections", "{connections}", "The number of connections.")
	c := b.host.Connections
	for _, state := range connectionStates {
		var n int64
		switch state {
		case "ESTABLISHED":
			n = c.Established
		case "LISTEN":
			n = c.Listen
		case "TIME_WAIT":
			n = c.TimeWait
		}
		p.int(uint64(max(n, 0)), "protocol", "tcp", "state", state)
	}
}
