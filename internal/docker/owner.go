package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/diorama-lab/diorama/internal/wait"
)

// The labels of all that is made for an owner.
const (
	labelEnvironment = "diorama.dev/environment"
	labelFolder      = "diorama.dev/folder"
)

// Owner is whom containers, networks and volumes are made for. Two
// environments of one name have different folders.
type Owner struct {
	// Environment is a name for people, Folder an absolute path.
	Environment, Folder string
}

// Labels are those of all that is made for the owner; what has them is removed
// with it.
func (o Owner) Labels() map[string]string {
	return map[string]string{labelEnvironment: o.Environment, labelFolder: o.Folder}
}

func (o Owner) owns(labels map[string]string) bool {
	return labels[labelEnvironment] == o.Environment && labels[labelFolder] == o.Folder
}

func (o Owner) filter() filters.Args {
	return filters.NewArgs(
		filters.Arg("label", labelEnvironment+"="+o.Environment),
		filters.Arg("label", labelFolder+"="+o.Folder),
	)
}

// TakenError tells that a name is used by something that is not the owner's.
type TakenError struct{ What, Name, About string }

// Error says who has the name and what to do.
func (e *TakenError) Error() string {
	return fmt.Sprintf("the %s name %s is taken by one that this environment did not make%s, which is left alone: "+
		"remove or rename it, or bring the environment up under another --name", e.What, e.Name, e.About)
}

func short(id string) string {
	if len(id) != 64 {
		return id // it is a name
	}
	return id[:12]
}

// CheckNames returns an error for each name of a container, network or volume
// that belongs to somebody else.
func (e *Engine) CheckNames(ctx context.Context, owner Owner, containers, networks, volumes []string) error {
	var problems []error
	for _, name := range containers {
		problems = append(problems, e.checkContainerName(ctx, owner, name))
	}
	for _, name := range networks {
		found, err := e.client.NetworkInspect(ctx, name, network.InspectOptions{})
		if err == nil && found.Name == name && !owner.owns(found.Labels) {
			err = &TakenError{What: "network", Name: name, About: " (" + short(found.ID) + ")"}
		}
		problems = append(problems, ignoreMissing(err, "looking for the network %s", name))
	}
	for _, name := range volumes {
		found, err := e.client.VolumeInspect(ctx, name)
		if err == nil && !owner.owns(found.Labels) {
			err = &TakenError{What: "volume", Name: name}
		}
		problems = append(problems, ignoreMissing(err, "looking for the volume %s", name))
	}
	return errors.Join(problems...)
}

func (e *Engine) checkContainerName(ctx context.Context, owner Owner, name string) error {
	found, err := e.client.ContainerInspect(ctx, name)
	if err == nil && found.Name == "/"+name && !owner.owns(found.Config.Labels) {
		err = &TakenError{
			What: "container", Name: name, About: fmt.Sprintf(" (%s, of the image %s)", short(found.ID), found.Config.Image),
		}
	}
	return ignoreMissing(err, "looking for the container %s", name)
}

// ignoreMissing explains an error, unless it says that something is not there.
func ignoreMissing(err error, format string, args ...any) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	if taken := new(TakenError); errors.As(err, &taken) {
		return err
	}
	return explain(err, format, args...)
}

// RemoveAll removes the containers and networks of an owner, and the volumes
// too unless they are to be kept. What is not the owner's is not touched.
func (e *Engine) RemoveAll(ctx context.Context, owner Owner, keepVolumes bool) error {
	containers, err := e.client.ContainerList(ctx, container.ListOptions{All: true, Filters: owner.filter()})
	if err != nil {
		return explain(err, "listing the containers of %s", owner.Environment)
	}
	var problems []error
	for _, c := range containers {
		problems = append(problems, e.removeContainer(ctx, c.ID))
	}
	networks, err := e.client.NetworkList(ctx, network.ListOptions{Filters: owner.filter()})
	problems = append(problems, explain(err, "listing the networks of %s", owner.Environment))
	for _, n := range networks {
		problems = append(problems, e.removeNetwork(ctx, n.ID, n.Name))
	}
	if keepVolumes {
		return errors.Join(problems...)
	}
	volumes, err := e.client.VolumeList(ctx, volume.ListOptions{Filters: owner.filter()})
	problems = append(problems, explain(err, "listing the volumes of %s", owner.Environment))
	for _, v := range volumes.Volumes {
		problems = append(problems, ignoreMissing(e.client.VolumeRemove(ctx, v.Name, false),
			"removing the volume %s", v.Name))
	}
	return errors.Join(problems...)
}

// removeContainer removes a container with its anonymous volumes. One that is
// being removed by somebody else is waited for.
func (e *Engine) removeContainer(ctx context.Context, id string) error {
	for {
		err := e.client.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || cerrdefs.IsNotFound(err) {
			return nil
		}
		if !cerrdefs.IsConflict(err) || wait.Pause(ctx, 50*time.Millisecond) != nil {
			return explain(err, "removing the container %s", short(id))
		}
	}
}
