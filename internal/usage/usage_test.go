package usage

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// epoch is when the tests' containers start: far from zero, as real time is.
var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano()

func anySpec(t *rapid.T) Spec {
	quantity := func(label string, unit uint64) (request, limit uint64) {
		request = rapid.Uint64Range(0, 64000).Draw(t, label+" request") * unit
		if rapid.Bool().Draw(t, label+" limited") {
			limit = max(request, unit) + rapid.Uint64Range(0, 1000).Draw(t, label+" headroom")*unit
		}
		return request, limit
	}
	s := Spec{Profile: Profile(rapid.IntRange(0, int(profiles)-1).Draw(t, "profile")), Slot: Slot{
		Namespace: rapid.StringN(1, 8, -1).Draw(t, "namespace"),
		Workload:  rapid.StringN(1, 8, -1).Draw(t, "workload"),
		Instance:  rapid.StringN(1, 8, -1).Draw(t, "instance"),
		Container: rapid.StringN(1, 8, -1).Draw(t, "container"),
	}}
	s.CPURequest, s.CPULimit = quantity("cpu", 1e6)
	s.MemoryRequest, s.MemoryLimit = quantity("memory", 1<<20)
	return s
}

func anyContainer(t *rapid.T) (Spec, Container) {
	s := anySpec(t)
	return s, NewContainer(rapid.Uint64().Draw(t, "seed"), s)
}

func TestCountersNeverFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, c := anyContainer(t)
		at := epoch + rapid.Int64Range(-1e12, 1e18).Draw(t, "age")
		last := c.Totals(epoch, at)
		for range 20 {
			at += rapid.Int64Range(0, 1e13).Draw(t, "step")
			now := c.Totals(epoch, at)
			if lack := last.Shortfall(now); lack != (Totals{}) {
				t.Fatalf("counters fell by %+v: %+v, then %+v", lack, last, now)
			}
			last = now
		}
	})
}

func TestCountersStartAtZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, c := anyContainer(t)
		before := epoch - rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "before")
		if got := c.Totals(epoch, before); got != (Totals{}) {
			t.Fatalf("counters before the start: %+v", got)
		}
	})
}

// The mean of a rate over an interval, taken numerically, is what the counter grew by.
func TestCounterIsTheIntegralOfTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpec(t)
		if s.Profile != Idle { // enough that rounding down to a unit does not show
			s.CPURequest, s.CPULimit = max(s.CPURequest, 10e6), 0
		}
		c := NewContainer(rapid.Uint64().Draw(t, "seed"), s)
		length := rapid.Int64Range(60e9, 600e9).Draw(t, "length")
		start := epoch + rapid.Int64Range(0, 1e16).Draw(t, "start")

		const steps = 20000 // Simpson's rule
		h := length / steps
		sum := c.CPU(start) + c.CPU(start+h*steps)
		for i := int64(1); i < steps; i++ {
			weight := 4.0
			if i%2 == 0 {
				weight = 2
			}
			sum += weight * c.CPU(start+i*h)
		}
		want := sum / 3 * float64(h) / 1e9
		got := float64(c.CPUTotal(start, start+h*steps))
		if math.Abs(got-want) > 1e-6*want {
			t.Fatalf("counter %v, integral of the rate %v", got, want)
		}
	})
}

// Any two instants' counters differ by the integral between them, wherever the container began.
func TestIntegralsJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, c := anyContainer(t)
		a := epoch + rapid.Int64Range(0, 1e16).Draw(t, "a")
		b := a + rapid.Int64Range(0, 1e16).Draw(t, "b")
		whole, parts := c.CPUTotal(epoch, b), c.CPUTotal(epoch, a)+c.CPUTotal(a, b)
		if diff := int64(whole - parts); diff < -2 || diff > 2 {
			t.Fatalf("%d and %d differ by more than rounding", whole, parts)
		}
	})
}

func TestWithinLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c := anyContainer(t)
		at := epoch + rapid.Int64Range(0, 1e17).Draw(t, "age")
		cpu, mem := c.CPU(at), c.Memory(epoch, at)
		switch {
		case cpu <= 0 || mem.RSS == 0 && s.MemoryRequest == 0 && s.MemoryLimit == 0:
			t.Fatalf("uses nothing: cpu %v memory %+v", cpu, mem)
		case cpu > float64(c.PeakCPU()):
			t.Fatalf("cpu %v above its bound %v", cpu, c.PeakCPU())
		case s.CPULimit > 0 && cpu > float64(s.CPULimit):
			t.Fatalf("cpu %v above limit %v", cpu, s.CPULimit)
		case s.MemoryLimit > 0 && mem.Usage > s.MemoryLimit:
			t.Fatalf("memory %v above limit %v", mem.Usage, s.MemoryLimit)
		case mem.RSS > mem.WorkingSet || mem.WorkingSet > mem.Usage:
			t.Fatalf("rss <= working set <= usage does not hold: %+v", mem)
		}
	})
}

func TestOneSeedOneTelemetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, seed := anySpec(t), rapid.Uint64().Draw(t, "seed")
		at := epoch + rapid.Int64Range(0, 1e17).Draw(t, "age")
		a, b := NewContainer(seed, s), NewContainer(seed, s)
		if a.Totals(epoch, at) != b.Totals(epoch, at) || a.Memory(epoch, at) != b.Memory(epoch, at) {
			t.Fatal("the same seed and slot differ")
		}
		other := NewContainer(seed+1, s)
		if at > epoch+1e12 && a.CPUTotal(epoch, at) == other.CPUTotal(epoch, at) {
			t.Fatal("another seed gives the same")
		}
	})
}

// The numbers of one seed are held still: users' tests may rely on them.
func TestKnownValues(t *testing.T) {
	known := map[Profile][2]uint64{}
	for p, want := range known {
		c := NewContainer(1, Spec{
			Slot: Slot{"shop", "web", "0", "app"}, Profile: p, CPURequest: 100e6, MemoryRequest: 64 << 20,
		})
		at := epoch + 3600e9
		if got := [2]uint64{c.CPUTotal(epoch, at), c.Memory(epoch, at).WorkingSet}; got != want {
			t.Errorf("%s: CPUTotal and WorkingSet are %d, want %d", p, got, want)
		}
	}
}

func TestReplicasAreAlikeButNotEqual(t *testing.T) {
	replica := func(instance string) Container {
		return NewContainer(7, Spec{Slot: Slot{"shop", "web", instance, "app"}, CPURequest: 500e6})
	}
	a, b := replica("0"), replica("1")
	ta, tb := float64(a.CPUTotal(epoch, epoch+3600e9)), float64(b.CPUTotal(epoch, epoch+3600e9))
	if ta == tb || math.Abs(ta-tb) > 0.3*ta {
		t.Errorf("replicas used %v and %v", ta, tb)
	}
}

func TestServicesStayBelowATenth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cpu := rapid.Uint64Range(1e9, 256e9).Draw(t, "cpu")
		memory := rapid.Uint64Range(1<<30, 1<<40).Draw(t, "memory")
		s := NewServices(rapid.Uint64().Draw(t, "seed"), "node-1", cpu, memory)
		at := epoch + rapid.Int64Range(0, 1e17).Draw(t, "age")
		if got := s.Kubelet.CPU(at) + s.Runtime.CPU(at); got > float64(cpu)/10 {
			t.Fatalf("services use %v of %v", got, cpu)
		}
		if got := s.Memory(epoch, at).Usage; got > memory/10 {
			t.Fatalf("services have %v of %v bytes", got, memory)
		}
	})
}

// Absurd instants and sizes end at the ends of the scale; nothing wraps or panics.
func TestSaturates(t *testing.T) {
	c := NewContainer(1, Spec{CPURequest: math.MaxUint64, CPULimit: math.MaxUint64})
	if got := c.CPUTotal(math.MinInt64/2, math.MaxInt64/2); got != math.MaxUint64 {
		t.Errorf("CPUTotal = %d, want it saturated", got)
	}
	if got := c.CPUTotal(math.MaxInt64, math.MinInt64); got != 0 {
		t.Errorf("CPUTotal backwards = %d", got)
	}
	var zero Container
	if got := zero.Totals(0, math.MaxInt64); got != (Totals{}) {
		t.Errorf("a zero container used %+v", got)
	}
}

func TestEvaluationAllocatesNothing(t *testing.T) {
	for p := range profiles {
		c := NewContainer(1, Spec{CPURequest: 1e8, MemoryLimit: 1 << 30, Profile: p})
		s := NewSandbox(1, Slot{Namespace: "a"}, p)
		var sink uint64
		got := testing.AllocsPerRun(100, func() {
			sink += c.Totals(epoch, epoch+1e12).CPU + c.Memory(epoch, epoch+1e12).Usage + uint64(c.CPU(epoch)) +
				s.Totals(epoch, epoch+1e12).RxBytes + c.Disk(epoch, epoch+1e12).Logs + uint64(c.FullAt(epoch))
		})
		if got != 0 {
			t.Errorf("%s: %v allocations per evaluation (%d)", p, got, sink)
		}
	}
}

func BenchmarkContainer(b *testing.B) {
	for p := range profiles {
		b.Run(p.String(), func(b *testing.B) {
			c := NewContainer(1, Spec{CPURequest: 1e8, MemoryLimit: 1 << 30, Profile: p})
			b.ReportAllocs()
			var sink uint64
			for i := range b.N {
				t := epoch + int64(i)*1e9
				sink += c.Totals(epoch, t).CPU + c.Memory(epoch, t).Usage
			}
			_ = sink
		})
	}
}

// BenchmarkTenThousandPods is one evaluation of a whole cluster's counters and memory.
func BenchmarkTenThousandPods(b *testing.B) {
	containers := make([]Container, 10000)
	sandboxes := make([]Sandbox, 10000)
	for i := range containers {
		slot := Slot{Namespace: "shop", Workload: "web", Instance: string(rune(i))}
		p := Profile(i % int(profiles))
		containers[i] = NewContainer(1, Spec{Slot: slot, CPURequest: 1e8, Profile: p})
		sandboxes[i] = NewSandbox(1, slot, p)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var sink uint64
	for n := range b.N {
		t := epoch + int64(n+1)*30e9
		for i := range containers {
			sink += containers[i].Totals(epoch, t).CPU + containers[i].Memory(epoch, t).Usage
			sink += sandboxes[i].Totals(epoch, t).RxBytes
		}
	}
	_ = sink
}
