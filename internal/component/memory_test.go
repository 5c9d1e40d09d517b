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

func TestPercentAfter(t *testing.T) {
	for name, test := range map[string]struct {
		before, now uint64
		want        int
	}{
		"grows":     {50 << 20, 60 << 20, startPercent},
		"has grown": {60 << 20, 61 << 20, steadyPercent},
		"shrinks":   {60 << 20, 30 << 20, steadyPercent},
		"is large":  {300 << 20, 300 << 20, largePercent},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentAfter(heap{live: test.before}, heap{live: test.now}); got != test.want {
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
	kept = nil
	runtime.GC()
	if now := heapNow(); now.live >= 32<<20 || now.free < 16<<20 {
		t.Errorf("after most of it was let go the heap is %+v", now)
	}
}
