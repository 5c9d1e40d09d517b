package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/docker/docker/api/types/network"
)

// HostName is the name under which containers reach this machine.
const HostName = "host.docker.internal"

// Network is a bridge of an owner's containers.
type Network struct {
	ID, Name string
	// Gateway is the address of this machine on the network, valid only if
	// the engine runs on this machine itself. Where it runs in a virtual
	// machine, HostName stands for this machine's loopback.
	Gateway netip.Addr
	// Subnet is the range of the containers' addresses.
	Subnet netip.Prefix
	// hostAddress is what HostName stands for in containers.
	hostAddress string
}

// CreateNetwork makes a bridge. On an error nothing is left of it.
func (e *Engine) CreateNetwork(ctx context.Context, owner Owner, name string) (Network, error) {
	making, cancel := uncut(ctx)
	defer cancel()
	created, err := e.client.NetworkCreate(making, name, network.CreateOptions{Driver: "bridge", Labels: owner.Labels()})
	if err != nil {
		return Network{}, explain(err, "making the network %s", name)
	}
	n, err := e.describeNetwork(making, created.ID)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return n, errors.Join(err, e.removeNetwork(making, created.ID, name))
	}
	return n, nil
}

func (e *Engine) describeNetwork(ctx context.Context, id string) (Network, error) {
	found, err := e.client.NetworkInspect(ctx, id, network.InspectOptions{})
	if err != nil {
		return Network{}, explain(err, "looking at the network")
	}
	n := Network{ID: found.ID, Name: found.Name}
	for _, config := range found.IPAM.Config {
		subnet, err := netip.ParsePrefix(config.Subnet)
		if err != nil || !subnet.Addr().Is4() {
			continue
		}
		gateway, err := netip.ParseAddr(config.Gateway)
		if err != nil {
			// Engines leave the default, the first address, unsaid.
			gateway = subnet.Masked().Addr().Next()
		}
		n.Subnet, n.Gateway = subnet, gateway
		return e.placeHost(n)
	}
	return n, fmt.Errorf("the network %s has no IPv4 range", n.Name)
}

// placeHost finds how containers reach this machine.
func (e *Engine) placeHost(n Network) (Network, error) {
	switch {
	case ours(n.Gateway):
		n.hostAddress = n.Gateway.String()
		return n, nil
	case e.virtual:
		n.Gateway, n.hostAddress = netip.Addr{}, "host-gateway"
		return n, nil
	}
	return n, &Error{
		Doing: "using the Docker engine at " + e.endpoint.String(),
		Cause: fmt.Errorf("the gateway %s of its network is no address of this machine: it runs without root, "+
			"or elsewhere, and containers cannot reach the cluster, which is here", n.Gateway),
		Hint: "use an engine that runs on this machine as root: unset DOCKER_HOST, or `docker context use default`",
	}
}

// ours tells whether an address is one of this machine.
func ours(address netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr() == address {
			return true
		}
	}
	return false
}

func (e *Engine) removeNetwork(ctx context.Context, id, name string) error {
	return ignoreMissing(e.client.NetworkRemove(ctx, id), "removing the network %s", name)
}
