package simulatednodes

import (
	"testing"
	"time"
)

func TestRingFirstNodesAtOnce(t *testing.T) {
	r := ring{interval: 5 * time.Second}
	now := time.Unix(1_700_000_000, 0)
	for i := range 10 {
		if _, delay := r.take(now); delay != time.Duration(i)*5*time.Millisecond {
			t.Errorf("node %d waits %v", i, delay)
		}
	}
	// Late comers do not wait for their turn in the interval either.
	late := now.Add(12345 * time.Millisecond)
	for i := range 3 {
		if _, delay := r.take(late); delay > time.Duration(i+1)*5*time.Millisecond {
			t.Errorf("late node %d waits %v", i, delay)
		}
	}
}

func TestRingSpreadsEvenly(t *testing.T) {
	r := ring{interval: 10 * time.Second}
	now := time.Unix(1_700_000_000, 0)
	var slots []int
	for i := range 3 * ringSlots {
		slot, delay := r.take(now.Add(time.Duration(i) * 7 * time.Millisecond))
		if delay < 0 || delay >= r.interval {
			t.Fatalf("node %d waits %v", i, delay)
		}
		slots = append(slots, slot)
	}
	for slot, count := range r.taken {
		if count != 3 {
			t.Fatalf("slot %d has %d nodes, want 3", slot, count)
		}
	}
	for _, slot := range slots {
		r.free(slot)
	}
	if r.total != 0 || r.taken != [ringSlots]int{} {
		t.Errorf("slots stay taken: %d", r.total)
	}
}
