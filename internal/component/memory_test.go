package component

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestKeepSmall(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	t.Setenv("GOGC", "150")
	KeepSmall(ctx)
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("the user's GOGC is overruled by %d", got)
	}
	t.Setenv("GOGC", "")
	KeepSmall(ctx)
	if got := debug.SetGCPercent(100); got != startPercent {
		t.Errorf("a process starts with %d, want %d", got, startPercent)
	}
}

// A process that grows is not hurried; one that collects for long is let run.
func TestPace(t *testing.T) {
	look := func(live uint64, share float64) heap {
		return heap{live: live << 20, collecting: share * lookEvery.Seconds()}
	}
	for name, test := range map[string]struct {
		from   pace
		before heap
		looks  []heap
		want   int
	}{
		"grows":                    {pace{percent: startPercent}, look(100, 0), []heap{look(120, 0.3)}, startPercent},
		"has grown":                {pace{percent: startPercent}, look(100, 0), []heap{look(105, 0.3)}, steadyPercent},
		"one costly look":          {pace{percent: steadyPercent}, look(100, 0), []heap{look(100, 0.2), look(100, 0.2)}, steadyPercent},
		"costly for long":          {pace{percent: steadyPercent}, look(100, 0), []heap{look(100, 0.2), look(100, 0.4), look(100, 0.6)}, busyPercent},
		"busy, and it still costs": {pace{percent: busyPercent}, look(100, 0), []heap{look(100, 0.05)}, busyPercent},
		"busy no more":             {pace{percent: busyPercent}, look(100, 0), []heap{look(100, 0.01)}, steadyPercent},
	} {
		t.Run(name, func(t *testing.T) {
			pace, before := test.from, test.before
			for _, now := range test.looks {
				pace, before = pace.after(before, now), now
			}
			if pace.percent != test.want {
				t.Errorf("the percentage is %d, want %d", pace.percent, test.want)
			}
		})
	}
}

func TestHeapNow(t *testing.T) {
	kept := make([]byte, 32<<20)
	runtime.GC()
	if now := heapNow(); now.live < 32<<20 {
		t.Errorf("the live heap is %d bytes, but more is in use", now.live)
	}
	runtime.KeepAlive(kept)
	kept = nil
	runtime.GC()
	if now := heapNow(); now.live >= 32<<20 || now.free < 16<<20 {
		t.Errorf("after most of it was let go the heap is %+v", now)
	}
}
