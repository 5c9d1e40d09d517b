package component

import (
	"cmp"
	"fmt"
	"time"
)

// Patience says how a component is probed, and when it is started again.
type Patience struct {
	// Starting is how often a component that has not answered yet is asked,
	// Period how often one that answers, Again how often one that did not
	// answer the last time.
	Starting, Period, Again time.Duration
	// Answer is how long one answer may take.
	Answer time.Duration
	// Reported is after how many missed answers in a row a component is said not
	// to be ready, GivenUp after how many it is started again.
	Reported, GivenUp int
	// Launch is how long a component that was started again may take until
	// its first answer.
	Launch time.Duration
	// A component that ends is started again after RestartFirst, then after
	// twice as long each time, at most RestartMost; one that has lived for
	// Settled begins anew.
	RestartFirst, RestartMost, Settled time.Duration
}

// usual is what components get that do not say otherwise. A probe that is
// refused is reported after some 7 s and ends its component after half a minute;
// one that hangs, which a busy machine may cause, after 17 s and a minute and a half.
func usual() Patience {
	return Patience{
		Starting: 50 * time.Millisecond, Period: 5 * time.Second, Again: 2 * time.Second, Answer: 5 * time.Second,
		Reported: 2, GivenUp: 12, Launch: 5 * time.Minute,
		RestartFirst: 200 * time.Millisecond, RestartMost: 30 * time.Second, Settled: time.Minute,
	}
}

// orUsual fills in what is not said.
func (p Patience) orUsual() Patience {
	u := usual()
	return Patience{
		Starting: cmp.Or(p.Starting, u.Starting), Period: cmp.Or(p.Period, u.Period), Again: cmp.Or(p.Again, u.Again),
		Answer: cmp.Or(p.Answer, u.Answer), Reported: cmp.Or(p.Reported, u.Reported),
		GivenUp: cmp.Or(p.GivenUp, u.GivenUp), Launch: cmp.Or(p.Launch, u.Launch),
		RestartFirst: cmp.Or(p.RestartFirst, u.RestartFirst), RestartMost: cmp.Or(p.RestartMost, u.RestartMost),
		Settled: cmp.Or(p.Settled, u.Settled),
	}
}

// answers is what probes have said of one run.
type answers struct {
	// once tells that it has answered.
	once bool
	// missed counts probes in a row without an answer, since when; last is
	// what the latest said.
	missed int
	since  time.Time
	last   error
}

// note takes what a probe said.
func (a *answers) note(err error, now time.Time) {
	if err == nil {
		*a = answers{once: true}
		return
	}
	if a.missed == 0 {
		a.since = now
	}
	a.missed++
	a.last = err
}

// verdict is what follows from the answers of a run.
type verdict int

const (
	// waiting: it has not answered yet, or has missed too few to be reported.
	waiting verdict = iota
	// answering: it answered the last time.
	answering
	// silent: it has missed some, and is to be waited for.
	silent
	// hopeless: it has missed so many that another run is better.
	hopeless
)

// verdict judges a run of some age.
func (a *answers) verdict(p Patience, age time.Duration) verdict {
	switch {
	case a.missed == 0:
		return answering
	case !a.once && age > p.Launch, a.once && a.missed >= p.GivenUp:
		return hopeless
	case a.once && a.missed >= p.Reported:
		return silent
	}
	return waiting
}

// text says since when there is no answer, and what the probe says.
func (a *answers) text() string {
	if blocked(a.last) {
		return fmt.Sprintf("not working since %s: %v", a.since.Format(time.TimeOnly), a.last)
	}
	return fmt.Sprintf("not answering since %s: %v", a.since.Format(time.TimeOnly), a.last)
}
