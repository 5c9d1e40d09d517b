package environment

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
)

// target is what listens where only this machine reaches it.
type target struct {
	// address is host:port.
	address string
	// samePort tells that somebody knows it by the number of its port.
	samePort bool
}

func (t target) port() (int, error) {
	_, service, err := net.SplitHostPort(t.address)
	if err != nil {
		return 0, fmt.Errorf("the address %s: %w", t.address, err)
	}
	port, err := net.LookupPort("tcp", service)
	if err != nil {
		return 0, fmt.Errorf("the address %s: %w", t.address, err)
	}
	return port, nil
}

// forwarder takes connections at this machine's address on a Docker network
// and leads them to targets. It takes those of the network's containers only:
// other containers, and with bad luck other machines, could reach that address
// too.
type forwarder struct {
	mu        sync.Mutex
	listeners []net.Listener
	ctx       context.Context
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// start returns the port of the gateway that leads to each target. It is the
// target's own unless that is taken there: most often by the target itself,
// which listens on all addresses. Where the engine leads containers to
// loopback by itself, nothing is opened.
func (f *forwarder) start(network docker.Network, targets ...target) ([]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx, f.stop = context.WithCancel(context.Background())
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
		listener, err := listenAt(network.Gateway, own, t.samePort)
		if err != nil {
			return nil, fmt.Errorf("listening on the gateway of the network %s; "+
				"end what uses the port, or set another one in the environment file: %w", network.Name, err)
		}
		ports[i] = listener.Addr().(*net.TCPAddr).Port
		f.listeners = append(f.listeners, listener)
		f.running.Go(func() { f.accept(listener, network, t.address) })
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

func (f *forwarder) accept(listener net.Listener, network docker.Network, address string) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Too many open files, most likely: that passes.
			select {
			case <-f.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if err != nil || !network.Contains(from.Addr()) {
			_ = conn.Close() // it is refused
			continue
		}
		f.running.Go(func() { f.lead(conn, address) })
	}
}

// lead copies both ways until both sides have said all, or the forwarder ends.
func (f *forwarder) lead(from net.Conn, address string) {
	defer from.Close()
	to, err := (&net.Dialer{}).DialContext(f.ctx, "tcp", address)
	if err != nil {
		return // the caller sees a closed connection, as from a server that is down
	}
	defer to.Close()
	defer context.AfterFunc(f.ctx, func() { _, _ = from.Close(), to.Close() })()
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

// close closes the ports and all connections.
func (f *forwarder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop == nil {
		return
	}
	f.stop()
	for _, listener := range f.listeners {
		_ = listener.Close() // nothing was promised to who has not been accepted
	}
	f.listeners = nil
	f.running.Wait()
}
