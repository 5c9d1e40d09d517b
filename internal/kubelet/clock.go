package kubelet

import (
	"log/slog"
	"sync"
	"time"
)

// backwardTolerance is how far the machine's clock may jump back before it is followed.
const backwardTolerance = int64(time.Minute)

// clock reads Unix nanoseconds. Counters follow from time, so a clock that
// steps back a little is held still until it has caught up: nothing falls. A large
// step is followed (the clock was wrong before), and counters that began in
// what is now the future read 0.
type clock struct {
	now func() time.Time

	mu   sync.Mutex
	last int64
}

func (c *clock) read() int64 {
	t := c.now().UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	if back := c.last - t; back > 0 {
		if back <= backwardTolerance {
			return c.last
		}
		slog.Warn("The clock went back; counters restart where it is now.", "by", time.Duration(back))
	}
	c.last = t
	return t
}
