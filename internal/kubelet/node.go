package kubelet

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"github.com/diorama-lab/diorama/internal/usage"
)

// simulatedAnnotation marks the nodes that KWOK plays, whatever its value.
const simulatedAnnotation = "kwok.x-k8s.io/node"

// What a node that states no capacity is taken to have.
const (
	defaultCPU    = 4e9 // nanocores
	defaultMemory = 16 << 30
	defaultDisk   = 100 << 30
)

// nodeFacts is what answers need of a Node object.
type nodeFacts struct {
	name      string
	uid       types.UID
	object    *corev1.Node // trimmed, for expressions
	addresses []string     // besides the name
	boot      int64
	cpu       uint64 // nanocores
	memory    uint64
	disk      uint64
	info      corev1.NodeSystemInfo
	labels    map[string]string
	services  usage.Services
}

// newNodeFacts reads a Node object. Heartbeats change nothing that is read
// here, so an unchanged node keeps its facts.
func newNodeFacts(seed uint64, o *corev1.Node, old *nodeFacts) *nodeFacts {
	f := &nodeFacts{
		name:   o.Name,
		uid:    o.UID,
		object: o,
		boot:   o.CreationTimestamp.UnixNano(),
		cpu:    capacity(o, corev1.ResourceCPU, defaultCPU),
		memory: capacity(o, corev1.ResourceMemory, defaultMemory),
		disk:   capacity(o, corev1.ResourceEphemeralStorage, defaultDisk),
		info:   o.Status.NodeInfo,
		labels: o.Labels,
	}
	for _, a := range o.Status.Addresses {
		if a.Address != o.Name {
			f.addresses = append(f.addresses, a.Address)
		}
	}
	if old != nil && old.uid == f.uid && old.cpu == f.cpu && old.memory == f.memory {
		f.services = old.services
	} else {
		f.services = usage.NewServices(seed, f.name, f.cpu, f.memory)
	}
	return f
}

// capacity is what the node has of a resource: nanocores or bytes.
func capacity(o *corev1.Node, name corev1.ResourceName, fallback uint64) uint64 {
	q, found := o.Status.Capacity[name]
	if !found {
		q = o.Status.Allocatable[name]
	}
	if v := amount(name, q); v > 0 {
		return v
	}
	return fallback
}

// amount is a quantity in nanocores or bytes; nonsense counts as none.
func amount(name corev1.ResourceName, q resource.Quantity) uint64 {
	v := q.Value()
	if name == corev1.ResourceCPU {
		const millicore = 1_000_000
		v = min(q.MilliValue(), math.MaxInt64/millicore) * millicore
	}
	return uint64(max(v, 0))
}
