package kubelet

import (
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/diorama-lab/diorama/internal/usage"
)

// pod is what answers need of a Pod object, read once per change.
type pod struct {
	object      *corev1.Pod                 // trimmed, for /pods
	cached      *atomic.Pointer[podCgroups] // see cgroups
	key         string                      // namespace/name
	uid         types.UID
	node        string
	owner       workloadKey
	slot        usage.Slot
	start       int64
	until       int64 // when its sandbox ended; running if endless
	hostNetwork bool
	running     bool // has a running container: the summary lists it
	containers  []container
	sandbox     usage.Sandbox
	network     network
	volumes     []volume
	memoryLimit uint64       // sum of the limits, 0 unless every container has one
	carry       usage.Totals // see putPod
	profile     usage.Profile
	sampled     bool  // an expression says what it uses
	fullAt      int64 // when the first container reaches its memory limit
}

// network is the course of the sandbox's traffic, see course.
type network struct {
	since int64
	base  usage.Totals
}

// endless ends what has not ended.
const endless = int64(math.MaxInt64)

// totals are the pod's counters at t: all containers that ran in it, and its sandbox.
func (p *pod) totals(t int64) usage.Totals { return p.totalsWith(t, nil) }

// totalsWith are the totals, given what some of the containers, in order, are
// already known to have used at t in their latest run.
func (p *pod) totalsWith(t int64, known []containerUsage) usage.Totals {
	sum := p.carry
	for i := range p.containers {
		c := &p.containers[i]
		if len(known) > 0 && known[0].container == c {
			sum = sum.Add(c.past).Add(known[0].totals)
			known = known[1:]
			continue
		}
		sum = sum.Add(c.totals(t))
	}
	sum.CPU += p.sandbox.CPUTotal(p.start, min(t, p.until))
	return sum.Add(p.traffic(t))
}

// traffic is what the pod's own interface has counted at t.
func (p *pod) traffic(t int64) usage.Totals {
	if p.hostNetwork { // has no interface of its own
		return usage.Totals{}
	}
	return p.network.base.Add(p.sandbox.Traffic(p.network.since, min(t, p.until)))
}

// cpuTotal is the CPU of totals, without what is carried over.
func (p *pod) cpuTotal(t int64) uint64 {
	sum := p.sandbox.CPUTotal(p.start, min(t, p.until))
	for i := range p.containers {
		sum += p.containers[i].cpuTotal(p.start, t)
	}
	return sum
}

// newPod reads a Pod object, which it keeps. What the cluster says besides
// (profiles of workloads, overrides) is added when the pod is stored.
func newPod(seed uint64, o *corev1.Pod) *pod {
	p := &pod{
		object:      o,
		cached:      new(atomic.Pointer[podCgroups]),
		key:         o.Namespace + "/" + o.Name,
		uid:         o.UID,
		node:        o.Spec.NodeName,
		owner:       ownerOf(o),
		slot:        slotOf(o),
		hostNetwork: o.Spec.HostNetwork,
		volumes:     newVolumes(o),
		fullAt:      endless,
	}
	p.profile = usage.DefaultProfile(p.owner.kind)
	if own, found := usage.ParseProfile(o.Annotations[profileAnnotation]); found {
		p.profile = own
	}
	p.start = startOf(o)
	p.network.since = p.start
	p.sandbox = usage.NewSandbox(seed, p.slot, p.profile)
	ended := o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed

	specs := len(o.Spec.InitContainers) + len(o.Spec.Containers)
	p.containers = make([]container, 0, specs)
	for i := range o.Spec.InitContainers {
		c := &o.Spec.InitContainers[i]
		p.add(seed, c, statusOf(o.Status.InitContainerStatuses, c.Name), ended)
	}
	for i := range o.Spec.Containers {
		c := &o.Spec.Containers[i]
		p.add(seed, c, statusOf(o.Status.ContainerStatuses, c.Name), ended)
	}
	p.memoryLimit = memoryLimit(o)
	p.until = sandboxEnd(p, ended)
	return p
}

func (p *pod) add(seed uint64, spec *corev1.Container, status *corev1.ContainerStatus, ended bool) {
	slot, r := p.slot, spec.Resources
	slot.Container = spec.Name
	c := newContainer(seed, usage.Spec{
		Slot:          slot,
		Profile:       p.profile,
		CPURequest:    amount(corev1.ResourceCPU, r.Requests[corev1.ResourceCPU]),
		CPULimit:      amount(corev1.ResourceCPU, r.Limits[corev1.ResourceCPU]),
		MemoryRequest: amount(corev1.ResourceMemory, r.Requests[corev1.ResourceMemory]),
		MemoryLimit:   amount(corev1.ResourceMemory, r.Limits[corev1.ResourceMemory]),
	})
	if status != nil {
		c.time(status, p.start, ended)
	}
	p.running = p.running || c.running
	p.containers = append(p.containers, c)
}

