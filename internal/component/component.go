// Package component holds the contract that every component of an environment
// keeps, and what starts, watches and stops components: Group for their order,
// Process and Container for those that run on this machine, Step for what is
// done once. Package componenttest holds each kind of them to the contract.
package component

import (
	"context"
	"time"
)

// Component is what can be started, probed and stopped in an environment.
//
// A constructor of a Component has no side effects. Everything a Component
// makes (processes, containers, goroutines, ports, files outside its data
// folder) is gone when Stop has returned; but what it made in a cluster goes
// with the cluster.
type Component interface {
	// Name is unique in an environment; it names the log file too.
	Name() string
	// Needs lists the names of the components that have to be ready before
	// Start is called.
	Needs() []string
	// Start begins the component's work and returns without waiting for it
	// to be ready. ctx bounds the start-up only: the component lives on
	// after ctx has ended. One that is started is not started again before
	// it was stopped.
	Start(ctx context.Context) error
	// Ready returns nil once the component answers for itself, and an error
	// when it is not started, cannot become ready, is stopped, or ctx has
	// ended. What ended by itself before it was ready cannot become ready,
	// whoever answers in its place.
	Ready(ctx context.Context) error
	// Stop ends the component. It may be called more than once, also at the
	// same time, and after a Start that failed or never happened. What ends
	// meanwhile is not started again. ctx bounds how long it is asked
	// politely. After an error it may be called once more.
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
