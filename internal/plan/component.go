package plan

import (
	"context"
	"encoding/json"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/rollout"
	"github.com/diorama-lab/diorama/internal/state"
)

// Component is one component of a plan.
type Component struct {
	Name string
	// Needs are the components that have to be ready before.
	Needs []string
	// Runs is how it runs: a Process, a Container, a Workload or a Step, of which
	// KubeContext is one.
	Runs Runner
	// Probe asks it whether it works, for as long as it is there; nil where
	// nothing can be asked.
	Probe Probe
}

// Probe asks a component's own API whether it works. It ends with ctx.
type Probe func(ctx context.Context) error

// Runner makes what runs of a planned component.
type Runner interface {
	make(c Component, h Host) component.Component
	describe(d *description)
}

// Host is what components find around them, whoever runs the plan.
type Host struct {
	// Executable is what processes run.
	Executable string
	// Folder is the environment's; it takes the logs.
	Folder state.Folder
	// Waits tells whether something that a component needs does not work.
	Waits func(component string) bool
	// Report takes how far a component is while it starts.
	Report func(component, text string)
	// Context is the change to the user's kubeconfig, nil if there is none;
	// SetContext writes it down, so that it is known after a crash.
	Context    func() *state.Context
	SetContext func(*state.Context) error
}

// Make returns the component, which is not started.
func (c Component) Make(h Host) component.Component { return c.Runs.make(c, h) }

func (h Host) waits(name string) func() bool {
	return func() bool { return h.Waits(name) }
}

func (h Host) report(name string) func(string) {
	return func(text string) { h.Report(name, text) }
}

// description is what is printed of a component.
type description struct {
	Name      string       `json:"name"`
	Needs     []string     `json:"needs,omitempty"`
	Args      []string     `json:"args,omitempty"`
	Env       []string     `json:"env,omitempty"`
	Does      string       `json:"does,omitempty"`
	Container *docker.Spec `json:"container,omitempty"`
}

// MarshalJSON prints what the component is, and how it runs as far as that is a
// value: a process its arguments and what is added to its environment, a container
// its spec, the others what they do.
func (c Component) MarshalJSON() ([]byte, error) {
	d := description{Name: c.Name, Needs: c.Needs}
	c.Runs.describe(&d)
	return json.Marshal(d)
}

// Process is a child process of this executable: a verb, and what follows it.
type Process struct {
	Args []string
	// Env is added to its environment.
	Env []string
}

func (p Process) describe(d *description) { d.Args, d.Env = p.Args, p.Env }

func (p Process) make(c Component, h Host) component.Component {
	return component.NewProcess(component.ProcessConfig{
		Name: c.Name, Needs: c.Needs, Path: h.Executable, Args: p.Args, Env: p.Env,
		Log: h.Folder.Log(c.Name), Probe: c.Probe, Waits: h.waits(c.Name),
	})
}

// Container is a container of the environment's network.
type Container struct {
	docker.Spec
	shared *containers.Shared
}

// NewContainer names a container after its component.
func NewContainer(shared *containers.Shared, name string, spec docker.Spec) Container {
	spec.Name, spec.Network, spec.Alias = shared.Name+"-"+name, shared.Name, name
	return Container{spec, shared}
}

func (n Container) describe(d *description) { d.Container = &n.Spec }

func (n Container) make(c Component, h Host) component.Component {
	return component.NewContainer(component.ContainerConfig{
		Name: c.Name, Needs: c.Needs, Log: h.Folder.Log(c.Name), Image: n.Image, Engine: n.shared,
		// The network and the images are there when the first container is made,
		// not before.
		Create: func(ctx context.Context) (string, error) { return n.shared.Create(ctx, n.Spec) },
		Probe:  c.Probe, Waits: h.waits(c.Name),
	})
}

// Workload is what runs in the cluster: objects that are applied, and waited for.
type Workload struct {
	Does string
	// Config says what is applied; its name, needs and report are the component's.
	Config rollout.WorkloadConfig
}

func (w Workload) describe(d *description) { d.Does = w.Does }

func (w Workload) make(c Component, h Host) component.Component {
	config := w.Config
	config.Name, config.Needs, config.Report = c.Name, c.Needs, h.report(c.Name)
	return rollout.NewWorkload(config)
}

// Step is done once, and taken back when the environment goes down.
type Step struct {
	Does string
	// Do is the work; it ends with ctx.
	Do func(ctx context.Context, report func(text string)) error
	// Undo takes back what Do made outside the environment's folder; nil if there
	// is nothing of the kind. It must bear a Do that failed.
	Undo func(ctx context.Context) error
	// Again brings back what does not answer the component's probe any more; nil
	// where nothing but time can. It is called after GivenUp missed answers in a
	// row; 0 is the usual number.
	Again   func(ctx context.Context) error
	GivenUp int
}

func (s Step) describe(d *description) { d.Does = s.Does }

func (s Step) make(c Component, h Host) component.Component {
	return &component.Step{
		StepName: c.Name, StepNeeds: c.Needs, Do: s.Do, Report: h.report(c.Name), Undo: s.Undo,
		Probe: c.Probe, Again: s.Again, Waits: h.waits(c.Name), Patience: component.Patience{GivenUp: s.GivenUp},
	}
}
