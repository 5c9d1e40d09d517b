package kubelet

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kwok/pkg/kwok/metrics"
)

// KWOK's annotations: what each container of the pod uses.
const (
	cpuAnnotation    = "kwok.x-k8s.io/usage-cpu"
	memoryAnnotation = "kwok.x-k8s.io/usage-memory"
)

// instead says what happens when a value is not used.
const instead = "The profile is used instead, unless something else says what the pod uses."

// decide finds out what the pod's profile is and what takes its place. It is
// called under changing, before the pod is stored.
func (s *store) decide(p *pod) {
	p.setProfile(s.seed, s.profileOf(p))
	cpu := s.annotated(p, corev1.ResourceCPU, cpuAnnotation)
	memory := s.annotated(p, corev1.ResourceMemory, memoryAnnotation)
	p.sampled = false
	for i := range p.containers {
		c := &p.containers[i]
		rule, entry := s.rules.find(p, c.name)
		var ruleCPU, ruleMemory *ruleValue
		if entry != nil {
			ruleCPU, ruleMemory = entry.cpu, entry.memory
		}
		c.cpu = s.choose(p, c.name, rule, ruleCPU, corev1.ResourceCPU, cpu)
		c.memory = s.choose(p, c.name, rule, ruleMemory, corev1.ResourceMemory, memory)
	}
}

// annotated is what an annotation of the pod says.
func (s *store) annotated(p *pod, name corev1.ResourceName, annotation string) override {
	text, found := p.object.Annotations[annotation]
	if !found {
		return override{}
	}
	o, err := parsed(name, text)
	// A pod that is known before its node may be a simulated one.
	if err != nil && (s.simulates(p) || !s.syncedNodes.Load()) {
		s.reports.onPod(p, reasonQuantity, fmt.Sprintf("Annotation %s: %q of pod %s is not used: %v. %s",
			annotation, text, p.key, err, instead))
	}
	return o
}

// choose decides between what says how much of a resource a container uses:
// the ResourceUsage of the very pod, its annotation, a ClusterResourceUsage,
// the profile. What is wrong gives way to the next.
func (s *store) choose(
	p *pod, container string, rule *rule, v *ruleValue, name corev1.ResourceName, annotated override,
) override {
	if v == nil || rule != s.rules.pods[p.key] && annotated.set {
		return annotated
	}
	p.sampled = p.sampled || v.evaluator != nil
	node := s.nodes[p.node]
	if node == nil || node.facts == nil {
		p.sampled = true // until the node is known, too
		return annotated
	}
	data := metrics.Data{Node: node.facts.object, Pod: p.object, Container: specOf(p.object, container)}
	value, err := v.evaluate(data)
	reason, what := reasonExpression, "The expression for "
	if err == nil {
		var o override
		if o, err = checked(name, value); err == nil {
			return o
		}
		reason, what = reasonQuantity, "The value for "
	}
	s.reports.onNode(node.facts, reason, fmt.Sprintf("%s%s of container %s in %s is not used: %v. %s",
		what, name, container, rule.source, err, instead))
	return annotated
}

func specOf(o *corev1.Pod, container string) *corev1.Container {
	for _, list := range [][]corev1.Container{o.Spec.Containers, o.Spec.InitContainers} {
		if i := slices.IndexFunc(list, func(c corev1.Container) bool { return c.Name == container }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// renew decides again about the pods that match, and stores what changed.
func (s *store) renew(match func(*pod) bool) {
	var changed []*pod
	for _, p := range s.pods {
		if !match(p) {
			continue
		}
		q := p.clone()
		s.decide(q)
		if q.profile != p.profile || q.sampled != p.sampled || !slices.EqualFunc(q.containers, p.containers, sameOverrides) {
			changed = append(changed, q)
		}
	}
	for _, q := range changed { // one by one: answers need not wait for all
		s.mu.Lock()
		s.putPod(q)
		s.mu.Unlock()
	}
}

func sameOverrides(a, b container) bool { return a.cpu == b.cpu && a.memory == b.memory }

// changeRules changes what ResourceUsages and ClusterResourceUsages say, and
// looks again at the pods that match.
func (s *store) changeRules(match func(*pod) bool, change func(*rules) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	err := change(s.rules)
	s.renew(match)
	return err
}

func everyPod(*pod) bool { return true }
