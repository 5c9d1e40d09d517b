package dockertest

import (
	"encoding/json"
	"net/http"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// AddNetwork makes a network; labels say whose it is.
func (e *Engine) AddNetwork(name string, labels map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.networks[name] = labelled{e.newID(), labels}
}

// AddVolume makes a volume; labels say whose it is.
func (e *Engine) AddVolume(name string, labels map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.volumes[name] = labels
}

func (e *Engine) createNetwork(w http.ResponseWriter, r *http.Request) error {
	var asked network.CreateRequest
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return err
	}
	if _, ok := e.networks[asked.Name]; ok {
		return refuse(http.StatusConflict, "network with name %s already exists", asked.Name)
	}
	made := labelled{e.newID(), asked.Labels}
	e.networks[asked.Name] = made
	return send(w, http.StatusCreated, network.CreateResponse{ID: made.id})
}

// network returns the name of a network that is asked for by its name or ID.
func (e *Engine) network(r *http.Request) (string, error) {
	asked := r.PathValue("id")
	for name, n := range e.networks {
		if name == asked || sameID(n.id, asked) {
			return name, nil
		}
	}
	return "", refuse(http.StatusNotFound, "network %s not found", asked)
}

// describe says that the network's gateway is loopback, an address that every
// machine has.
func (e *Engine) describe(name string) network.Inspect {
	n := e.networks[name]
	return network.Inspect{
		ID: n.id, Name: name, Driver: "bridge", Labels: n.labels,
		IPAM: network.IPAM{Config: []network.IPAMConfig{{Subnet: "127.0.0.0/8", Gateway: "127.0.0.1"}}},
	}
}

func (e *Engine) inspectNetwork(w http.ResponseWriter, r *http.Request) error {
	name, err := e.network(r)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, e.describe(name))
}

func (e *Engine) listNetworks(w http.ResponseWriter, r *http.Request) error {
	wanted, err := filters.FromJSON(r.FormValue("filters"))
	if err != nil {
		return err
	}
	all := []network.Inspect{}
	for name, n := range e.networks {
		if wanted.MatchKVList("label", n.labels) {
			all = append(all, e.describe(name))
		}
	}
	return send(w, http.StatusOK, all)
}

func (e *Engine) removeNetwork(w http.ResponseWriter, r *http.Request) error {
	name, err := e.network(r)
	if err != nil {
		return err
	}
	for _, c := range e.containers {
		if c.Running && c.Network == name {
			return refuse(http.StatusForbidden, "error while removing network: network %s has active endpoints "+
				`(name:"%s")`, name, c.Name)
		}
	}
	delete(e.networks, name)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (e *Engine) listVolumes(w http.ResponseWriter, r *http.Request) error {
	wanted, err := filters.FromJSON(r.FormValue("filters"))
	if err != nil {
		return err
	}
	var all volume.ListResponse
	for name, labels := range e.volumes {
		if wanted.MatchKVList("label", labels) {
			all.Volumes = append(all.Volumes, &volume.Volume{Name: name, Labels: labels})
		}
	}
	return send(w, http.StatusOK, all)
}

func (e *Engine) inspectVolume(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("id")
	labels, ok := e.volumes[name]
	if !ok {
		return refuse(http.StatusNotFound, "get %s: no such volume", name)
	}
	return send(w, http.StatusOK, volume.Volume{Name: name, Labels: labels})
}

func (e *Engine) removeVolume(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("id")
	if _, ok := e.volumes[name]; !ok {
		return refuse(http.StatusNotFound, "get %s: no such volume", name)
	}
	for _, c := range e.containers {
		for _, m := range c.Host.Mounts {
			if m.Source == name {
				return refuse(http.StatusConflict, "remove %s: volume is in use - [%s]", name, c.ID)
			}
		}
	}
	delete(e.volumes, name)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
