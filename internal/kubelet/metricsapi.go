package kubelet

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	metricsv1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/diorama-lab/diorama/internal/usage"
)

// selection is what a list is asked for.
type selection struct {
	namespace string // all if empty
	labels    labels.Selector
	fields    fields.Selector
}

func (s selection) takes(namespace, name string, set labels.Set) bool {
	return (s.namespace == "" || s.namespace == namespace) && s.labels.Matches(set) &&
		s.fields.Matches(fields.Set{"metadata.namespace": namespace, "metadata.name": name})
}

// nodeMetrics are the selected nodes, by name.
func (s *store) nodeMetrics(sel selection) []metricsv1.NodeMetrics {
	s.mu.RLock()
	var names []string
	for name, n := range s.nodes {
		if n.facts != nil && sel.takes("", name, n.facts.labels) {
			names = append(names, name)
		}
	}
	s.mu.RUnlock()
	slices.Sort(names)
	out := make([]metricsv1.NodeMetrics, 0, len(names))
	for _, name := range names {
		if v, found := s.view(name); found {
			out = append(out, v.nodeMetrics(s))
		}
	}
	return out
}

func (v view) nodeMetrics(s *store) metricsv1.NodeMetrics {
	n := v.measure(s)
	at := metaTime(v.at)
	return metricsv1.NodeMetrics{
		ObjectMeta: metav1.ObjectMeta{Name: v.facts.name, Labels: v.facts.labels, CreationTimestamp: at},
		Timestamp:  at, Window: window(), Usage: used(n.rate, n.memory),
	}
}

// podMetrics are the selected pods, by namespace and name.
func (s *store) podMetrics(sel selection) []metricsv1.PodMetrics {
	s.mu.RLock()
	var pods []*pod
	for _, p := range s.pods {
		if sel.takes(p.object.Namespace, p.object.Name, p.object.Labels) {
			pods = append(pods, p)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(pods, func(a, b *pod) int { return strings.Compare(a.key, b.key) })
	out := make([]metricsv1.PodMetrics, 0, len(pods))
	for _, p := range pods {
		if m, known := s.metricsOf(p); known {
			out = append(out, m)
		}
	}
	return out
}

func (s *store) pod(key string) *pod {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pods[key]
}

// metricsOf is what a running pod uses. As with metrics-server there is
// nothing to say until each of its containers has run for the window.
func (s *store) metricsOf(p *pod) (metricsv1.PodMetrics, bool) {
	v, found := s.view(p.node)
	if !found || !p.running || p.object.Status.Phase != corev1.PodRunning {
		return metricsv1.PodMetrics{}, false
	}
	u := v.measurePod(s, p)
	containers := make([]metricsv1.ContainerMetrics, 0, len(u.containers))
	for i := range u.containers {
		c := &u.containers[i]
		if v.at-c.start < rateWindow {
			return metricsv1.PodMetrics{}, false
		}
		containers = append(containers, metricsv1.ContainerMetrics{Name: c.name, Usage: used(c.rate, c.memory)})
	}
	at := metaTime(v.at)
	return metricsv1.PodMetrics{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: p.object.Namespace, Name: p.object.Name, Labels: p.object.Labels, CreationTimestamp: at,
		},
		Timestamp: at, Window: window(), Containers: containers,
	}, true
}

func window() metav1.Duration { return metav1.Duration{Duration: time.Duration(rateWindow)} }

func used(nanocores uint64, m usage.Memory) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewScaledQuantity(int64(nanocores), resource.Nano),
		corev1.ResourceMemory: *resource.NewQuantity(int64(m.WorkingSet), resource.BinarySI),
	}
}
