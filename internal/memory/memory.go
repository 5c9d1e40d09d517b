// Package memory keeps a process small.
package memory

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How rarely Go's collector runs (GOGC). A settled process makes little that
// is new: its collector may run early and keep the heap small. While it starts
// the collector runs more rarely, which is faster; but what survives lies
// scattered over more pages, which are never given back. A busy process, in a
// cluster that grows, would spend half its time collecting: it gets so much
// room that its collector reads no more than collectRate. One that holds much,
// because the cluster is large, keeps Go's default: every collection reads all
// of it.
const (
	steadyPercent = 20
	startPercent  = 70
	mostPercent   = 300
	largePercent  = 100
	largeHeap     = 192 << 20

	// collectRate is in bytes of live heap for each second; a processor
	// reads some seven times as much. More of it is less memory, and a cluster
	// that grows more slowly.
	collectRate = 48 << 20
	lookEvery   = 5 * time.Second
	// looks is over how many the collections are counted: a start is not
	// busyness.
	looks = 3
)

// KeepSmall lets this process be fast while it has much to do and small
// afterwards: a lab shares a few hundred megabytes with its user, and its
// processes are many. It returns at once and works until ctx ends. Who sets
// GOGC decides instead.
func KeepSmall(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(startPercent)
	go func() {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		percent, earlier := startPercent, []heap{heapNow()}
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := heapNow()
			if earlier = append(earlier, now); len(earlier) <= looks {
				continue
			}
			next := percentAfter(percent, earlier[0], now)
			earlier = earlier[1:]
			if next != percent {
				debug.SetGCPercent(next)
			} else if next == steadyPercent && now.free > now.live/8 {
				// Go's own way of giving pages back takes many minutes.
				debug.FreeOSMemory()
			}
			percent = next
		}
	}()
}

// percentAfter is how rarely the collector is to run if it ran at percent
// between two looks. Twice the room is twice the time between two collections.
func percentAfter(percent int, before, now heap) int {
	if now.live > largeHeap {
		return largePercent
	}
	read := float64(now.collections-before.collections) * float64(now.live)
	next := float64(percent) * read / (collectRate * (looks * lookEvery).Seconds())
	return min(max(int(next), steadyPercent), mostPercent)
}

// heap is the heap of this process in bytes: what the last collection left,
// and what is neither used nor given back to the system; and how many
// collections there were until now.
type heap struct{ live, free, collections uint64 }

func heapNow() heap {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/cycles/automatic:gc-cycles"},
	}
	metrics.Read(samples)
	return heap{live: samples[0].Value.Uint64(), free: samples[1].Value.Uint64(), collections: samples[2].Value.Uint64()}
}
