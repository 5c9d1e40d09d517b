package dockertest

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/stdcopy"
)

// AddContainer makes a container that runs; labels say whose it is.
func (e *Engine) AddContainer(name, image string, labels map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := e.newID()
	e.containers[id] = &Container{
		ID: id, Name: name, Config: container.Config{Image: image, Labels: labels}, Running: true,
		ended: make(chan struct{}),
	}
}

// Container returns what there is of a container, and whether there is one.
func (e *Engine) Container(name string) (Container, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.find(name)
	if c == nil {
		return Container{}, false
	}
	found := *c
	found.Signals = slices.Clone(c.Signals)
	return found, true
}

// End ends what runs in a container by itself.
func (e *Engine) End(name string, code int64) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.find(name)
	if c == nil {
		e.t.Fatalf("there is no container %s", name)
	}
	c.end(code)
}

func (e *Engine) endAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		c.end(137)
	}
}

func (c *Container) end(code int64) {
	if c.Running {
		c.Running, c.ExitCode = false, code
		close(c.ended)
	}
}

// find returns the container of an ID or a name, nil if there is none.
func (e *Engine) find(name string) *Container {
	for id, c := range e.containers {
		if c.Name == name || sameID(id, name) {
			return c
		}
	}
	return nil
}

func (e *Engine) named(r *http.Request) (*Container, error) {
	name := r.PathValue("id")
	if c := e.find(name); c != nil {
		return c, nil
	}
	return nil, refuse(http.StatusNotFound, "No such container: %s", name)
}

func (e *Engine) listContainers(w http.ResponseWriter, r *http.Request) error {
	wanted, err := filters.FromJSON(r.FormValue("filters"))
	if err != nil {
		return err
	}
	all := []container.Summary{}
	for _, c := range e.containers {
		if !wanted.MatchKVList("label", c.Config.Labels) || !c.Running && !truth(r, "all") {
			continue
		}
		s := container.Summary{
			ID: c.ID, Names: []string{"/" + c.Name}, Image: c.Config.Image, Labels: c.Config.Labels,
			State: container.StateRunning, Status: "Up 3 minutes",
		}
		if !c.Running {
			s.State, s.Status = container.StateExited, "Exited (1) 3 minutes ago"
		}
		all = append(all, s)
	}
	return send(w, http.StatusOK, all)
}

func (e *Engine) createContainer(w http.ResponseWriter, r *http.Request) error {
	var asked container.CreateRequest
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return err
	}
	name := r.FormValue("name")
	if other := e.find(name); other != nil {
		return refuse(http.StatusConflict, `Conflict. The container name "/%s" is already in use by container "%s". `+
			"You have to remove (or rename) that container to be able to reuse that name.", name, other.ID)
	}
	if e.findImage(asked.Image) == nil {
		return refuse(http.StatusNotFound, "No such image: %s", asked.Image)
	}
	for _, m := range asked.HostConfig.Mounts {
		if _, err := os.Stat(m.Source); m.Type == mount.TypeBind && err != nil {
			return refuse(http.StatusBadRequest,
				`invalid mount config for type "bind": bind source path does not exist: %s`, m.Source)
		}
		if m.Type == mount.TypeVolume && e.volumes[m.Source] == nil {
			e.volumes[m.Source] = m.VolumeOptions.Labels
		}
	}
	c := &Container{ID: e.newID(), Name: name, Config: *asked.Config, Host: *asked.HostConfig}
	for network, endpoint := range asked.NetworkingConfig.EndpointsConfig {
		c.Network, c.Aliases = network, endpoint.Aliases
	}
	e.containers[c.ID] = c
	return send(w, http.StatusCreated, container.CreateResponse{ID: c.ID})
}

func (e *Engine) inspectContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{
			ID: c.ID, Name: "/" + c.Name, HostConfig: &c.Host, State: &container.State{Running: c.Running},
		},
		Config: &c.Config,
	})
}

func (e *Engine) startContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	if _, ok := e.networks[c.Network]; !ok {
		return refuse(http.StatusNotFound, "failed to set up container networking: network %s not found", c.Network)
	}
	if whose, shared := strings.CutPrefix(string(c.Host.PidMode), "container:"); shared {
		if other := e.find(whose); other == nil || !other.Running {
			return refuse(http.StatusConflict, "cannot join PID namespace of a non running container: %s", whose)
		}
	}
	for _, other := range e.containers {
		if port := samePort(c, other); other != c && other.Running && port != "" {
			return refuse(http.StatusInternalServerError, "driver failed programming external connectivity on endpoint "+
				"%s: Bind for 127.0.0.1:%s failed: port is already allocated", c.Name, port)
		}
	}
	c.Running, c.ended = true, make(chan struct{})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// samePort is a port of the machine that two containers publish, "" if there is
// none.
func samePort(a, b *Container) string {
	for _, bindings := range a.Host.PortBindings {
		for _, others := range b.Host.PortBindings {
			for _, binding := range bindings {
				if binding.HostPort != "0" && slices.Contains(others, binding) {
					return binding.HostPort
				}
			}
		}
	}
	return ""
}

func (e *Engine) stopContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	c.end(143)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (e *Engine) killContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	if !c.Running {
		return refuse(http.StatusConflict, "cannot kill container: %s: container %s is not running", c.Name, c.ID)
	}
	c.Signals = append(c.Signals, r.FormValue("signal"))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// createExec refuses all commands: there is nothing to run.
func (e *Engine) createExec(_ http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	if !c.Running {
		return refuse(http.StatusConflict, "container %s is not running", c.ID)
	}
	return refuse(http.StatusNotImplemented, "the engine of the test runs no commands")
}

// untilEnd lets others ask while it waits for the end of a container.
func (e *Engine) untilEnd(r *http.Request, c *Container) {
	ended := c.ended
	if ended == nil {
		return // it has not been started
	}
	e.mu.Unlock()
	defer e.mu.Lock()
	select {
	case <-ended:
	case <-r.Context().Done():
	}
}

func (e *Engine) waitContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	begin(w)
	e.untilEnd(r, c)
	return send(w, http.StatusOK, container.WaitResponse{StatusCode: c.ExitCode})
}

// begin sends the header, for a body that takes its time.
func begin(w http.ResponseWriter) {
	w.(http.Flusher).Flush()
}

func (e *Engine) containerLogs(w http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	_, _ = stdcopy.NewStdWriter(w, stdcopy.Stdout).Write([]byte(c.Name + " runs\n"))
	begin(w)
	if truth(r, "follow") {
		e.untilEnd(r, c)
	}
	return nil
}

// Memory is what every container holds, without its cache of files.
const Memory = 30 << 20

func (e *Engine) containerStats(w http.ResponseWriter, r *http.Request) error {
	if _, err := e.named(r); err != nil {
		return err
	}
	const cache = 10 << 20
	return send(w, http.StatusOK, container.StatsResponse{MemoryStats: container.MemoryStats{
		Usage: Memory + cache, Stats: map[string]uint64{"inactive_file": cache},
	}})
}

func (e *Engine) removeContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := e.named(r)
	if err != nil {
		return err
	}
	if c.Running && !truth(r, "force") {
		return refuse(http.StatusConflict, "cannot remove container %s: container is running", c.Name)
	}
	c.end(137)
	delete(e.containers, c.ID)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
