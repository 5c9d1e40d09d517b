package simulatednodes

import "time"

// ringSlots is into how many moments an interval is divided. A thousand nodes
// fill an interval evenly; ten nodes are scraped within a hundredth of it, so
// that a small cluster shows data at once.
const ringSlots = 1000

// ring spreads scrapes over the interval. Each node holds one slot: the moment
// of every interval at which it is scraped.
type ring struct {
	interval time.Duration
	epoch    time.Time
	taken    [ringSlots]int
	total    int
}

// take gives the first slot from now on that is not fuller than the others
// have to be, and how long it is until then.
func (r *ring) take(now time.Time) (slot int, delay time.Duration) {
	if r.epoch.IsZero() {
		r.epoch = now
	}
	offset := now.Sub(r.epoch) % r.interval
	first := int((offset*ringSlots + r.interval - 1) / r.interval)
	limit := r.total / ringSlots
	for i := range ringSlots {
		slot = (first + i) % ringSlots
		if r.taken[slot] <= limit {
			break
		}
	}
	r.taken[slot]++
	r.total++
	delay = time.Duration(slot) * r.interval / ringSlots
	if delay -= offset; delay < 0 {
		delay += r.interval
	}
	return slot, delay
}

func (r *ring) free(slot int) {
	r.taken[slot]--
	r.total--
}
