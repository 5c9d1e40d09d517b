package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"
)

// logBytes bounds the log that the engine keeps of a container.
const logBytes = "16m"

// Spec describes a container. It is a plain value: a plan can print it.
type Spec struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	// Args follow the image's entry point; none leaves those of the image.
	Args []string `json:"args,omitempty"`
	Env  []string `json:"env,omitempty"`
	// Network is the name of an owner's network; Alias is what its other
	// containers call this one.
	Network string `json:"network"`
	Alias   string `json:"alias"`
	// AsUser runs the container as the user of this process, so that it can
	// read what only the user may read.
	AsUser bool `json:"asUser,omitempty"`
	// Privileged lets the container do what root of this machine may do.
	Privileged bool `json:"privileged,omitempty"`
	// ProcessesOf is the name of a container whose processes this one sees
	// alongside its own. It ends when that one does.
	ProcessesOf string  `json:"processesOf,omitempty"`
	Mounts      []Mount `json:"mounts,omitempty"`
	Ports       []Port  `json:"ports,omitempty"`
}

// Mount shows a folder or file of this machine (an absolute path), or a
// volume (a name), in a container.
type Mount struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// Port publishes a container's port on this machine's 127.0.0.1.
type Port struct {
	Host      int `json:"host"`
	Container int `json:"container"`
}

// Run makes a container and starts it. One of that name which an earlier run
// of the same owner left is replaced. It returns the container's ID.
func (e *Engine) Run(ctx context.Context, owner Owner, n Network, spec Spec) (string, error) {
	if err := e.checkContainerName(ctx, owner, spec.Name); err != nil {
		return "", err
	}
	if err := e.Remove(ctx, spec.Name); err != nil {
		return "", err
	}
	config := &container.Config{
		Image: spec.Image, Cmd: spec.Args, Env: spec.Env, Labels: owner.Labels(), ExposedPorts: nat.PortSet{},
		User: e.user(spec),
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(n.Name), Privileged: spec.Privileged,
		ExtraHosts: []string{HostName + ":" + n.hostAddress}, PortBindings: nat.PortMap{},
		// Where SELinux is at work, it would keep containers from our folders.
		SecurityOpt: []string{"no-new-privileges", "label=disable"},
		LogConfig:   container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": logBytes}},
	}
	if spec.ProcessesOf != "" {
		host.PidMode = container.PidMode("container:" + spec.ProcessesOf)
	}
	for _, p := range spec.Ports {
		port := nat.Port(strconv.Itoa(p.Container) + "/tcp")
		config.ExposedPorts[port] = struct{}{}
		host.PortBindings[port] = []nat.PortBinding{{HostIP: "127.0.0.1", HostPort: strconv.Itoa(p.Host)}}
	}
	for _, m := range spec.Mounts {
		host.Mounts = append(host.Mounts, m.toDocker(owner))
	}
	networks := &network.NetworkingConfig{
		EndpointsConfig: map[string]*network.EndpointSettings{n.Name: {Aliases: []string{spec.Alias}}},
	}
	making, cancel := uncut(ctx)
	defer cancel()
	created, err := e.client.ContainerCreate(making, config, host, networks, nil, spec.Name)
	if err != nil {
		return "", explain(err, "making the container %s of the image %s", spec.Name, spec.Image)
	}
	err = explain(e.client.ContainerStart(making, created.ID, container.StartOptions{}),
		"starting the container %s of the image %s", spec.Name, spec.Image)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return "", errors.Join(err, e.removeContainer(making, created.ID))
	}
	return created.ID, nil
}

// user is who runs in a container; empty leaves it to the image.
func (e *Engine) user(spec Spec) string {
	switch {
	case !spec.AsUser:
		return ""
	case e.rootless:
		return "0:0" // the user himself, seen from inside
	}
	return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
}

func (m Mount) toDocker(owner Owner) mount.Mount {
	if m.Source[0] == '/' {
		return mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
	}
	return mount.Mount{
		Type: mount.TypeVolume, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly,
		VolumeOptions: &mount.VolumeOptions{Labels: owner.Labels()},
	}
}

// Stop asks a container to end, kills it after a number of seconds, and
// removes it. A container that is gone is no error.
func (e *Engine) Stop(ctx context.Context, id string, seconds int) error {
	err := e.client.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds})
	if err != nil && !cerrdefs.IsNotFound(err) && ctx.Err() == nil {
		// Removing it ends it too.
		return errors.Join(explain(err, "stopping the container %s", short(id)), e.removeContainer(ctx, id))
	}
	return e.removeContainer(context.WithoutCancel(ctx), id)
}

// Remove removes a container, by name or ID, if it is there.
func (e *Engine) Remove(ctx context.Context, id string) error { return e.removeContainer(ctx, id) }

// Signal sends a signal, such as HUP, to a container's first process.
func (e *Engine) Signal(ctx context.Context, id, signal string) error {
	return explain(e.client.ContainerKill(ctx, id, signal), "sending %s to the container %s", signal, short(id))
}

// Wait returns when a container has ended, with its exit code.
func (e *Engine) Wait(ctx context.Context, id string) (int, error) {
	ended, failed := e.client.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case answer := <-ended:
		if answer.Error != nil {
			return 0, errors.New(answer.Error.Message)
		}
		return int(answer.StatusCode), nil
	case err := <-failed:
		return 0, explain(err, "waiting for the end of the container %s", short(id))
	}
}

// Logs copies what a container says, from its start, until it ends or ctx does.
func (e *Engine) Logs(ctx context.Context, id string, to io.Writer) error {
	stream, err := e.client.ContainerLogs(ctx, id, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Follow: true,
	})
	if err != nil {
		return explain(err, "reading the log of the container %s", short(id))
	}
	defer stream.Close()
	if _, err := stdcopy.StdCopy(to, to, stream); err != nil && ctx.Err() == nil {
		return explain(err, "reading the log of the container %s", short(id))
	}
	return nil
}

// Found is a container of an owner's.
type Found struct {
	// Status is the engine's words for State, such as "Up 3 minutes".
	ID, Name, Image, State, Status string
}

// Containers lists the containers of an owner by name, also those that have
// ended.
func (e *Engine) Containers(ctx context.Context, owner Owner) ([]Found, error) {
	list, err := e.client.ContainerList(ctx, container.ListOptions{All: true, Filters: owner.filter()})
	if err != nil {
		return nil, explain(err, "listing the containers of %s", owner.Environment)
	}
	found := make([]Found, 0, len(list))
	for _, c := range list {
		name := strings.TrimPrefix(strings.Join(c.Names, " "), "/")
		found = append(found, Found{ID: c.ID, Name: name, Image: c.Image, State: string(c.State), Status: c.Status})
	}
	slices.SortFunc(found, func(a, b Found) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// Memory returns what a container holds, without the cache of files that it
// could give back: in bytes, 0 if it is gone.
func (e *Engine) Memory(ctx context.Context, id string) uint64 {
	response, err := e.client.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	var stats container.StatsResponse
	if json.NewDecoder(response.Body).Decode(&stats) != nil {
		return 0
	}
	m := stats.MemoryStats
	// Version 1 of control groups has the first name, version 2 the other.
	cache := max(m.Stats["total_inactive_file"], m.Stats["inactive_file"])
	return m.Usage - min(cache, m.Usage)
}

// Contains tells whether an address is a container's on the network, or this
// machine's own there.
func (n Network) Contains(address netip.Addr) bool { return n.Subnet.Contains(address.Unmap()) }
