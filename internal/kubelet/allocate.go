package kubelet

// allocateCPU decides how the CPU of the node's pods goes on from at; p, if any,
// has just been put among them. Pods that ask for no more than the node has go on
// by themselves. Of a node that could be asked for more, every container's CPU
// is held, sample by sample, at what it asks for or, if that is too much in
// sum, at its share of what there is: counters and rates then agree, and the
// node never passes its capacity.
func (s *store) allocateCPU(n *nodeEntry, p *pod, at int64) {
	over := n.overcommitted()
	if !over && !n.squeezed {
		if p != nil {
			p.allocateCPU(at, nil)
		}
		return
	}
	var share *float64
	if over {
		share = n.share(at)
	}
	n.squeezed = over
	pods := make([]*pod, len(n.pods))
	for i, old := range n.pods {
		pods[i] = old.clone()
		pods[i].allocateCPU(at, share)
		s.pods[old.key] = pods[i]
	}
	n.pods = pods
}

// overcommitted tells whether the node's pods could ask for more CPU than it has.
func (n *nodeEntry) overcommitted() bool {
	if n.facts == nil {
		return false
	}
	peak, room := uint64(0), n.facts.room()
	for _, p := range n.pods {
		for i := range p.containers {
			if peak += p.containers[i].peakCPU(); peak > room {
				return true
			}
		}
	}
	return false
}

// room is the CPU that is left for pods, in nanocores.
func (f *nodeFacts) room() uint64 { return f.cpu - min(f.cpu, f.services.PeakCPU()) }

// share is how much of what they ask for the node's containers get, at most all.
func (n *nodeEntry) share(at int64) *float64 {
	demand := 0.0
	for _, p := range n.pods {
		for i := range p.containers {
			demand += float64(p.containers[i].demand(at))
		}
	}
	share := 1.0
	if room := float64(n.facts.room()); demand > room {
		share = room / demand
	}
	return &share
}

// allocateCPU is for a pod that no view has yet. share is nil unless the node is overcommitted.
func (p *pod) allocateCPU(at int64, share *float64) {
	p.fullAt = endless
	for i := range p.containers {
		p.containers[i].allocateCPU(at, share)
		p.fullAt = min(p.fullAt, p.containers[i].fullAt())
	}
}

func (c *container) allocateCPU(at int64, share *float64) {
	if *c.usage == *c.course.usage {
		c.usage = c.course.usage // one is enough to keep
	}
	held, cpu := c.cpu.set, uint64(0)
	switch {
	case c.running && share != nil:
		held, cpu = true, uint64(float64(c.demand(at))**share)
	case held:
		cpu = c.capped(c.cpu.value)
	}
	switch {
	case !c.course.reported: // as if it had been so from the start
		c.course = course{usage: c.usage, since: c.start, held: held, cpu: cpu, reported: true}
	case c.running:
		c.course = c.course.next(at, c.usage, held, cpu)
	}
}
