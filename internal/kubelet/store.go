package kubelet

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/diorama-lab/diorama/internal/usage"

	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
)

// store holds what is known of the cluster, by node. Records are immutable
// and slices are replaced, never changed: an answer takes a node's slice under
// the lock and computes without it.
//
// Changes are made one after the other, under changing. So what only they look
// at needs no lock besides, and an expression can be evaluated, which takes
// long, without keeping answers waiting.
type store struct {
	seed    uint64
	clock   *clock
	reports *reports
	// forwards has the objects that say where ports of pods are forwarded; it may be nil.
	forwards versioned.Interface

	changing  sync.Mutex
	workloads map[workloadKey]workload
	rules     *rules
	restored  map[string]savedNode

	mu        sync.RWMutex // held for writing only together with changing
	nodes     map[string]*nodeEntry
	addresses map[string]string // node addresses and host names to node names
	pods      map[string]*pod   // by namespace/name

	claimsMu sync.RWMutex
	claims   map[string]uint64 // capacity in bytes by namespace/name

	syncedPods, syncedNodes, syncedClaims atomic.Bool
}

// nodeEntry is what the store holds of one node. Pods may be known before their
// node, and after it: facts is nil then.
type nodeEntry struct {
	facts    *nodeFacts
	pods     []*pod       // sorted by key
	retired  usage.Totals // what pods that are gone had used
	squeezed bool         // see allocateCPU
	// What the slices of the QoS classes count of retired.
	retiredSlices sliceCPU
}

func newStore(seed uint64, now func() time.Time) *store {
	s := &store{
		seed:      seed,
		clock:     &clock{now: now},
		workloads: map[workloadKey]workload{},
		nodes:     map[string]*nodeEntry{},
		addresses: map[string]string{},
		pods:      map[string]*pod{},
		claims:    map[string]uint64{},
	}
	s.reports = newReports(s.clock)
	s.rules = &rules{store: s, pods: map[string]*rule{}}
	return s
}

// synced says whether the first lists have arrived; until then an unknown node
// may just be one not heard of yet.
func (s *store) synced() bool {
	return s.syncedPods.Load() && s.syncedNodes.Load() && s.syncedClaims.Load()
}

// view is one simulated node at one instant.
type view struct {
	facts   *nodeFacts
	pods    []*pod
	retired usage.Totals
	at      int64

	retiredSlices sliceCPU
}

// view returns the node as it is now; false if there is no such simulated node.
func (s *store) view(name string) (view, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.nodes[name]
	if n == nil || n.facts == nil {
		return view{}, false
	}
	v := view{facts: n.facts, pods: n.pods, retired: n.retired, at: s.clock.read(), retiredSlices: n.retiredSlices}
	return v, true
}

// resolve returns the facts of the simulated node with that name, host name or address.
func (s *store) resolve(host string) (*nodeFacts, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if n := s.nodes[host]; n != nil && n.facts != nil {
		return n.facts, true
	}
	if n := s.nodes[s.addresses[host]]; n != nil && n.facts != nil {
		return n.facts, true
	}
	return nil, false
}

func (s *store) entry(name string) *nodeEntry {
	n := s.nodes[name]
	if n == nil {
		n = &nodeEntry{}
		s.nodes[name] = n
	}
	return n
}

// setPod adds or replaces a pod.
func (s *store) setPod(p *pod) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.decide(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putPod(p)
}

func (s *store) putPod(p *pod) {
	old := s.pods[p.key]
	if old != nil && (old.uid != p.uid || old.node != p.node) {
		s.dropPod(old)
		old = nil
	}
	if p.node == "" { // waits for the scheduler: no kubelet knows of it
		return
	}
	at := s.clock.read()
	if old != nil {
		p.succeed(old, at)
	} else {
		p.begin(s.seed, s.restored[p.node].Pods[p.uid])
	}
	s.pods[p.key] = p
	n := s.entry(p.node)
	i, found := slices.BinarySearchFunc(n.pods, p.key, comparePod)
	if found {
		n.pods = slices.Clone(n.pods)
		n.pods[i] = p
	} else {
		n.pods = slices.Insert(slices.Clip(n.pods), i, p)
	}
	s.allocateCPU(n, p, at)
	if old != nil {
		// Statuses have whole seconds, so a container that ended may seem to
		// have run a little shorter than was already reported.
		p = s.pods[p.key]
		p.carry = p.carry.Add(old.totals(at).Shortfall(p.totals(at)))
	}
}

