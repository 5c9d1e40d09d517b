package kubelet

import (
	"math"
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
	start       int64
	until       int64 // when its sandbox ended; running if endless
	hostNetwork bool
	running     bool // has a running container: the summary lists it
	containers  []container
	sandbox     usage.Sandbox
	volumes     []volume
	memoryLimit uint64       // sum of the limits, 0 unless every container has one
	carry       usage.Totals // see putPod
}

// container is one container, init containers included.
type container struct {
	name        string
	usage       usage.Container
	memoryLimit uint64
	running     bool
	start       int64 // of the running container: where its own counters begin
	// The pod's counters have what all the container's runs used. A container
	// that restarted counts from the pod's start: the object does not tell when
	// earlier runs began and ended.
	since, until int64
}

// endless ends what has not ended.
const endless = int64(math.MaxInt64)

// totals are the pod's counters at t: all containers that ran in it, and its sandbox.
func (p *pod) totals(t int64) usage.Totals { return p.totalsWith(t, nil) }

// totalsWith are the totals, given what some of the containers, in order, are
// already known to have used at t.
func (p *pod) totalsWith(t int64, known []containerUsage) usage.Totals {
	sum := p.carry
	for i := range p.containers {
		c := &p.containers[i]
		if len(known) > 0 && known[0].container == c {
			k := known[0].totals
			known = known[1:]
			if c.since == c.start {
				sum = sum.Add(k)
				continue
			}
		}
		sum = sum.Add(c.usage.Totals(c.since, min(t, c.until)))
	}
	sandbox := p.sandbox.Totals(p.start, min(t, p.until))
	if p.hostNetwork { // has no interface of its own
		sandbox.RxBytes, sandbox.TxBytes = 0, 0
	}
	return sum.Add(sandbox)
}

// cpuTotal is the CPU part of totals, without what is carried over.
func (p *pod) cpuTotal(t int64) uint64 {
	sum := p.sandbox.Totals(p.start, min(t, p.until)).CPU
	for i := range p.containers {
		c := &p.containers[i]
		sum += c.usage.CPUTotal(c.since, min(t, c.until))
	}
	return sum
}

// newPod reads a Pod object, which it keeps.
func newPod(seed uint64, o *corev1.Pod) *pod {
	p := &pod{
		object:      o,
		cached:      new(atomic.Pointer[podCgroups]),
		key:         o.Namespace + "/" + o.Name,
		uid:         o.UID,
		node:        o.Spec.NodeName,
		hostNetwork: o.Spec.HostNetwork,
		volumes:     newVolumes(o),
	}
	slot := slotOf(o)
	p.sandbox = usage.NewSandbox(seed, slot)
	p.start = startOf(o)
	ended := o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed

	specs := len(o.Spec.InitContainers) + len(o.Spec.Containers)
	p.containers = make([]container, 0, specs)
	for i := range o.Spec.InitContainers {
		c := &o.Spec.InitContainers[i]
		p.add(seed, slot, c, statusOf(o.Status.InitContainerStatuses, c.Name), ended)
	}
	for i := range o.Spec.Containers {
		c := &o.Spec.Containers[i]
		p.add(seed, slot, c, statusOf(o.Status.ContainerStatuses, c.Name), ended)
	}
	p.memoryLimit = memoryLimit(o)
	p.until = sandboxEnd(p, ended)
	return p
}

func (p *pod) add(seed uint64, slot usage.Slot, spec *corev1.Container, status *corev1.ContainerStatus, ended bool) {
	slot.Container = spec.Name
	r := spec.Resources
	c := container{
		name:        spec.Name,
		memoryLimit: amount(corev1.ResourceMemory, r.Limits[corev1.ResourceMemory]),
	}
	c.usage = usage.NewContainer(seed, usage.Spec{
		Slot:          slot,
		CPURequest:    amount(corev1.ResourceCPU, r.Requests[corev1.ResourceCPU]),
		CPULimit:      amount(corev1.ResourceCPU, r.Limits[corev1.ResourceCPU]),
		MemoryRequest: amount(corev1.ResourceMemory, r.Requests[corev1.ResourceMemory]),
		MemoryLimit:   c.memoryLimit,
	})
	if status != nil {
		c.time(status, p.start, ended)
	}
	p.running = p.running || c.running
	p.containers = append(p.containers, c)
}

// time sets when the container ran.
func (c *container) time(s *corev1.ContainerStatus, podStart int64, ended bool) {
	state := s.State
	switch {
	case state.Running != nil && !ended:
		c.running = true
		c.start = instant(state.Running.StartedAt, podStart)
		c.since, c.until = c.start, endless
	case state.Terminated != nil:
		c.since = instant(state.Terminated.StartedAt, podStart)
		c.until = instant(state.Terminated.FinishedAt, c.since)
	case s.LastTerminationState.Terminated != nil:
		last := s.LastTerminationState.Terminated
		c.since = instant(last.StartedAt, podStart)
		c.until = instant(last.FinishedAt, c.since)
	default:
		return
	}
	if s.RestartCount > 0 {
		c.since = min(c.since, podStart)
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
	s.Workload = owner.Name
	switch owner.Kind {
	case "ReplicaSet":
		s.Workload = strings.TrimSuffix(owner.Name, "-"+o.Labels[templateHashLabel])
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

// metaTime is an instant as the Kubernetes types have it.
func metaTime(nanos int64) metav1.Time { return metav1.NewTime(time.Unix(0, nanos).UTC()) }
