// Package containers is what the containers of one environment share: the engine
// that runs them, their images, their network, and its gateway, where they reach
// what listens on this machine.
package containers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/state"
)

// RemoveLimit bounds how long the removal of what is left may take.
const RemoveLimit = 20 * time.Second

// Shared is made when an environment is planned, and works once it is connected.
type Shared struct {
	*docker.Engine
	// Name is the network's, and the first part of the containers' names.
	Name    string
	Owner   docker.Owner
	Images  Images
	Gateway Gateway
	// Network is there once MakeNetwork has returned.
	Network docker.Network
}

// New returns what the containers of a folder's environment share.
func New(folder state.Folder, network string) *Shared {
	return &Shared{Name: network, Owner: ownerOf(folder)}
}

func ownerOf(folder state.Folder) docker.Owner {
	return docker.Owner{Environment: folder.Name, Folder: folder.Path}
}

// Connect looks for the engine.
func (s *Shared) Connect(ctx context.Context) error {
	engine, err := docker.Connect(ctx)
	s.Engine = engine
	return err
}

// Check says early what would keep containers and volumes of these names from
// being made.
func (s *Shared) Check(ctx context.Context, containers, volumes []string) error {
	engine, err := docker.Connect(ctx)
	if err != nil {
		return err
	}
	err = engine.CheckNames(ctx, s.Owner, containers, []string{s.Name}, volumes)
	return errors.Join(err, engine.Close())
}

// Create makes a container of the network from an image that was ensured.
func (s *Shared) Create(ctx context.Context, spec docker.Spec) (id string, err error) {
	spec.Image = s.Images.Find(spec.Image).Name
	return s.Run(ctx, s.Owner, s.Network, spec)
}

// MakeNetwork comes before all containers, so it removes what an earlier run left
// of them.
func (s *Shared) MakeNetwork(ctx context.Context) error {
	if err := s.RemoveAll(ctx, s.Owner, true); err != nil {
		return err
	}
	network, err := s.CreateNetwork(ctx, s.Owner, s.Name)
	s.Network = network
	return err
}

// RemoveNetwork removes all but the volumes, which a later up may go on from.
func (s *Shared) RemoveNetwork(ctx context.Context) error {
	return s.RemoveAll(ctx, s.Owner, true)
}

// Release removes what is left, the volumes too unless they are to be kept, and
// ends the connection to the engine.
func (s *Shared) Release(keepVolumes bool) error {
	if s.Engine == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), RemoveLimit)
	defer cancel()
	return errors.Join(s.RemoveAll(ctx, s.Owner, keepVolumes), s.Close())
}

// Remove removes what an environment whose supervisor is gone left in Docker.
func Remove(ctx context.Context, folder state.Folder, keepVolumes bool) error {
	engine, err := docker.Connect(ctx)
	if err != nil {
		return fmt.Errorf("removing the containers of %s: %w", folder.Name, err)
	}
	return errors.Join(engine.RemoveAll(ctx, ownerOf(folder), keepVolumes), engine.Close())
}
