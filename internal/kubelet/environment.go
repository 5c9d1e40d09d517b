package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kwok/pkg/kwok/metrics"
)

// environment is what KWOK's expressions can ask for. The answers are what is
// reported now, not what expressions would say: none can call itself. They are
// given under changing.
func (s *store) environment() (*metrics.Environment, error) {
	usage := func(resource, namespace, pod, container string) float64 {
		return s.sum(namespace+"/"+pod, container, usageOf(resource, s.clock.read()))
	}
	total := func(resource, namespace, pod, container string) float64 {
		return s.sum(namespace+"/"+pod, container, totalOf(resource, s.clock.read()))
	}
	env, err := metrics.NewEnvironment(metrics.EnvironmentConfig{
		Now:                    func() time.Time { return time.Unix(0, s.clock.read()) },
		StartedContainersTotal: func(node string) int64 { return int64(s.sumNode(node, started)) },
		ContainerResourceUsage: usage,
		PodResourceUsage:       func(r, namespace, pod string) float64 { return usage(r, namespace, pod, "") },
		NodeResourceUsage: func(r, node string) float64 {
			return s.sumNode(node, usageOf(r, s.clock.read()))
		},
		ContainerResourceCumulativeUsage: total,
		PodResourceCumulativeUsage:       func(r, namespace, pod string) float64 { return total(r, namespace, pod, "") },
		NodeResourceCumulativeUsage: func(r, node string) float64 {
			return s.sumNode(node, totalOf(r, s.clock.read()))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set up the environment of KWOK's expressions: %w", err)
	}
	return env, nil
}

// sum is over the containers of a pod, or over the named one only.
func (s *store) sum(pod, name string, of func(*container) float64) (sum float64) {
	p := s.pods[pod]
	if p == nil {
		return 0
	}
	for i := range p.containers {
		if c := &p.containers[i]; name == "" || c.name == name {
			sum += of(c)
		}
	}
	return sum
}

func (s *store) sumNode(node string, of func(*container) float64) (sum float64) {
	n := s.nodes[node]
	if n == nil {
		return 0
	}
	for _, p := range n.pods {
		sum += s.sum(p.key, "", of)
	}
	return sum
}

// usageOf gives cores or bytes at t.
func usageOf(resource string, t int64) func(*container) float64 {
	return func(c *container) float64 {
		switch {
		case !c.running:
		case resource == string(corev1.ResourceCPU):
			return float64(c.course.rate(c.start, t, c.course.totals(t).CPU)) / 1e9
		case resource == string(corev1.ResourceMemory):
			return float64(c.memoryAt(t).WorkingSet)
		}
		return 0
	}
}

// totalOf gives core-seconds until t; memory has no sum.
func totalOf(resource string, t int64) func(*container) float64 {
	return func(c *container) float64 {
		if resource != string(corev1.ResourceCPU) {
			return 0
		}
		return seconds(c.totals(t).CPU)
	}
}

func started(c *container) float64 {
	if c.until == 0 {
		return 0
	}
	return 1 + float64(c.restarts)
}
