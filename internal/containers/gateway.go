package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/wait"
)

// Target is what listens where only this machine reaches it.
type Target struct {
	// Address is host:port.
	Address string
	// SamePort tells that somebody knows it by the number of its port.
	SamePort bool
}

func (t Target) port() (int, error) {
	_, service, err := net.SplitHostPort(t.Address)
	if err != nil {
		return 0, fmt.Errorf("the address %s: %w", t.Address, err)
	}
	port, err := net.LookupPort("tcp", service)
	if err != nil {
		return 0, fmt.Errorf("the address %s: %w", t.Address, err)
	}
	return port, nil
}

// Gateway takes connections at this machine's address on a Docker network and
// forwards them to targets. It takes those of the network's containers only:
// other containers, and with bad luck other machines, could reach that address
// too.
type Gateway struct {
	mu        sync.Mutex
	listeners []net.Listener
	ctx       context.Context
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// Open returns the port of the gateway that forwards to each target. It is the
// target's own unless that is taken there: most often by the target itself,
// which listens on all addresses. Where the engine takes containers to
// loopback by itself, nothing is opened.
func (g *Gateway) Open(network docker.Network, targets ...Target) ([]int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ctx, g.stop = context.WithCancel(context.Background())
	ports := make([]int, len(targets))
	for i, t := range targets {
		own, err := t.port()
		if err != nil {
			return nil, err
		}
		if !network.Gateway.IsValid() {
			ports[i] = own
			continue
		}
		listener, err := listenAt(network.Gateway, own, t.SamePort)
		if err != nil {
			return nil, fmt.Errorf("listening on the gateway of the network %s; "+
				"end what uses the port, or set another one in the environment file: %w", network.Name, err)
		}
		ports[i] = listener.Addr().(*net.TCPAddr).Port
		g.listeners = append(g.listeners, listener)
		g.running.Go(func() { g.accept(listener, network, t.Address) })
	}
	return ports, nil
}

// listenAt listens on a port of one address, or on any that is free there.
func listenAt(address netip.Addr, port int, samePort bool) (net.Listener, error) {
	listener, err := net.Listen("tcp", netip.AddrPortFrom(address, uint16(port)).String())
	if samePort || !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	return net.Listen("tcp", netip.AddrPortFrom(address, 0).String())
}

// acceptPause is how long no connection is taken after one that could not be.
const acceptPause = 100 * time.Millisecond

func (g *Gateway) accept(listener net.Listener, network docker.Network, address string) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Too many open files, most likely: that passes.
			if wait.Pause(g.ctx, acceptPause) != nil {
				return
			}
			continue
		}
		from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if err != nil || !network.Contains(from.Addr()) {
			_ = conn.Close() // it is refused
			continue
		}
		g.running.Go(func() { g.forward(conn, address) })
	}
}

// forward copies both ways until both sides have said all, or the gateway is closed.
func (g *Gateway) forward(from net.Conn, address string) {
	defer from.Close()
	to, err := (&net.Dialer{}).DialContext(g.ctx, "tcp", address)
	if err != nil {
		return // the caller sees a closed connection, as from a server that is down
	}
	defer to.Close()
	defer context.AfterFunc(g.ctx, func() { _, _ = from.Close(), to.Close() })()
	var copying sync.WaitGroup
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		copying.Go(func() {
			// An error ends this direction just as an end does.
			_, _ = io.Copy(pair[1], pair[0])
			if half, ok := pair[1].(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
		})
	}
	copying.Wait()
}

// Close closes the ports and all connections.
func (g *Gateway) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stop == nil {
		return
	}
	g.stop()
	for _, listener := range g.listeners {
		_ = listener.Close() // nothing was promised to who has not been accepted
	}
	g.listeners = nil
	g.running.Wait()
}
