package kubelet

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// tunnel is what the API server's egress selector speaks to (HTTPConnect over
// TCP and mutual TLS). Each CONNECT names a node; what follows is a second TLS
// session, in which the node itself answers with its own certificate. One host
// is no node's but the metrics API's.
//
// The API server has to be set to prefer InternalIP addresses: before it
// proxies to a node by host name it looks the name up in DNS, where it is not.
type tunnel struct {
	store     *store
	authority *authority
	clients   *x509.CertPool
	accepted  *handoff
	metrics   *aggregated // nil: there is no metrics API
}

// endpoint is what answers at a host.
type endpoint struct {
	tls      *tls.Config
	node     string
	accepted *handoff
}

func (t *tunnel) lookup(host string) (endpoint, error) {
	if t.metrics != nil && host == t.metrics.host {
		config, err := t.metrics.tls()
		return endpoint{tls: config, accepted: t.metrics.accepted}, err
	}
	facts, found := t.store.resolve(host)
	if !found {
		return endpoint{}, fmt.Errorf("no simulated node has the name or address %q", host)
	}
	certificate, err := t.authority.node(facts)
	if err != nil {
		return endpoint{}, err
	}
	return endpoint{tls: serverTLS(certificate, t.clients), node: facts.name, accepted: t.accepted}, nil
}

func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.Header().Set("Allow", http.MethodConnect)
		http.Error(w, "This is the API server's tunnel to the simulated nodes: it takes CONNECT NODE:PORT only.",
			http.StatusMethodNotAllowed)
		return
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	to, refusal := t.lookup(host)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "The tunnel needs HTTP/1.1.", http.StatusHTTPVersionNotSupported)
		return
	}
	_ = conn.SetDeadline(time.Time{}) // the server's were for the CONNECT request
	if refusal != nil {
		// In the status line: it is all that the API server passes on.
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 502 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", refusal)
		_ = conn.Close()
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	inner := &nodeConn{Conn: conn, node: to.node, early: buffered.Reader}
	to.accepted.offer(tls.Server(inner, to.tls))
}

// serverTLS is the configuration of every listener here: no client without a certificate.
func serverTLS(certificate *tls.Certificate, clients *x509.CertPool) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{*certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
		NextProtos:   []string{"http/1.1"},
	}
}

// nodeConn is a connection to one node.
type nodeConn struct {
	net.Conn
	node  string
	early *bufio.Reader // what the client sent right behind its CONNECT
}

func (c *nodeConn) Read(p []byte) (int, error) {
	if c.early != nil {
		if c.early.Buffered() > 0 {
			return c.early.Read(p[:min(len(p), c.early.Buffered())])
		}
		c.early = nil
	}
	return c.Conn.Read(p)
}

type nodeKey struct{}

// withNode remembers for a connection's requests which node they are for.
func withNode(ctx context.Context, c net.Conn) context.Context {
	if session, ok := c.(*tls.Conn); ok {
		if inner, ok := session.NetConn().(*nodeConn); ok {
			return context.WithValue(ctx, nodeKey{}, inner.node)
		}
	}
	return ctx
}

func nodeOf(ctx context.Context) string {
	node, _ := ctx.Value(nodeKey{}).(string)
	return node
}

// handoff is the listener of connections that came through the tunnel.
type handoff struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	addr  net.Addr
}

func newHandoff(addr net.Addr) *handoff {
	return &handoff{conns: make(chan net.Conn), done: make(chan struct{}), addr: addr}
}

func (h *handoff) offer(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		_ = c.Close()
	}
}

func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handoff) Addr() net.Addr { return h.addr }
