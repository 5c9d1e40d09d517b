package memory

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
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

func TestPercentAfter(t *testing.T) {
	// With as much live as is read in a second, one collection a second is right.
	const right = uint64(looks * lookEvery / time.Second)
	for name, test := range map[string]struct {
		percent int
		live    uint64
		ran     uint64
		want    int
	}{
		"settled":                        {steadyPercent, collectRate, right / 3, steadyPercent},
		"just often enough":              {80, collectRate, right, 80},
		"collects too often":             {steadyPercent, collectRate, 5 * right, 5 * steadyPercent},
		"holds twice as much":            {40, 2 * collectRate, right, 80},
		"collects rarely since it may":   {100, collectRate, right / 3, 33},
		"has nothing to do any more":     {mostPercent, collectRate, 0, steadyPercent},
		"collects all the time":          {steadyPercent, collectRate, 100 * right, mostPercent},
		"is large and busy":              {steadyPercent, 300 << 20, 100 * right, largePercent},
		"is large and has nothing to do": {largePercent, 300 << 20, 0, largePercent},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap{live: test.live, collections: 1000}
			now := heap{live: test.live, collections: before.collections + test.ran}
			if got := percentAfter(test.percent, before, now); got != test.want {
				t.Errorf("the percentage is %d, want %d", got, test.want)
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
	runtime.GC()
	if now := heapNow(); now.live >= 32<<20 || now.free < 16<<20 {
		t.Errorf("after most of it was let go the heap is %+v", now)
	}
}
