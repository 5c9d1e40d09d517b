// Package component holds the contract that every part of an environment
// keeps, and what starts, watches and stops such parts: Group for their order,
// Process for those that are child processes.
package component

import (
	"context"
	"time"
)

// Component is one part of an environment that can be started, probed and
// stopped.
//
// A constructor of a Component has no side effects. Everything a Component
// makes (processes, goroutines, ports, files outside its data folder) is gone
// when Stop has returned.
type Component interface {
	// Name is unique in an environment; it names the log file too.
	Name() string
	// Needs lists the names of the components that have to be ready before
	// Start is called.
	Needs() []string
	// Start begins the component's work and returns without waiting for it
	// to be ready. ctx bounds the start-up only: the component lives on
	// after ctx has ended.
	Start(ctx context.Context) error
	// Ready returns nil once the component answers for itself, and an error
	// when it cannot become ready or ctx has ended.
	Ready(ctx context.Context) error
	// Stop ends the component. It may be called more than once, and after a
	// Start that failed or never happened. ctx bounds how long it is asked
	// politely.
	Stop(ctx context.Context) error
}

// Phase is where in its life a component is.
type Phase string

// The phases of a component.
const (
	Waiting  Phase = "Waiting"
	Starting Phase = "Starting"
	Ready    Phase = "Ready"
	// NotReady runs, but has not answered for a while.
	NotReady   Phase = "NotReady"
	Restarting Phase = "Restarting"
	Stopping   Phase = "Stopping"
	Stopped    Phase = "Stopped"
	Failed     Phase = "Failed"
)

// Status is what a component says of itself at one moment.
type Status struct {
	Name      string        `json:"name"`
	Phase     Phase         `json:"phase"`
	PID       int           `json:"pid,omitempty"`
	Restarts  int           `json:"restarts"`
	StartedIn time.Duration `json:"-"`
	Log       string        `json:"log,omitempty"`
	Message   string        `json:"message,omitempty"`
	// Container is the ID of a component that is one, Image what it runs.
	Container string `json:"container,omitempty"`
	Image     string `json:"image,omitempty"`
	// Pod is NAMESPACE/NAME of one that runs in a cluster.
	Pod string `json:"pod,omitempty"`
}
