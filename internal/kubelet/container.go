package kubelet

import (
	"math"

	corev1 "k8s.io/api/core/v1"

	"github.com/diorama-lab/diorama/internal/usage"
)

// container is one container, init containers included.
type container struct {
	name        string
	spec        usage.Spec
	usage       *usage.Container // as the profile has it
	memoryLimit uint64
	running     bool
	restarts    int32
	// The latest run: when it began, where the container's own counters do too,
	// and when it ended. Both are 0 if there was none.
	start, until int64
	course       course
	// past is what earlier runs used. The pod's counters have that too.
	past usage.Totals

	// What takes the place of the profile, and since when the memory does.
	cpu, memory override
	memorySince int64
}

// override is a value that is used instead of the profile's.
type override struct {
	set   bool
	value uint64 // nanocores or bytes
}

func newContainer(seed uint64, s usage.Spec) container {
	c := container{name: s.Slot.Container, spec: s, memoryLimit: s.MemoryLimit}
	c.setProfile(seed, s.Profile)
	return c
}

// setProfile changes the profile; a course that was reported keeps to the one
// that it has until allocateCPU makes another of it.
func (c *container) setProfile(seed uint64, p usage.Profile) {
	c.spec.Profile = p
	u := usage.NewContainer(seed, c.spec)
	c.usage = &u
	if !c.course.reported {
		c.course.usage = c.usage
	}
}

// time sets when the container ran.
func (c *container) time(s *corev1.ContainerStatus, podStart int64, ended bool) {
	state := s.State
	c.restarts = s.RestartCount
	switch {
	case state.Running != nil && !ended:
		c.running = true
		c.start, c.until = instant(state.Running.StartedAt, podStart), endless
	case state.Terminated != nil:
		c.start = instant(state.Terminated.StartedAt, podStart)
		c.until = instant(state.Terminated.FinishedAt, c.start)
	case s.LastTerminationState.Terminated != nil:
		last := s.LastTerminationState.Terminated
		c.start = instant(last.StartedAt, podStart)
		c.until = instant(last.FinishedAt, c.start)
	default:
		return
	}
	c.course.since = c.start
}

// totals are the counters of all runs at t, as the pod's have them.
func (c *container) totals(t int64) usage.Totals {
	return c.past.Add(c.course.totals(min(t, c.until)))
}

// cpuTotal is the CPU of totals; at an instant before the latest run the
// earlier ones are taken to have used theirs evenly.
func (c *container) cpuTotal(podStart, t int64) uint64 {
	past := c.past.CPU
	if t < c.start {
		past = evenly(past, podStart, c.start, t)
	}
	return past + c.course.cpuTotal(c.start, min(t, c.until))
}

// succeed takes over what the container did until now.
func (c *container) succeed(old *container) {
	if old.until == 0 {
		return
	}
	if c.start == old.start && c.until != 0 {
		c.past, c.course = old.past, old.course
		return
	}
	ended := old.until
	if c.until != 0 {
		ended = min(ended, c.start)
	}
	c.past = old.past.Add(old.course.totals(ended))
}

// guess says what earlier runs used if nobody knows when they were: as if they
// had been one without a break.
func (c *container) guess(podStart int64) {
	if c.restarts > 0 {
		c.past = c.usage.Totals(podStart, c.start)
	}
}

// restore takes over what another process wrote down of the same run.
func (c *container) restore(seed uint64, saved savedCourse) {
	if c.until == 0 || c.start != saved.Start {
		return
	}
	spec := c.spec
	spec.Profile, _ = usage.ParseProfile(saved.Profile)
	u := usage.NewContainer(seed, spec)
	c.past = saved.Past
	c.course = course{usage: &u, since: saved.Since, base: saved.Base, held: saved.Held, cpu: saved.CPU, reported: true}
}

// demand is the CPU that the container takes if the node has it, in nanocores:
// the override, or the profile's mean over the time until the next sample.
func (c *container) demand(at int64) uint64 {
	switch {
	case !c.running:
		return 0
	case c.cpu.set:
		return c.capped(c.cpu.value)
	}
	return perSecond(c.usage.CPUTotal(at, at+int64(sampleInterval)), at, at+int64(sampleInterval))
}

// peakCPU bounds demand.
func (c *container) peakCPU() uint64 {
	switch {
	case !c.running:
		return 0
	case c.cpu.set:
		return c.capped(c.cpu.value)
	}
	return c.usage.PeakCPU()
}

// capped is the CPU that the limit leaves.
func (c *container) capped(nanocores uint64) uint64 {
	if c.spec.CPULimit > 0 {
		return min(nanocores, c.spec.CPULimit)
	}
	return nanocores
}

// coldShare of the limit is what a program has when it starts to fill it;
// climbTime is how long the first run takes for the rest. Each further run
// takes twice as long, up to maxClimb: the pace of a back-off.
const (
	coldShare = 0.35
	climbTime = int64(10e9)
	maxClimb  = 5
)

// climbs tells whether the override asks for more memory than the limit allows.
func (c *container) climbs() bool {
	return c.memory.set && c.memoryLimit > 0 && c.memory.value >= c.memoryLimit
}

// climb is when such a container begins to fill its limit, and how long that takes.
func (c *container) climb() (from, length int64) {
	return max(c.start, c.memorySince), climbTime << min(max(c.restarts, 0), maxClimb)
}

// memoryAt is the container's memory at t.
func (c *container) memoryAt(t int64) usage.Memory {
	switch {
	case c.climbs():
		from, length := c.climb()
		done := min(float64(max(t-from, 0))/float64(length), 1)
		return c.usage.MemoryAt(uint64(float64(c.memoryLimit) * (coldShare + (1-coldShare)*done)))
	case c.memory.set:
		return c.usage.MemoryAt(c.memory.value)
	}
	return c.usage.Memory(c.start, t)
}

// fullAt is when the memory reaches the limit; endless if it does not.
func (c *container) fullAt() int64 {
	switch {
	case !c.running:
		return endless
	case c.climbs():
		from, length := c.climb()
		if from > math.MaxInt64-length {
			return endless
		}
		return from + length
	case c.memory.set:
		return endless
	}
	return c.usage.FullAt(c.start)
}
