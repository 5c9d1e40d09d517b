package usage

import (
	"math"
	"math/bits"
)

// A Wave is a positive rate (or level) that moves around its mean: a sum of
// sinusoids whose periods share no small multiple, so that it never repeats
// in view. Two of them follow the workload and two the slot: replicas are
// alike without being equal.
//
// Only its keys are stored; the terms are drawn anew at each evaluation, which
// keeps ten thousand pods small.
type Wave struct {
	mean   uint64 // units per second
	shared uint64 // key of the terms that a workload's replicas share
	own    uint64 // key of the slot's own terms
}

const waveTerms = 4

// wavePeak bounds a wave: it lies within mean*(2-wavePeak) and mean*wavePeak,
// which keeps it positive without clipping; clipping would have no closed-form integral.
const wavePeak = 1.6

// Amplitudes (as shares of the mean, wavePeak-1 in sum) and periods in nanoseconds.
const (
	amp0, period0 = 0.22, int64(3*3600+7*60+13) * 1e9
	amp1, period1 = 0.16, int64(31*60+7) * 1e9
	amp2, period2 = 0.14, int64(7*60+11) * 1e9
	amp3, period3 = 0.08, int64(97) * 1e9
)

const second = int64(1e9)

func newWave(mean, shared, own uint64, resource uint64) Wave {
	return Wave{mean: max(mean, 1), shared: mix(shared + resource), own: mix(own + resource)}
}

// term returns the i-th sinusoid: amplitude, period in ns, phase in turns.
func (w Wave) term(i int) (amp float64, period int64, phase float64) {
	key := w.shared
	switch i {
	case 0:
		amp, period = amp0, period0
	case 1:
		amp, period = amp1, period1
	case 2:
		amp, period, key = amp2, period2, w.own
	default:
		amp, period, key = amp3, period3, w.own
	}
	d := dice{state: key + uint64(i)}
	period += int64(d.next()>>1) % (period / 4) // up to a quarter longer
	return amp, period, d.unit()
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
	sum := 1.0
	for i := range waveTerms {
		amp, period, phase := w.term(i)
		sum += float64(amp * math.Sin(float64(2*math.Pi*(turns(t, period)+phase))))
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
	hi, lo := bits.Mul64(w.mean, uint64(t)-uint64(start))
	if hi >= uint64(second) {
		return math.MaxUint64 // more than any counter holds: saturate, never wrap
	}
	whole, rest := bits.Div64(hi, lo, uint64(second))

	swing := float64(rest) / float64(second)
	for i := range waveTerms {
		amp, period, phase := w.term(i)
		a := math.Cos(float64(2 * math.Pi * (turns(start, period) + phase)))
		b := math.Cos(float64(2 * math.Pi * (turns(t, period) + phase)))
		scale := float64(w.mean) * amp * (float64(period) / float64(second)) / (2 * math.Pi)
		swing += float64(scale * (a - b))
	}
	return addSigned(whole, math.Floor(swing))
}

// addSigned adds a whole float to n without wrapping at either end.
func addSigned(n uint64, d float64) uint64 {
	if d < 0 {
		if u := uint64(-d); u < n {
			return n - u
		}
		return 0
	}
	sum, carry := bits.Add64(n, uint64(d), 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return sum
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
