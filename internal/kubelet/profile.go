package kubelet

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/diorama-lab/diorama/internal/usage"
)

// profileAnnotation names a profile, on a pod or on its workload.
const profileAnnotation = "diorama.dev/profile"

// Reasons of events about usage that was asked for and cannot be had.
const (
	reasonProfile    = "UnknownProfile"
	reasonQuantity   = "InvalidUsage"
	reasonExpression = "UsageExpressionFailed"
)

// workload is what is kept of a workload's metadata.
type workload struct {
	profile string      // the annotation
	parent  workloadKey // a CronJob, of a Job
}

// newWorkload reads what the workload's metadata say.
func newWorkload(kind string, o *metav1.PartialObjectMetadata) (workloadKey, workload) {
	w := workload{profile: o.Annotations[profileAnnotation]}
	if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
		w.parent = workloadKey{owner.Kind, o.Namespace, owner.Name}
	}
	return workloadKey{kind, o.Namespace, o.Name}, w
}

// setWorkload adds or changes a workload; one that says nothing is not kept.
func (s *store) setWorkload(key workloadKey, w workload) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.workloads[key] == w {
		return
	}
	s.workloads[key] = w
	if w == (workload{}) {
		delete(s.workloads, key)
	}
	s.renewOwned(key)
}

// replaceWorkloads makes the given workloads the only ones of their kind.
func (s *store) replaceWorkloads(kind string, all map[workloadKey]workload) {
	s.changing.Lock()
	defer s.changing.Unlock()
	for key := range s.workloads {
		if _, found := all[key]; key.kind == kind && !found {
			delete(s.workloads, key)
			s.renewOwned(key)
		}
	}
	for key, w := range all {
		if s.workloads[key] != w && w != (workload{}) {
			s.workloads[key] = w
			s.renewOwned(key)
		}
	}
}

// renewOwned looks again at the pods of a workload, or of its Jobs.
func (s *store) renewOwned(key workloadKey) {
	s.renew(func(p *pod) bool {
		return p.owner == key || s.workloads[p.owner].parent == key
	})
}

// profileOf finds the pod's profile: its own annotation, that of its workload
// or of the CronJob behind it, or the default of its kind.
func (s *store) profileOf(p *pod) usage.Profile {
	if name, said := p.object.Annotations[profileAnnotation]; said {
		if profile, found := usage.ParseProfile(name); found {
			return profile
		}
		s.unknownProfile(p, "pod "+p.key, name)
	}
	w := s.workloads[p.owner]
	for _, source := range []struct {
		key  workloadKey
		name string
	}{{p.owner, w.profile}, {w.parent, s.workloads[w.parent].profile}} {
		if source.name == "" {
			continue
		}
		if profile, found := usage.ParseProfile(source.name); found {
			return profile
		}
		s.unknownProfile(p, source.key.kind+" "+source.key.namespace+"/"+source.key.name, source.name)
	}
	return usage.DefaultProfile(p.owner.kind)
}

func (s *store) unknownProfile(p *pod, source, name string) {
	s.reports.onPod(p, reasonProfile, fmt.Sprintf("There is no profile %q (annotation %s of %s). The profiles are %s.",
		name, profileAnnotation, source, usage.ProfileNames()))
}

// setProfile is for a pod that nobody else has yet.
func (p *pod) setProfile(seed uint64, profile usage.Profile) {
	if p.profile == profile {
		return
	}
	p.profile = profile
	p.sandbox = usage.NewSandbox(seed, p.slot, profile)
	for i := range p.containers {
		p.containers[i].setProfile(seed, profile)
	}
}
