// Package kinds holds the kinds of environments, each a value in a file of its
// own: what its components are and in which order they come, where its endpoints
// are, how its telemetry flows, what it refuses, and what it cleans up. Nothing
// else asks which kind an environment is of.
package kinds

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// Kind is one kind of environment.
type Kind struct {
	Name v1alpha1.Kind
	// Ports are the names of the ports that only its components use among
	// themselves.
	Ports []string
	// Plan composes the components, and says how the environment is run.
	Plan func(p *plan.Plan, folder state.Folder) error
	// Collectors are the collectors whose configurations `config collector` prints
	// if none is named: cluster, or cluster and nodes. CollectorFile is where the
	// rendered configuration of one is; different names may mean the same.
	Collectors    []string
	CollectorFile func(folder state.Folder, which string) string
	// OwnPage tells that the dashboards are shown by diorama's page.
	OwnPage bool
	// CleanUp removes what a supervisor that is gone has left outside the folder.
	// What is minor need not keep the folder there.
	CleanUp func(ctx context.Context, folder state.Folder, env v1alpha1.Environment, keepData bool) (minor, err error)
}

// All are the kinds that there are.
func All() []Kind { return []Kind{embedded(), kwok(), k3dKind()} }

// Of returns the kind of a name.
func Of(name v1alpha1.Kind) (Kind, error) {
	for _, k := range All() {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, fmt.Errorf("kind %q: this diorama brings up %q", name, v1alpha1.Kinds())
}

// NewPlan plans an environment. It has no side effects.
func NewPlan(env v1alpha1.Environment, folder state.Folder, internal map[string]int) (*plan.Plan, error) {
	kind, err := Of(env.Kind)
	if err != nil {
		return nil, err
	}
	p := plan.New(env, folder, internal)
	return p, kind.Plan(p, folder)
}

// DryPlan plans an environment without picking ports: those to be picked are 0.
func DryPlan(env v1alpha1.Environment, folder state.Folder) (*plan.Plan, error) {
	kind, err := Of(env.Kind)
	if err != nil {
		return nil, err
	}
	internal := map[string]int{}
	for _, name := range kind.Ports {
		internal[name] = 0
	}
	return NewPlan(env, folder, internal)
}

// PickPorts fills in the ports that are 0 and returns the internal ones.
func PickPorts(env *v1alpha1.Environment, ports *state.Ports) (map[string]int, error) {
	kind, err := Of(env.Kind)
	if err != nil {
		return nil, err
	}
	open := env.Ports.Open()
	free, err := ports.Pick(len(open)+len(kind.Ports), env.Ports.List())
	if err != nil {
		return nil, err
	}
	for i, port := range open {
		*port = free[i]
	}
	internal := map[string]int{}
	for i, name := range kind.Ports {
		internal[name] = free[len(open)+i]
	}
	return internal, nil
}

// CollectorConfig returns the configuration of a collector of diorama's, cluster or
// nodes: what a running environment uses, else what the environment would use.
// Ports that are picked at start are 0 then.
func CollectorConfig(env v1alpha1.Environment, folder state.Folder, which string) (string, error) {
	env.Telemetry.Collectors = v1alpha1.Collectors{}
	kind, err := Of(env.Kind)
	if err != nil {
		return "", err
	}
	p, err := DryPlan(env, folder)
	if err != nil {
		return "", err
	}
	path := kind.CollectorFile(folder, which)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p.Files[path], nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the collector's configuration: %w", err)
	}
	return string(data), nil
}