// clone is a copy whose containers can be changed.
func (p *pod) clone() *pod {
	q := *p
	q.containers = slices.Clone(p.containers)
	return &q
}

// begin is for a pod that this process has not met before: it goes on from
// what an earlier process wrote down, if there is that.
func (p *pod) begin(seed uint64, saved savedPod) {
	p.carry = saved.Carry
	for i := range p.containers {
		c := &p.containers[i]
		c.memorySince = c.start
		c.guess(p.start)
		c.restore(seed, saved.Containers[c.name])
	}
	if saved.NetworkSince != 0 {
		p.network = network{since: saved.NetworkSince, base: saved.Network}
	}
}

// succeed takes over what the pod did until now: the counters go on.
func (p *pod) succeed(old *pod, at int64) {
	p.carry = old.carry
	for i := range p.containers {
		c := &p.containers[i]
		j := slices.IndexFunc(old.containers, func(o container) bool { return o.name == c.name })
		if j < 0 {
			continue
		}
		o := &old.containers[j]
		c.succeed(o)
		c.memorySince = o.memorySince
		if c.memory != o.memory {
			c.memorySince = at
		}
	}
	p.network = old.network
	switch {
	case old.start == endless:
		p.network.since = p.start
	case p.sandbox != old.sandbox:
		p.network = network{since: at, base: old.traffic(at)}
	}
}

// instant is t in Unix nanoseconds, or the fallback for a status without it.
func instant(t metav1.Time, fallback int64) int64 {
	if t.IsZero() {
		return fallback
	}
	return t.UnixNano()
}

func sandboxEnd(p *pod, ended bool) int64 {
	if !ended {
		return endless
	}
	until := p.start
	for i := range p.containers {
		if u := p.containers[i].until; u != endless {
			until = max(until, u)
		}
	}
	return until
}

// startOf is when the kubelet took the pod up; endless if it has not.
func startOf(o *corev1.Pod) int64 {
	if o.Status.StartTime != nil && !o.Status.StartTime.IsZero() {
		return o.Status.StartTime.UnixNano()
	}
	for _, s := range o.Status.ContainerStatuses {
		if s.State.Running != nil {
			return instant(s.State.Running.StartedAt, endless)
		}
	}
	return endless
}

func statusOf(statuses []corev1.ContainerStatus, name string) *corev1.ContainerStatus {
	for i := range statuses {
		if statuses[i].Name == name {
			return &statuses[i]
		}
	}
	return nil
}

// memoryLimit is the sum of the limits of what runs as long as the pod: its
// containers and sidecars; 0 unless each has one.
func memoryLimit(o *corev1.Pod) uint64 {
	var sum uint64
	limited := func(c *corev1.Container) bool {
		l := amount(corev1.ResourceMemory, c.Resources.Limits[corev1.ResourceMemory])
		sum += l
		return l > 0
	}
	for i := range o.Spec.InitContainers {
		c := &o.Spec.InitContainers[i]
		sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		if sidecar && !limited(c) {
			return 0
		}
	}
	for i := range o.Spec.Containers {
		if !limited(&o.Spec.Containers[i]) {
			return 0
		}
	}
	return sum
}

// Labels and annotations that controllers put on pods.
const (
	templateHashLabel    = "pod-template-hash"
	completionIndexLabel = "batch.kubernetes.io/job-completion-index"
)

// slotOf finds the slot that the pod fills: what stays when the pod is replaced.
func slotOf(o *corev1.Pod) usage.Slot {
	s := usage.Slot{Namespace: o.Namespace, Workload: o.Name, Instance: string(o.UID)}
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil {
		s.Instance = o.Name // made by hand under that name
		return s
	}
	s.Workload = ownerOf(o).name
	switch owner.Kind {
	case "StatefulSet":
		s.Instance = o.Name
	case "DaemonSet":
		s.Instance = o.Spec.NodeName
	case "Job":
		if index, found := o.Labels[completionIndexLabel]; found {
			s.Instance = index
		}
	}
	return s
}

// workloadKey names a workload.
type workloadKey struct{ kind, namespace, name string }

// ownerOf names the workload that a pod belongs to: of a ReplicaSet that was
// made by a Deployment, the Deployment. Empty for a pod made by hand.
func ownerOf(o *corev1.Pod) workloadKey {
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil {
		return workloadKey{}
	}
	key := workloadKey{owner.Kind, o.Namespace, owner.Name}
	if hash := o.Labels[templateHashLabel]; owner.Kind == "ReplicaSet" && hash != "" {
		key.kind, key.name = "Deployment", strings.TrimSuffix(owner.Name, "-"+hash)
	}
	return key
}

// metaTime is an instant as the Kubernetes types have it.
func metaTime(nanos int64) metav1.Time { return metav1.NewTime(time.Unix(0, nanos).UTC()) }
