package environment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/docker"
)

// forwarder takes connections at this machine's address on a Docker network
// and leads them to the same port of loopback. It takes those of the network's
// containers only: other containers, and with bad luck other machines, could
// reach that address too.
type forwarder struct {
	mu        sync.Mutex
	listeners []net.Listener
	ctx       context.Context
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// start opens the ports. Where the engine leads containers to loopback by
// itself, there is nothing to do.
func (f *forwarder) start(network docker.Network, ports []int) error {
	if !network.Gateway.IsValid() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx, f.stop = context.WithCancel(context.Background())
	for _, port := range ports {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(network.Gateway, uint16(port)).String())
		if err != nil {
			return fmt.Errorf("listening on the gateway of the network %s; end what uses the port, or set another one in the environment file: %w", network.Name, err)
		}
		f.listeners = append(f.listeners, listener)
		f.running.Go(func() { f.accept(listener, network, port) })
	}
	return nil
}

func (f *forwarder) accept(listener net.Listener, network docker.Network, port int) {
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
		f.running.Go(func() { f.lead(conn, port) })
	}
}

// lead copies both ways until both sides have said all, or the forwarder ends.
func (f *forwarder) lead(from net.Conn, port int) {
	defer from.Close()
	to, err := (&net.Dialer{}).DialContext(f.ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
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
