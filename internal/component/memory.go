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
// only has to keep up with what little is new. One that holds much, because
// the cluster is large, has more to do than to collect: it keeps Go's default.
const (
	startPercent  = 70
	steadyPercent = 20
	largePercent  = 100

	largeHeap = 192 << 20
	lookEvery = 5 * time.Second
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
		before, percent := heapNow(), startPercent
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := heapNow()
			next := percentAfter(before, now)
			if next != percent {
				debug.SetGCPercent(next)
			} else if next == steadyPercent && now.free > now.live/8 {
				// Go's own way of giving pages back takes many minutes.
				debug.FreeOSMemory()
			}
			before, percent = now, next
		}
	}()
}

// percentAfter is how rarely the collector is to run after two looks.
func percentAfter(before, now heap) int {
	switch {
	case now.live > largeHeap:
		return largePercent
	case now.live > before.live+before.live/10:
		return startPercent
	}
	return steadyPercent
}

// heap is the heap of this process in bytes: what the last collection left,
// and what is neither used nor given back to the system.
type heap struct{ live, free uint64 }

func heapNow() heap {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	return heap{live: samples[0].Value.Uint64(), free: samples[1].Value.Uint64()}
}