func comparePod(p *pod, key string) int { return strings.Compare(p.key, key) }

// deletePod forgets a pod and leaves what it used with its node.
func (s *store) deletePod(key string) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.pods[key]; old != nil {
		s.dropPod(old)
	}
}

func (s *store) dropPod(p *pod) {
	delete(s.pods, p.key)
	n := s.nodes[p.node]
	if n == nil {
		return
	}
	at := s.clock.read()
	n.retired = n.retired.Add(p.totals(at))
	n.retiredSlices.add(p, at)
	if i, found := slices.BinarySearchFunc(n.pods, p.key, comparePod); found {
		// Into a new array: views still read the old one.
		n.pods = append(slices.Clone(n.pods[:i]), n.pods[i+1:]...)
	}
	if n.facts == nil && len(n.pods) == 0 {
		delete(s.nodes, p.node)
	}
}

// replacePods makes the given pods the only ones.
func (s *store) replacePods(pods []*pod) {
	s.changing.Lock()
	defer s.changing.Unlock()
	for _, p := range pods {
		s.decide(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make(map[string]bool, len(pods))
	for _, p := range pods {
		keep[p.key] = true
	}
	for key, p := range s.pods {
		if !keep[key] {
			s.dropPod(p)
		}
	}
	for _, p := range pods {
		s.putPod(p)
	}
	s.syncedPods.Store(true)
	s.restoreAll()
}

// setNode adds or replaces a node. A node that is not simulated is one that
// somebody else's kubelet answers for.
func (s *store) setNode(object *corev1.Node) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putNode(object)
}

func (s *store) putNode(object *corev1.Node) {
	if _, simulated := object.Annotations[simulatedAnnotation]; !simulated {
		s.dropNode(object.Name)
		return
	}
	n := s.entry(object.Name)
	facts := newNodeFacts(s.seed, object, n.facts)
	if n.facts != nil {
		if n.facts.uid != facts.uid { // another machine of the same name
			n.retired, n.retiredSlices = usage.Totals{}, sliceCPU{}
		}
		s.forgetAddresses(n.facts)
	}
	resized := n.facts == nil || n.facts.cpu != facts.cpu
	n.facts = facts
	for _, a := range facts.addresses {
		s.addresses[a] = facts.name
	}
	if resized {
		s.allocateCPU(n, nil, s.clock.read())
	}
}

func (s *store) deleteNode(name string) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropNode(name)
}

func (s *store) dropNode(name string) {
	n := s.nodes[name]
	if n == nil {
		return
	}
	if n.facts != nil {
		s.forgetAddresses(n.facts)
	}
	n.facts, n.retired, n.retiredSlices = nil, usage.Totals{}, sliceCPU{}
	if len(n.pods) == 0 {
		delete(s.nodes, name)
	}
}

func (s *store) forgetAddresses(f *nodeFacts) {
	for _, a := range f.addresses {
		if s.addresses[a] == f.name {
			delete(s.addresses, a)
		}
	}
}

func (s *store) replaceNodes(objects []*corev1.Node) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make(map[string]bool, len(objects))
	for _, o := range objects {
		keep[o.Name] = true
	}
	for name := range s.nodes {
		if !keep[name] {
			s.dropNode(name)
		}
	}
	for _, o := range objects {
		s.putNode(o)
	}
	s.syncedNodes.Store(true)
	s.restoreAll()
}

// claim returns a claim's capacity in bytes, 0 if unknown.
func (s *store) claim(key string) uint64 {
	s.claimsMu.RLock()
	defer s.claimsMu.RUnlock()
	return s.claims[key]
}

func (s *store) setClaim(key string, capacity uint64) {
	s.claimsMu.Lock()
	defer s.claimsMu.Unlock()
	s.claims[key] = capacity
}

func (s *store) deleteClaim(key string) {
	s.claimsMu.Lock()
	defer s.claimsMu.Unlock()
	delete(s.claims, key)
}

func (s *store) replaceClaims(claims map[string]uint64) {
	s.claimsMu.Lock()
	defer s.claimsMu.Unlock()
	s.claims = claims
	s.syncedClaims.Store(true)
}
