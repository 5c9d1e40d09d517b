package supervisor

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/diorama-lab/diorama/internal/component"
)

// measureLimit is how long a status waits for memory to be measured, which takes long
// on a busy machine: then it has what was measured the last time.
const measureLimit = 250 * time.Millisecond

// memory is what a process holds, in bytes, and its share of it: a page that several
// processes have counts for each with its part. Where the system does not know shares
// (macOS) they are the whole.
type memory struct{ resident, share uint64 }

// memories keeps what processes held when they were last measured.
type memories struct {
	mu   sync.Mutex
	last map[int]memory
	// measured is closed when the measuring that is under way has ended; it is nil
	// when there is none.
	measured chan struct{}
}

// of measures processes, by their IDs.
func (m *memories) of(ctx context.Context, components []component.Status) map[int]memory {
	m.mu.Lock()
	measured := m.measured
	if measured == nil {
		measured = make(chan struct{})
		m.measured = measured
		// It goes on for the next one who asks.
		go m.measure(context.WithoutCancel(ctx), components, measured)
	}
	m.mu.Unlock()
	timer := time.NewTimer(measureLimit)
	defer timer.Stop()
	select {
	case <-measured:
	case <-timer.C:
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.last)
}

func (m *memories) measure(ctx context.Context, components []component.Status, measured chan<- struct{}) {
	now := map[int]memory{}
	for _, c := range components {
		if c.PID != 0 {
			now[c.PID] = measure(ctx, c.PID)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.measured = now, nil
	close(measured)
}

// measure returns what one process holds, nothing if it is gone.
func measure(ctx context.Context, pid int) memory {
	p, err := process.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		return memory{}
	}
	if resident, share, known := memoryShare(ctx, p); known {
		return memory{resident, share}
	}
	info, err := p.MemoryInfoWithContext(ctx)
	if err != nil {
		return memory{}
	}
	return memory{info.RSS, info.RSS}
}
