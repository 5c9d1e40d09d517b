// Package plan is what bringing an environment up will do, as a value: its
// components with how they run, its files, and how it is run besides.
package plan

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/cluster"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/portforward"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/telemetry"
)

// startLimit is how long an environment may take to start, and pullLimit what it
// may take longer if images have to come from far away.
const (
	startLimit = 10 * time.Minute
	pullLimit  = 30 * time.Minute
)

// Plan is printed as JSON by `up --dry-run`: the same file and ports give the same
// plan. Making it has no side effects.
type Plan struct {
	Environment v1alpha1.Environment `json:"environment"`
	Folder      string               `json:"folder"`
	// Internal are the ports that only the components use among themselves.
	Internal map[string]int `json:"internalPorts"`
	// Components are in the order of their needs.
	Components []Component `json:"components"`
	// Network is the Docker network of the containers; "" for a kind without.
	Network string `json:"network,omitempty"`
	// K3d is what k3d makes; nil for a kind without.
	K3d any `json:"k3d,omitempty"`
	// Files are the rendered configurations, by absolute path.
	Files map[string]string `json:"files"`

	Running `json:"-"`
}

// Running is how an environment is run, apart from its components.
type Running struct {
	// Endpoints are the addresses that users know.
	Endpoints control.Endpoints
	// Telemetry says where its flow is read.
	Telemetry telemetry.Sources
	// Cluster is counted and scaled.
	Cluster *cluster.Cluster
	// CheckFiles says early which of the user's files the kind would refuse late,
	// Check what else, outside the folder, would keep it from starting.
	CheckFiles func() error
	Check      func(ctx context.Context) error
	// Connect comes before the components are made, Prepare before they start.
	Connect func(ctx context.Context) error
	Prepare func() error
	// Release removes what is left when all components have stopped. It may be
	// called without a Connect.
	Release func(keepVolumes bool) error
	// Members are what a real cluster is made of, Forwards the ports of 127.0.0.1
	// that lead to pods, Warnings what does not keep the environment from running.
	Members  func() []control.ComponentStatus
	Forwards func() []portforward.Status
	Warnings func() []string
}

// New returns a plan of no components, whose kind has nothing of its own to check,
// prepare or report.
func New(env v1alpha1.Environment, folder state.Folder, internal map[string]int) *Plan {
	return &Plan{
		Environment: env, Folder: folder.Path, Internal: internal, Files: map[string]string{},
		Running: Running{
			CheckFiles: func() error { return nil },
			Check:      func(context.Context) error { return nil },
			Connect:    func(context.Context) error { return nil },
			Prepare:    func() error { return nil },
			Release:    func(bool) error { return nil },
			Members:    func() []control.ComponentStatus { return nil },
			Forwards:   func() []portforward.Status { return nil },
			Warnings:   func() []string { return nil },
		},
	}
}

// Add adds components, each after those that it needs.
func (p *Plan) Add(components ...Component) { p.Components = append(p.Components, components...) }

// ContainerNames are the names that the plan's containers will have.
func (p *Plan) ContainerNames() []string {
	var names []string
	for _, c := range p.containers() {
		names = append(names, c.Name)
	}
	return names
}

// Volumes are the names of the volumes that the plan's containers use.
func (p *Plan) Volumes() []string {
	var names []string
	for _, c := range p.containers() {
		for _, m := range c.Mounts {
			if !filepath.IsAbs(m.Source) {
				names = append(names, m.Source)
			}
		}
	}
	return names
}

func (p *Plan) containers() []Container {
	var all []Container
	for _, c := range p.Components {
		if container, ok := c.Runs.(Container); ok {
			all = append(all, container)
		}
	}
	return all
}

// StartLimit is how long the environment may take to start.
func (p *Plan) StartLimit() time.Duration {
	if p.Network != "" {
		return startLimit + pullLimit
	}
	return startLimit
}

// WriteFiles writes the rendered configurations.
func (p *Plan) WriteFiles() error {
	for _, path := range slices.Sorted(maps.Keys(p.Files)) {
		if err := state.WriteConfig(path, []byte(p.Files[path])); err != nil {
			return err
		}
	}
	return nil
}
