package kubelet

import (
	"cmp"
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
	return (s.namespace == "" || s.namespace == namespace) && s.labels.Matches(set) && (s.fields.Empty() ||
		s.fields.Matches(fields.Set{"metadata.namespace": namespace, "metadata.name": name}))
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
			out = append(out, v.measure(s).metrics())
		}
	}
	return out
}

func (n *nodeUsage) metrics() metricsv1.NodeMetrics {
	at := metaTime(n.at)
	return metricsv1.NodeMetrics{
		ObjectMeta: metav1.ObjectMeta{Name: n.facts.name, Labels: n.facts.labels, CreationTimestamp: at},
		Timestamp:  at, Window: window(), Usage: used(n.rate, n.memory),
	}
}

// podMetrics are the selected pods, by namespace and name. Their nodes are
// measured as wholes, as for a summary: what one pod has may depend on the others.
func (s *store) podMetrics(sel selection) []metricsv1.PodMetrics {
	s.mu.RLock()
	nodes := map[string]bool{}
	for _, p := range s.pods {
		if p.running && sel.takes(p.object.Namespace, p.object.Name, p.object.Labels) {
			nodes[p.node] = true
		}
	}
	s.mu.RUnlock()
	out := []metricsv1.PodMetrics{}
	for name := range nodes {
		v, found := s.view(name)
		if !found {
			continue
		}
		n := v.measure(s)
		for i := range n.listed {
			o := n.listed[i].object
			if !sel.takes(o.Namespace, o.Name, o.Labels) {
				continue
			}
			if m, known := n.listed[i].metrics(n.at); known {
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, func(a, b metricsv1.PodMetrics) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return out
}

// metrics are what a running pod uses. As with metrics-server there is nothing
// to say until each of its containers has run for the window.
func (u *podUsage) metrics(at int64) (metricsv1.PodMetrics, bool) {
	o := u.object
	if o.Status.Phase != corev1.PodRunning {
		return metricsv1.PodMetrics{}, false
	}
	containers := make([]metricsv1.ContainerMetrics, 0, len(u.containers))
	for i := range u.containers {
		c := &u.containers[i]
		if at-c.start < rateWindow {
			return metricsv1.PodMetrics{}, false
		}
		containers = append(containers, metricsv1.ContainerMetrics{Name: c.name, Usage: used(c.rate, c.memory)})
	}
	now := metaTime(at)
	return metricsv1.PodMetrics{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, Labels: o.Labels, CreationTimestamp: now},
		Timestamp:  now, Window: window(), Containers: containers,
	}, true
}

func window() metav1.Duration { return metav1.Duration{Duration: time.Duration(rateWindow)} }

func used(nanocores uint64, m usage.Memory) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewScaledQuantity(int64(nanocores), resource.Nano),
		corev1.ResourceMemory: *resource.NewQuantity(int64(m.WorkingSet), resource.BinarySI),
	}
}
