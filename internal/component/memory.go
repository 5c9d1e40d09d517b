package component

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How rarely Go's collector runs (GOGC). While a process starts or takes in a
// larger cluster it runs more rarely, which is faster; but what survives then
// lies scattered over more pages, which are never given back. Afterwards it
// only has to keep up with what little is new.
const (
	growingPercent = 70
	steadyPercent  = 30
	lookEvery      = 5 * time.Second
)

// KeepSmall lets this process be fast while it grows and small afterwards: a
// lab shares a few hundred megabytes with its user, and its processes are
// many. It returns at once and works until ctx ends. Who sets GOGC decides
// instead.
func KeepSmall(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(growingPercent)
	go func() {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		before, steady := heapNow(), false
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := heapNow()
			grows := now.live > before.live+before.live/10
			switch {
			case grows && steady:
				debug.SetGCPercent(growingPercent)
			case !grows && !steady:
				debug.SetGCPercent(steadyPercent)
			case steady && now.free > now.live/8:
				// Go's own way of giving pages back takes many minutes.
				debug.FreeOSMemory()
			}
			before, steady = now, !grows
		}
	}()
}

// heap is the heap of this process in bytes: what the last collection left,
// and what is neither used nor given back to the system.
type heap struct{ live, free uint64 }

func heapNow() heap {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	return heap{live: samples[0].Value.Uint64(), free: samples[1].Value.Uint64()}
}
