// Package environment brings environments up and down: the plan of one, the
// recipe of each kind, the supervisor that keeps it running, and what a
// command asks of that supervisor.
package environment

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/state"
)

// Plan is all that bringing an environment up will do, as a value: the same
// file and ports give the same plan.
type Plan struct {
	Environment v1alpha1.Environment `json:"environment"`
	Folder      string               `json:"folder"`
	// Internal are the ports that only the components use among themselves.
	Internal   map[string]int `json:"internalPorts"`
	Components []Planned      `json:"components"`
	// Network is the Docker network of the containers; "" for a kind without.
	Network string `json:"network,omitempty"`
	// K3d is what the kind k3d makes; nil for the others.
	K3d *K3dPlan `json:"k3d,omitempty"`
	// Files are the rendered configurations, by absolute path.
	Files map[string]string `json:"files"`
}

// Planned is one component of a plan.
type Planned struct {
	Name  string   `json:"name"`
	Needs []string `json:"needs,omitempty"`
	// Args is the command line after the executable; a step has none.
	Args []string `json:"args,omitempty"`
	// Env is added to the environment of the process.
	Env []string `json:"env,omitempty"`
	// Does says what a step does.
	Does string `json:"does,omitempty"`
	// Container is what runs in place of a process.
	Container *docker.Spec `json:"container,omitempty"`
}

// program adds a process of this executable: the verb that runs the component
// and its arguments.
func (p *Plan) program(name string, needs []string, args []string, env ...string) {
	p.Components = append(p.Components, Planned{Name: name, Needs: needs, Args: append([]string{commandOf(name)}, args...), Env: env})
}

// step adds something to be done once.
func (p *Plan) step(name, does string, needs ...string) {
	p.Components = append(p.Components, Planned{Name: name, Needs: needs, Does: does})
}

// container adds a container of the environment's network.
func (p *Plan) container(name string, needs []string, spec docker.Spec) {
	spec.Name, spec.Network, spec.Alias = p.Network+"-"+name, p.Network, name
	p.Components = append(p.Components, Planned{Name: name, Needs: needs, Container: &spec})
}

// containerNames are the names that the plan's containers have.
func (p Plan) containerNames() []string {
	names := p.K3d.nodeNames()
	for _, c := range p.Components {
		if c.Container != nil {
			names = append(names, c.Container.Name)
		}
	}
	return names
}

// images are those of the plan's containers and pods, each once, in the order
// in which they are needed.
func (p Plan) images() []string {
	var images []string
	add := func(image string) {
		if !slices.Contains(images, image) {
			images = append(images, image)
		}
	}
	for _, image := range p.K3d.images() {
		add(image)
	}
	for _, c := range p.Components {
		if c.Container != nil {
			add(c.Container.Image)
		}
	}
	return images
}

// volumes are the names of the volumes that the plan's containers use.
func (p Plan) volumes() []string {
	var names []string
	for _, c := range p.Components {
		if c.Container == nil {
			continue
		}
		for _, m := range c.Container.Mounts {
			if !filepath.IsAbs(m.Source) {
				names = append(names, m.Source)
			}
		}
	}
	return names
}

// internalPorts are the names of the ports that users need not know.
var internalPorts = []string{
	"etcdClient", "etcdPeer", "controllerManager", "scheduler", "kubeletTunnel", "kwokHealth",
	"clusterCollectorHealth", "clusterCollectorSelf", "nodeCollectorHealth", "nodeCollectorSelf", lgtmCollectorSelf,
	"beylaMetrics",
}

// lgtmCollectorSelf is the port that leads to the own metrics of the collector
// in LGTM.
const lgtmCollectorSelf = "lgtmCollectorSelf"

// NewPlan plans an environment. It has no side effects.
func NewPlan(env v1alpha1.Environment, folder state.Folder, internal map[string]int) (Plan, error) {
	plan := Plan{Environment: env, Folder: folder.Path, Internal: internal, Files: map[string]string{}}
	switch env.Kind {
	case v1alpha1.Embedded:
		return planEmbedded(plan, folder)
	case v1alpha1.Kwok:
		return planKwok(plan, folder)
	case v1alpha1.K3d:
		return planK3d(plan, folder)
	default:
		return plan, fmt.Errorf("kind %q: this diorama brings up %q", env.Kind, v1alpha1.Kinds())
	}
}

// DryPlan plans an environment without picking ports: those to be picked are 0.
func DryPlan(env v1alpha1.Environment, folder state.Folder) (Plan, error) {
	internal := map[string]int{}
	for _, name := range internalPorts {
		internal[name] = 0
	}
	return NewPlan(env, folder, internal)
}

// WriteFiles writes the rendered configurations.
func (p Plan) WriteFiles() error {
	for _, path := range slices.Sorted(maps.Keys(p.Files)) {
		if err := writeConfig(path, []byte(p.Files[path])); err != nil {
			return err
		}
	}
	return nil
}

func writeConfig(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", path, err)
	}
	return state.WriteFile(path, data)
}

// pickPorts fills in the ports that are 0 and returns the internal ones.
func pickPorts(env *v1alpha1.Environment) (map[string]int, error) {
	open := env.Ports.Open()
	free, err := state.FreePorts(len(open) + len(internalPorts))
	if err != nil {
		return nil, err
	}
	for i, port := range open {
		*port = free[i]
	}
	internal := map[string]int{}
	for i, name := range internalPorts {
		internal[name] = free[len(open)+i]
	}
	return internal, nil
}

// loopback returns host:port on the loopback address.
func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
