package usage

import (
	"math"
	"math/bits"
)

// A Wave is a positive rate (or level) that moves around its mean as its
// profile says, with a sum of sinusoids whose periods share no small multiple,
// so that it never repeats in view. What follows from the workload's key makes
// replicas alike, what follows from the slot's makes them differ.
//
// Only keys are stored; the terms are drawn anew at each evaluation, which
// keeps ten thousand pods small.
type Wave struct {
	mean     uint64 // units per second
	keys     keys
	resource uint8 // tells the waves of a slot apart
	profile  Profile
}

// keys are what a slot's waves draw from.
type keys struct {
	shared uint64 // of the container in all of the workload's replicas
	own    uint64 // of the container in the slot
	// Days and pulses are the same for all containers and resources of a
	// workload: when there is work, all of it moves. Replicas are a little late.
	beat, late uint64
}

// keys derives the slot's keys; what tells containers apart.
func (s Slot) keys(seed uint64, what string) keys {
	k := keys{
		shared: hash(seed, s.Namespace, s.Workload, what),
		beat:   hash(seed, s.Namespace, s.Workload),
	}
	k.own, k.late = hash(k.shared, s.Instance), hash(k.beat, s.Instance)
	return k
}

const waveTerms = 4

// waveSwing bounds the sum of the sinusoids.
const waveSwing = amp0 + amp1 + amp2 + amp3

// Amplitudes (as shares of the mean) and periods in nanoseconds.
const (
	amp0, period0 = 0.22, int64(3*3600+7*60+13) * 1e9
	amp1, period1 = 0.16, int64(31*60+7) * 1e9
	amp2, period2 = 0.14, int64(7*60+11) * 1e9
	amp3, period3 = 0.08, int64(97) * 1e9
)

// The day curve is highest in the afternoon (UTC), by workload up to an hour
// and a half sooner or later.
const (
	day       = 24 * 3600 * second
	dayPhase  = 0.625 // turns: the sine is at its highest at three in the afternoon
	daySpread = 3.0 / 24
)

const second = int64(1e9)

func newWave(mean uint64, k keys, resource uint8, p Profile) Wave {
	return Wave{mean: max(mean, 1), keys: k, resource: resource, profile: p}
}

// peak bounds the rate.
func (w Wave) peak() float64 { return float64(w.mean) * w.profile.shape().peak() }

// term returns the i-th sinusoid: amplitude, period in ns, phase in turns.
func (w Wave) term(i int) (amp float64, period int64, phase float64) {
	key := w.keys.shared
	switch i {
	case 0:
		amp, period = amp0, period0
	case 1:
		amp, period = amp1, period1
	case 2:
		amp, period, key = amp2, period2, w.keys.own
	default:
		amp, period, key = amp3, period3, w.keys.own
	}
	d := dice{state: mix(key+uint64(w.resource)) + uint64(i)}
	period += int64(d.next()>>1) % (period / 4) // up to a quarter longer
	return amp, period, d.unit()
}

// dayTurns is how far t is into the workload's day.
func (w Wave) dayTurns(t int64) float64 {
	d := dice{state: w.keys.beat}
	return turns(t, day) + dayPhase + float64(daySpread*(d.unit()-0.5))
}

// turns is how far t is into the period, in turns. The remainder is taken in
// integers: as a float, Unix time in seconds has no nanoseconds left.
func turns(t, period int64) float64 {
	m := t % period
	if m < 0 {
		m += period
	}
	return float64(m) / float64(period)
}

// Rate is the wave's value at t.
//
// Products are converted explicitly here and below: without that a compiler
// may fuse them with the sum, and machines would differ in the last bit.
func (w Wave) Rate(t int64) float64 {
	if w.mean == 0 {
		return 0
	}
	s := w.profile.shape()
	sum := 1.0
	for i := range waveTerms {
		amp, period, phase := w.term(i)
		sum += float64(s.swing * amp * math.Sin(float64(2*math.Pi*(turns(t, period)+phase))))
	}
	if s.day > 0 {
		sum += float64(s.day * math.Sin(float64(2*math.Pi*w.dayTurns(t))))
	}
	if s.pulse > 0 {
		height, _ := s.train.at(t, w.keys.beat, w.keys.late)
		sum += float64(s.pulse * (height - 1))
	}
	return float64(w.mean) * sum
}

// Integral is the rate summed from start to t, rounded down; 0 when t is not
// after start. The linear part is exact, so that a counter of years has no
// rounding noise that could make it fall.
func (w Wave) Integral(start, t int64) uint64 {
	if t <= start || w.mean == 0 {
		return 0
	}
	whole, rest := constant(w.mean, start, t)
	if whole == math.MaxUint64 {
		return whole
	}
	around := float64(float64(w.mean) * (w.around(t) - w.around(start)))
	return addSigned(whole, math.Floor(float64(rest)/float64(second)+around))
}

// Constant is what a constant rate, in units per second, sums up to from start
// to t, rounded down; 0 when t is not after start.
func Constant(rate uint64, start, t int64) uint64 {
	if t <= start {
		return 0
	}
	whole, _ := constant(rate, start, t)
	return whole
}

// constant is the sum in units and in billionths of a unit on top. What is more
// than any counter holds stays at its end: it never wraps.
func constant(rate uint64, start, t int64) (whole, rest uint64) {
	hi, lo := bits.Mul64(rate, uint64(t)-uint64(start))
	if hi >= uint64(second) {
		return math.MaxUint64, 0
	}
	return bits.Div64(hi, lo, uint64(second))
}

// around is the integral of what moves around the mean, in seconds of the
// mean, from an instant that is the same for all t. It is bounded.
func (w Wave) around(t int64) float64 {
	s := w.profile.shape()
	sum := 0.0
	swing := func(amp float64, period int64, x float64) {
		sum -= float64(amp * (float64(period) / float64(second)) / (2 * math.Pi) * math.Cos(float64(2*math.Pi*x)))
	}
	for i := range waveTerms {
		amp, period, phase := w.term(i)
		swing(s.swing*amp, period, turns(t, period)+phase)
	}
	if s.day > 0 {
		swing(s.day, day, w.dayTurns(t))
	}
	if s.pulse > 0 {
		_, integral := s.train.at(t, w.keys.beat, w.keys.late)
		sum += float64(s.pulse * integral)
	}
	return sum
}

// addSigned adds a whole float to n without wrapping at either end.
func addSigned(n uint64, d float64) uint64 {
	if d < 0 {
		if u := uint64(-d); u < n {
			return n - u
		}
		return 0
	}
	return add(n, uint64(d))
}

// hash maps a seed and strings to 64 bits; the same on every machine.
func hash(seed uint64, parts ...string) uint64 {
	h := seed ^ 0xcbf29ce484222325
	for _, p := range parts {
		for i := 0; i < len(p); i++ {
			h = (h ^ uint64(p[i])) * 0x100000001b3
		}
		h = mix(h ^ uint64(len(p)))
	}
	return h
}

// mix scatters the bits of x (a 64-bit finalizer).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// dice draws numbers from a key.
type dice struct{ state uint64 }

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mix(d.state)
}

// unit draws from [0,1).
func (d *dice) unit() float64 { return float64(d.next()>>11) / (1 << 53) }
