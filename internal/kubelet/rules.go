package kubelet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/kwok/metrics"
)

// rules are KWOK's ResourceUsage and ClusterResourceUsage objects, compiled.
type rules struct {
	store   *store
	env     *metrics.Environment // made for the first object: most clusters have none
	pods    map[string]*rule     // ResourceUsages, by the namespace/name that they share with a pod
	cluster []*rule              // ClusterResourceUsages, sorted by name
}

// rule is one such object.
type rule struct {
	source   string // for people
	name     string
	selector *internalversion.ObjectSelector
	usages   []ruleUsage
}

// ruleUsage is an entry for some containers, or, without names, for all others.
type ruleUsage struct {
	containers  []string
	cpu, memory *ruleValue
}

// ruleValue is a value, or the expression that gives it.
type ruleValue struct {
	value      float64 // cores or bytes
	expression string
	evaluator  *metrics.Evaluator
	broken     error // the expression does not compile
}

// setPod puts a ResourceUsage in force; nil takes it back.
func (r *rules) setPod(key string, o *v1alpha1.ResourceUsage) error {
	delete(r.pods, key)
	if o == nil {
		return nil
	}
	in, err := internalversion.ConvertToInternalResourceUsage(o)
	if err != nil {
		return fmt.Errorf("read ResourceUsage %s: %w", key, err)
	}
	r.pods[key], err = r.compile("ResourceUsage "+key, o.Name, nil, in.Spec.Usages)
	return err
}

// replacePods makes the given ResourceUsages the only ones.
func (r *rules) replacePods(all []*v1alpha1.ResourceUsage) error {
	clear(r.pods)
	var errs []error
	for _, o := range all {
		errs = append(errs, r.setPod(o.Namespace+"/"+o.Name, o))
	}
	return errors.Join(errs...)
}

// setCluster puts a ClusterResourceUsage in force; nil takes it back.
func (r *rules) setCluster(name string, o *v1alpha1.ClusterResourceUsage) error {
	r.cluster = slices.DeleteFunc(r.cluster, func(one *rule) bool { return one.name == name })
	if o == nil {
		return nil
	}
	in, err := internalversion.ConvertToInternalClusterResourceUsage(o)
	if err != nil {
		return fmt.Errorf("read ClusterResourceUsage %s: %w", name, err)
	}
	one, err := r.compile("ClusterResourceUsage "+name, name, in.Spec.Selector, in.Spec.Usages)
	if err != nil {
		return err
	}
	r.cluster = append(r.cluster, one)
	slices.SortFunc(r.cluster, func(a, b *rule) int { return strings.Compare(a.name, b.name) })
	return nil
}

// replaceCluster makes the given ClusterResourceUsages the only ones.
func (r *rules) replaceCluster(all []*v1alpha1.ClusterResourceUsage) error {
	r.cluster = nil
	var errs []error
	for _, o := range all {
		errs = append(errs, r.setCluster(o.Name, o))
	}
	return errors.Join(errs...)
}

func (r *rules) compile(
	source, name string, selector *internalversion.ObjectSelector, usages []internalversion.ResourceUsageContainer,
) (*rule, error) {
	if r.env == nil {
		env, err := r.store.environment()
		if err != nil {
			return nil, err
		}
		r.env = env
	}
	out := &rule{source: source, name: name, selector: selector}
	for _, u := range usages {
		out.usages = append(out.usages, ruleUsage{
			containers: u.Containers,
			cpu:        r.compileValue(u.Usage[string(corev1.ResourceCPU)]),
			memory:     r.compileValue(u.Usage[string(corev1.ResourceMemory)]),
		})
	}
	return out, nil
}

// compileValue returns nil for a resource that the entry does not name.
func (r *rules) compileValue(v internalversion.ResourceUsageValue) *ruleValue {
	switch {
	case v.Value != nil:
		return &ruleValue{value: v.Value.AsApproximateFloat64()}
	case v.Expression != nil:
		out := &ruleValue{expression: *v.Expression}
		out.evaluator, out.broken = r.env.Compile(*v.Expression)
		return out
	}
	return nil
}

// entry is what the rule says about a container. As in KWOK, the entry that
// names it comes before the first one for all.
func (r *rule) entry(container string) *ruleUsage {
	var common *ruleUsage
	for i := range r.usages {
		u := &r.usages[i]
		if slices.Contains(u.containers, container) {
			return u
		}
		if len(u.containers) == 0 && common == nil {
			common = u
		}
	}
	return common
}

// find returns the rule for a container, if any. As in KWOK, a ResourceUsage
// of the pod's name hides the ClusterResourceUsages even from containers that
// it says nothing about, and of these the first that has an entry counts.
func (r *rules) find(p *pod, container string) (*rule, *ruleUsage) {
	if own := r.pods[p.key]; own != nil {
		return own, own.entry(container)
	}
	for _, rule := range r.cluster {
		if !rule.selector.Match(p.object.Name, p.object.Namespace) {
			continue
		}
		if entry := rule.entry(container); entry != nil {
			return rule, entry
		}
	}
	return nil, nil
}

// evaluate gives the value for a container.
func (v *ruleValue) evaluate(data metrics.Data) (float64, error) {
	switch {
	case v.broken != nil:
		return 0, v.broken
	case v.evaluator == nil:
		return v.value, nil
	}
	return v.evaluator.EvaluateFloat64(context.Background(), data)
}

// More than this is nobody's usage: a mistake in the unit, mostly.
const (
	mostCPU    = 1e4     // cores
	mostMemory = 1 << 50 // bytes
)

// checked turns cores or bytes into an override.
func checked(name corev1.ResourceName, value float64) (override, error) {
	most, unit := float64(mostMemory), 1.0
	if name == corev1.ResourceCPU {
		most, unit = mostCPU, 1e9
	}
	switch {
	case math.IsNaN(value):
		return override{}, fmt.Errorf("%v is not a number", value)
	case value < 0:
		return override{}, fmt.Errorf("%v is negative", value)
	case value > most:
		return override{}, fmt.Errorf("%v is more than any machine has (%v at most)", value, most)
	}
	return override{set: true, value: uint64(math.Round(value * unit))}, nil
}

// parsed reads the quantity of an annotation.
func parsed(name corev1.ResourceName, text string) (override, error) {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return override{}, fmt.Errorf("it is not a quantity such as 250m or 64Mi: %w", err)
	}
	return checked(name, q.AsApproximateFloat64())
}
