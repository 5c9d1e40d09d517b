package nodes

import (
	"fmt"
	"sort"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/diorama-lab/diorama/internal/spelling"
)

// load is what pods ask of nodes, or what nodes have for pods.
type load struct {
	pods     int64
	milliCPU int64
	memory   int64
}

func (l load) plus(o load) load {
	return load{l.pods + o.pods, l.milliCPU + o.milliCPU, l.memory + o.memory}
}

func (l load) times(n int64) load {
	return load{l.pods * n, l.milliCPU * n, l.memory * n}
}

// fits leaves a twentieth of CPU and memory free: the scheduler does not fill
// nodes to the last millicore.
func (l load) fits(room load) bool {
	return l.pods <= room.pods && l.milliCPU <= room.milliCPU*19/20 && l.memory <= room.memory*19/20
}

// CheckCapacity says whether the fleet has room for the workloads and, if not,
// what would fit.
func CheckCapacity(f Fleet, w Workloads) error {
	if err := f.Validate(); err != nil {
		return err
	}
	if err := w.Validate(); err != nil {
		return err
	}
	room := fleetRoom(f.Nodes)
	need, err := workloadLoad(w)
	if err != nil {
		return err
	}
	if need.fits(room) {
		return w.checkLargest(f)
	}
	if err := w.checkLargest(f); err != nil {
		return err
	}
	most := sort.Search(w.Pods, func(pods int) bool {
		l, err := workloadLoad(w.with(pods + 1))
		return err != nil || !l.fits(room)
	})
	enough := f.Nodes + sort.Search(MaxNodes-f.Nodes, func(more int) bool { return need.fits(fleetRoom(f.Nodes + more)) })
	hint := "ask for no more"
	if need.fits(fleetRoom(enough)) {
		hint += fmt.Sprintf(", or for at least %d nodes", enough)
	}
	oneMore, err := workloadLoad(w.with(most + 1))
	if err != nil {
		return err
	}
	return &CapacityError{
		Pods: w.Pods, Says: fmt.Sprintf("at most %d pods fit on %s (one more, and %s): %s",
			most, spelling.Counted(f.Nodes, "node"), oneMore.shortage(room), hint),
	}
}

// checkLargest says whether a pod of the template fits on any node: the default
// workloads' do.
func (w Workloads) checkLargest(f Fleet) error {
	if w.Template == nil || w.Pods == 0 {
		return nil
	}
	one, err := workloadLoad(w.with(1))
	if err != nil {
		return err
	}
	var most load
	daemons := daemonLoad()
	for i := range f.Nodes {
		p := poolOf(i)
		if p.tainted {
			continue
		}
		room := p.room(daemons)
		if one.fits(room) {
			return nil
		}
		most.milliCPU, most.memory = max(most.milliCPU, room.milliCPU), max(most.memory, room.memory)
	}
	return fmt.Errorf("%s: no node has room for one pod, which requests %.1f CPUs and %d MiB of memory; "+
		"the largest have %.1f and %d to give: ask for less", w.TemplateFile,
		float64(one.milliCPU)/1000, one.memory/mebi, float64(most.milliCPU*19/20)/1000, most.memory*19/20/mebi)
}

// CapacityError tells that there are more pods than fit on the nodes.
type CapacityError struct {
	Pods int
	// Says is how many do, and what to do.
	Says string
}

// Error names the pods.
func (e *CapacityError) Error() string { return fmt.Sprintf("pods: %d; %s", e.Pods, e.Says) }

// with is the same for another number of pods.
func (w Workloads) with(pods int) Workloads {
	w.Pods = pods
	return w
}

// shortage says what there is too little of.
func (l load) shortage(room load) string {
	switch {
	case l.pods > room.pods:
		return fmt.Sprintf("there are more than the %d that the kubelets take", room.pods)
	case l.milliCPU > room.milliCPU*19/20:
		return fmt.Sprintf("they request over 95 %% of %.1f CPUs", float64(room.milliCPU)/1000)
	}
	return fmt.Sprintf("they request over 95 %% of %d GiB of memory", room.memory/gibi)
}

// fleetRoom is what the first nodes of a fleet have left over from their
// daemon pods. Tainted nodes do not count: few workloads may run there.
func fleetRoom(nodes int) load {
	daemons := daemonLoad()
	var room load
	for i := range nodes {
		if p := poolOf(i); !p.tainted {
			room = room.plus(p.room(daemons))
		}
	}
	return room
}

func daemonLoad() load {
	var daemons load
	for _, o := range daemonSets() {
		daemons = daemons.plus(podLoad(o.Spec.Template.Spec))
	}
	return daemons
}

// room is what a node of the pool has left over from its daemon pods.
func (p pool) room(daemons load) load {
	return load{
		pods:     podsPerNode - daemons.pods,
		milliCPU: p.allocatableMilliCPU() - daemons.milliCPU,
		memory:   p.allocatableMemory() - daemons.memory,
	}
}

// workloadLoad is what all pods but daemon pods ask for.
func workloadLoad(w Workloads) (load, error) {
	if w.Template != nil {
		pod, err := parseTemplate(w.TemplateFile, w.Template)
		if err != nil {
			return load{}, err
		}
		return podLoad(pod.Spec).times(int64(w.Pods)), nil
	}
	var sum load
	for _, s := range distribute(w.Pods) {
		sum = sum.plus(podLoad(s.podSpec()).times(int64(s.replicas)))
	}
	if w.Pods > 0 {
		sum = sum.plus(load{pods: 1, milliCPU: 50, memory: 64 * mebi}.times(jobPods))
	}
	return sum, nil
}

// podLoad is what the scheduler counts for one pod: its containers and native
// sidecars together, or its largest init container if that is more.
func podLoad(spec corev1.PodSpec) load {
	sum, largest := load{pods: 1}, load{}
	for _, c := range spec.Containers {
		sum = sum.plus(containerLoad(c))
	}
	for _, c := range spec.InitContainers {
		l := containerLoad(c)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sum = sum.plus(l)
			continue
		}
		largest.milliCPU, largest.memory = max(largest.milliCPU, l.milliCPU), max(largest.memory, l.memory)
	}
	sum.milliCPU, sum.memory = max(sum.milliCPU, largest.milliCPU), max(sum.memory, largest.memory)
	return sum
}

// containerLoad is a container's requests; where there is only a limit, the API
// server makes it the request.
func containerLoad(c corev1.Container) load {
	get := func(name corev1.ResourceName) resource.Quantity {
		if q, ok := c.Resources.Requests[name]; ok {
			return q
		}
		return c.Resources.Limits[name]
	}
	cpu, memory := get(corev1.ResourceCPU), get(corev1.ResourceMemory)
	return load{milliCPU: cpu.MilliValue(), memory: memory.Value()}
}
