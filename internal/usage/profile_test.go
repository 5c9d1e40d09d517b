package usage

import (
	"math"
	"slices"
	"testing"
)

func TestProfileNames(t *testing.T) {
	for p := range profiles {
		if got, found := ParseProfile(p.String()); !found || got != p {
			t.Errorf("%q is read as %v, %v", p, got, found)
		}
	}
	for _, name := range []string{"", "Steady", "steady ", "none"} {
		if _, found := ParseProfile(name); found {
			t.Errorf("%q is a profile", name)
		}
	}
}

func TestDefaultProfiles(t *testing.T) {
	for kind, want := range map[string]Profile{
		"Deployment": Diurnal, "StatefulSet": Steady, "DaemonSet": Steady, "Job": Batch, "CronJob": Batch,
		"": Steady, "Other": Steady,
	} {
		if got := DefaultProfile(kind); got != want {
			t.Errorf("%s is %s, want %s", kind, got, want)
		}
	}
}

// curve samples the CPU of one slot over a day, every ten seconds, in shares of its mean.
func curve(p Profile, instance string) []float64 {
	c := NewContainer(3, Spec{Slot: Slot{"shop", "web", instance, "app"}, CPURequest: 500e6, Profile: p})
	var out []float64
	sum := 0.0
	for i := range int64(day / (10 * second)) {
		out = append(out, c.CPU(epoch+i*10*second))
		sum += out[i]
	}
	for i := range out {
		out[i] *= float64(len(out)) / sum
	}
	return out
}

// share is how much of the time a curve is between low and high.
func share(curve []float64, low, high float64) float64 {
	n := 0
	for _, v := range curve {
		if v >= low && v < high {
			n++
		}
	}
	return float64(n) / float64(len(curve))
}

// What makes each profile recognisable on a graph.
func TestShapes(t *testing.T) {
	within := func(what string, got, low, high float64) {
		if got < low || got > high {
			t.Errorf("%s: %.3f, want %.3f to %.3f", what, got, low, high)
		}
	}
	within("steady stays near its mean", share(curve(Steady, "0"), 0.85, 1.15), 1, 1)
	diurnal := curve(Diurnal, "0")
	within("a day's high", slices.Max(diurnal), 1.5, 2)
	within("a day's low", slices.Min(diurnal), 0.1, 0.5)
	bursty := curve(Bursty, "0")
	within("time in bursts", share(bursty, 1.3, 10), 0.15, 0.45)
	within("time between bursts", share(bursty, 0, 0.7), 0.5, 0.85)
	batch := curve(Batch, "0")
	within("time at work", share(batch, 1, 10), 0.45, 0.7)
	within("time at rest", share(batch, 0, 0.2), 0.25, 0.5)
	spiky := curve(Spiky, "0")
	within("time in spikes", share(spiky, 1.5, 100), 0.02, 0.15)
	within("the highest spike", slices.Max(spiky), 4, 8)

	idle := NewContainer(3, Spec{CPURequest: 4e9, MemoryRequest: 8 << 30, Profile: Idle})
	within("an idle container's millicores", idle.CPU(epoch)/1e6, 0.01, 10)
	within("an idle container's MiB", float64(idle.Memory(epoch, epoch+1e12).WorkingSet)/(1<<20), 1, 32)
}

// Replicas work at nearly the same times: their graphs lie together without being one.
func TestReplicasCorrelate(t *testing.T) {
	for p := range profiles {
		a, b := curve(p, "0"), curve(p, "1")
		var ab, aa, bb float64
		for i := range a {
			x, y := a[i]-1, b[i]-1
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		r := ab / math.Sqrt(aa*bb)
		if r < 0.5 || r > 0.999999 {
			t.Errorf("%s: replicas correlate by %.4f", p, r)
		}
	}
}

func TestLeakReachesTheLimit(t *testing.T) {
	c := NewContainer(1, Spec{MemoryRequest: 64 << 20, MemoryLimit: 96 << 20, Profile: Leak})
	full := c.FullAt(epoch)
	if full < epoch+5*60*second || full > epoch+30*60*second {
		t.Errorf("full after %d s", (full-epoch)/second)
	}
	last := uint64(0)
	for at := epoch; at < full; at += 30 * second {
		m := c.Memory(epoch, at)
		if m.WorkingSet < last || m.WorkingSet > 96<<20 || m.Usage > 96<<20 {
			t.Fatalf("after %d s it has %+v, before %d", (at-epoch)/second, m, last)
		}
		last = m.WorkingSet
	}
	if got := c.Memory(epoch, full).WorkingSet; got != 96<<20 {
		t.Errorf("when full it has %d", got)
	}
	if got := c.Memory(full, full).WorkingSet; got > 48<<20 {
		t.Errorf("restarted it has %d", got)
	}
	unlimited := NewContainer(1, Spec{MemoryRequest: 64 << 20, Profile: Leak})
	if unlimited.FullAt(epoch) != math.MaxInt64 || unlimited.Memory(epoch, epoch+1e18).WorkingSet > 64<<20 {
		t.Error("without a limit it grows past its request")
	}
}

// A level that somebody else gives is reported as it is, up to the limit.
func TestMemoryAt(t *testing.T) {
	c := NewContainer(1, Spec{MemoryLimit: 100 << 20})
	for _, ws := range []uint64{0, 1, 5000, 100 << 20, 1 << 40, math.MaxUint64} {
		m := c.MemoryAt(ws)
		if m.WorkingSet != min(ws, 100<<20) || m.Usage < m.WorkingSet || m.Usage > 100<<20 || m.RSS > m.WorkingSet {
			t.Errorf("at %d: %+v", ws, m)
		}
	}
}
