package component

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How rarely Go's collector runs (GOGC). While a process starts it runs more
// rarely than when it has settled, which is faster; but what survives lies
// scattered over more pages, which are never given back. A settled process
// only has to keep up with what little is new. One that works hard for long,
// as when a large cluster is made, would spend most of its time collecting.
const (
	startPercent  = 70
	steadyPercent = 30
	busyPercent   = 100
)

const (
	lookEvery = 5 * time.Second
	// A process is busy when collecting takes this part of one processor,
	// for longer than a start takes, and no more when it takes little even
	// as rarely as it then does.
	busyShare    = 0.08
	calmShare    = 0.02
	busyForLooks = 3
)

// KeepSmall lets this process be fast while it grows and small afterwards: a
// lab shares a few hundred megabytes with its user, and its processes are
// many. It returns at once and works until ctx ends. Who sets GOGC decides
// instead.
func KeepSmall(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(startPercent)
	go func() {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		before, pace := heapNow(), pace{percent: startPercent}
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := heapNow()
			next := pace.after(before, now)
			if next.percent != pace.percent {
				debug.SetGCPercent(next.percent)
			} else if next.percent == steadyPercent && now.free > now.live/8 {
				// Go's own way of giving pages back takes many minutes.
				debug.FreeOSMemory()
			}
			before, pace = now, next
		}
	}()
}

// pace is how rarely the collector runs, and for how many looks it has cost
// too much.
type pace struct{ percent, costly int }

// after is the pace that follows from what happened between two looks.
func (p pace) after(before, now heap) pace {
	share := (now.collecting - before.collecting) / lookEvery.Seconds()
	costly := 0
	if share > busyShare {
		costly = p.costly + 1
	}
	switch {
	case costly >= busyForLooks:
		return pace{busyPercent, costly}
	case p.percent == busyPercent && share > calmShare:
		return pace{busyPercent, costly}
	case p.percent == startPercent && now.live > before.live+before.live/10:
		return pace{startPercent, costly}
	}
	return pace{steadyPercent, costly}
}

// heap is the heap of this process: bytes that the last collection left, bytes
// neither used nor given back to the system, and the seconds of processor time
// that collecting has taken since the process started.
type heap struct {
	live, free uint64
	collecting float64
}

func heapNow() heap {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
	}
	metrics.Read(samples)
	return heap{
		live: samples[0].Value.Uint64(), free: samples[1].Value.Uint64(),
		// What is collected while nothing else is to be done costs nothing.
		collecting: samples[2].Value.Float64() - samples[3].Value.Float64(),
	}
}
