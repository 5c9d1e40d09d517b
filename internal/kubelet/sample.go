package kubelet

import (
	"context"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

// sampleInterval is how often expressions are evaluated, and shares of an
// overcommitted node computed. In between, a value is held: a counter grows by
// what the last sample said.
const sampleInterval = 10 * time.Second

// sample evaluates again what changes by itself.
func (s *store) sample() {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.renew(func(p *pod) bool { return p.sampled })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n.squeezed {
			s.allocateCPU(n, nil, s.clock.read())
		}
	}
}

// keepSampling samples until ctx ends.
func keepSampling(ctx context.Context, s *store) {
	for wait.Pause(ctx, sampleInterval) == nil {
		s.sample()
	}
}
