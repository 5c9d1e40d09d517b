package nodes

import "sync"

// reporter hands Progress to the caller, one at a time.
type reporter struct {
	mu     sync.Mutex
	report func(Progress)
}

func newReporter(report func(Progress)) *reporter {
	return &reporter{report: report}
}

// again reports that a request to the API server failed and is made again.
func (r *reporter) again(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report != nil {
		r.report(Progress{Again: text})
	}
}

// step begins a step for so many objects; one for none is not mentioned.
func (r *reporter) step(name string, total int) *step {
	s := &step{reporter: r, now: Progress{Step: name, Total: total}}
	s.set(0)
	return s
}

type step struct {
	*reporter
	now Progress
}

func (s *step) done() { s.change(func(p *Progress) { p.Done++ }) }

func (s *step) set(done int) { s.change(func(p *Progress) { p.Done = done }) }

func (s *step) change(change func(*Progress)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.now)
	if s.report != nil && s.now.Total > 0 {
		s.report(s.now)
	}
}
