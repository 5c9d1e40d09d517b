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
	if got := debug.SetGCPercent(100); got != growingPercent {
		t.Errorf("a process starts with %d, want %d", got, growingPercent)
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
