package kubelet

import (
	"github.com/diorama-lab/diorama/internal/usage"
)

// course is how the counters of one run of a container go on from an instant:
// as the profile says, or with a CPU rate that is held. A counter is what it
// was when the course began and what came since, so it never falls when an
// override comes, changes or goes. Immutable, like the records that hold it.
type course struct {
	usage *usage.Container
	since int64
	base  usage.Totals // at since
	held  bool
	cpu   uint64 // nanocores, if held
	// reported says that answers may have been given by it: it cannot be other
	// than it was.
	reported bool
	// before is what the course came after. Views and the saved state ask for
	// instants that are a little past.
	before *course
}

// totals are the counters at t of the run that the course is of.
func (c *course) totals(t int64) usage.Totals {
	if t < c.since && c.before != nil {
		return c.before.totals(t)
	}
	sum := c.usage.Totals(c.since, t)
	if c.held {
		sum.CPU = usage.Constant(c.cpu, c.since, t)
	}
	return c.base.Add(sum)
}

// cpuTotal is the CPU of totals, of a run begun at start. At an instant
// before all that is known it is taken to have been used evenly.
func (c *course) cpuTotal(start, t int64) uint64 {
	switch {
	case t >= c.since:
	case c.before != nil:
		return c.before.cpuTotal(start, t)
	default:
		return evenly(c.base.CPU, start, c.since, t)
	}
	used := c.usage.CPUTotal(c.since, t)
	if c.held {
		used = usage.Constant(c.cpu, c.since, t)
	}
	return usage.Totals{CPU: c.base.CPU}.Add(usage.Totals{CPU: used}).CPU
}

// evenly is how much of a total had been used at t, if it was used evenly between two instants.
func evenly(total uint64, from, to, t int64) uint64 {
	if t <= from || to <= from {
		return 0
	}
	return uint64(float64(total) * min(float64(t-from)/float64(to-from), 1))
}

// next is the course from now on: the same if nothing changed.
func (c *course) next(at int64, u *usage.Container, held bool, cpu uint64) course {
	if c.held == held && c.cpu == cpu && (c.usage == u || *c.usage == *u) {
		return *c
	}
	before := *c
	before.before = nil // one step back is enough, and a chain would grow for ever
	return course{usage: u, since: at, base: c.totals(at), held: held, cpu: cpu, reported: true, before: &before}
}

// rate is the CPU rate in nanocores at the instant at which the run, begun at
// start, has used total: the mean over the last window, or over the course or
// the run if that is younger. A new rate is not blurred with the old one: the
// sum over a node would pass its capacity when one pod's falls and another's rises.
func (c *course) rate(start, at int64, total uint64) uint64 {
	if at <= start {
		return 0
	}
	if c.held {
		return c.cpu
	}
	from := max(start, c.since, at-rateWindow)
	if at <= from {
		return uint64(c.usage.CPU(at))
	}
	return perSecond(total-min(total, c.cpuTotal(start, from)), from, at)
}

// perSecond is the rate of what was used between two instants.
func perSecond(used uint64, from, to int64) uint64 {
	return uint64(float64(used) / (float64(to-from) / 1e9))
}
