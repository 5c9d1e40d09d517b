package usage

import "strings"

// Profile is how the usage of a container moves with time.
type Profile uint8

// The profiles. What they look like is said with their shapes.
const (
	Steady Profile = iota
	Diurnal
	Bursty
	Batch
	Leak
	Spiky
	Idle
	profiles // how many there are
)

// ParseProfile returns the profile of that name; false if there is none.
func ParseProfile(name string) (Profile, bool) {
	for p := range profiles {
		if p.String() == name {
			return p, true
		}
	}
	return Steady, false
}

// String is the profile's name, as annotations have it.
func (p Profile) String() string {
	switch p {
	case Diurnal:
		return "diurnal"
	case Bursty:
		return "bursty"
	case Batch:
		return "batch"
	case Leak:
		return "leak"
	case Spiky:
		return "spiky"
	case Idle:
		return "idle"
	}
	return "steady"
}

// ProfileNames lists the profiles for people.
func ProfileNames() string {
	var names []string
	for p := range profiles {
		names = append(names, p.String())
	}
	return strings.Join(names, ", ")
}

// DefaultProfile is what a workload of a kind does unless it says otherwise:
// people's requests come by day, databases and agents are always there, jobs work.
func DefaultProfile(kind string) Profile {
	switch kind {
	case "Deployment", "ReplicaSet":
		return Diurnal
	case "Job", "CronJob":
		return Batch
	}
	return Steady
}

// shape is a profile's course around its mean, all parts in shares of the mean.
type shape struct {
	swing float64 // of the sinusoids that make every graph look alive
	day   float64 // amplitude of the day curve
	pulse float64 // what comes in pulses rather than always
	train train
}

// shape returns how the profile moves. The parts that go down (swing, day,
// pulse) stay below 1 in sum: a rate is never negative.
func (p Profile) shape() shape {
	switch p {
	case Diurnal: // twice as much in the afternoon as in the mean, little at night
		return shape{swing: 0.4, day: 0.6}
	case Bursty: // plateaus of one to three minutes, some minutes apart
		return shape{swing: 0.2, pulse: 0.6, train: train{window: 420 * second, least: 0.15, most: 0.4, edge: 0.04}}
	case Batch: // minutes of hard work, then rest
		return shape{swing: 0.05, pulse: 0.92, train: train{window: 600 * second, least: 0.5, most: 0.6, edge: 0.04}}
	case Spiky: // peaks of some seconds, several times the mean
		return shape{swing: 0.2, pulse: 0.45, train: train{window: 180 * second, least: 0.05, most: 0.1, edge: 0.03}}
	case Idle:
		return shape{swing: 1}
	}
	return shape{swing: 0.2} // Steady, and the CPU of Leak
}

// peak bounds the shape, in multiples of the mean.
func (s shape) peak() float64 {
	return 1 + s.swing*waveSwing + s.day + s.pulse*(s.train.peak()-1)
}

// A train is an endless row of pulses: one in each window, as long as the
// window's number says and where it says, of a height that gives each the same
// area. So the integral over any number of whole windows is their number.
type train struct {
	window      int64   // nanoseconds, up to a quarter longer for a given workload
	least, most float64 // length of the plateau, in windows
	edge        float64 // length of either flank, in windows
}

// jitter is how far replicas are apart, in windows.
const jitter = 0.02

func (r train) peak() float64 {
	if r.window == 0 {
		return 1
	}
	return 1 / (r.least + r.edge)
}

// at returns the train's height at t, whose mean is 1, and the integral of the
// height less its mean, in seconds, from an instant that is the same for all t.
func (r train) at(t int64, beat, late uint64) (height, integral float64) {
	d := dice{state: beat}
	window := r.window + int64(d.next()>>1)%(r.window/4)
	delay := dice{state: late}
	number, into := t/window, t%window-int64(delay.unit()*jitter*float64(window))
	for into < 0 { // division rounds towards zero, and replicas are late
		number, into = number-1, into+window
	}
	x := float64(into) / float64(window)

	p := dice{state: mix(d.next() + uint64(number))}
	plateau := r.least + float64((r.most-r.least)*p.unit())
	begin := (1 - plateau - 2*r.edge) * p.unit()
	height, area := pulse(x-begin, plateau, r.edge)
	top := 1 / (plateau + r.edge)
	return height * top, (float64(area*top) - x) * (float64(window) / float64(second))
}

// pulse is a plateau of height 1 with smooth flanks, x after its beginning, and
// its area up to x.
func pulse(x, plateau, edge float64) (height, area float64) {
	switch {
	case x <= 0:
		return 0, 0
	case x < edge:
		height, area = flank(x / edge)
		return height, area * edge
	case x <= edge+plateau:
		return 1, edge/2 + (x - edge)
	case x < plateau+2*edge:
		height, area = flank((plateau + 2*edge - x) / edge)
		return height, plateau + edge - float64(area*edge)
	}
	return 0, plateau + edge
}

// flank rises smoothly from 0 at 0 to 1 at 1: 3x²-2x³, and its integral.
func flank(x float64) (height, area float64) {
	square := x * x
	return float64(square * (3 - 2*x)), float64(float64(square*x) * (1 - x/2))
}
