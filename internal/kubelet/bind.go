package kubelet

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
)

// server is an HTTP server and the listener that it is bound to.
type server struct {
	*http.Server
	listener net.Listener
}

// binding collects servers as their listeners are opened.
type binding struct {
	servers  []server
	errorLog *log.Logger
}

func (b *binding) add(l net.Listener, h http.Handler) *http.Server {
	hs := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, ErrorLog: b.errorLog,
		Protocols: new(http.Protocols),
	}
	// A tunnel's connection cannot be taken over in HTTP/2, and a scraper
	// that has its connection to itself gains nothing from it.
	hs.Protocols.SetHTTP1(true)
	b.servers = append(b.servers, server{hs, l})
	return hs
}

// bind opens the listeners, so that a port in use is said before anything runs.
func bind(o Options, s *store) (_ []server, err error) {
	switch {
	case o.Listen == "":
		return nil, errors.New("no address to listen on")
	case o.MetricsHost != "" && o.TunnelListen == "":
		return nil, errors.New("the metrics API is reached through the tunnel: give the tunnel an address to listen on")
	}
	b := &binding{errorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug)} // failed handshakes, mostly
	defer func() {
		if err != nil {
			for _, s := range b.servers {
				_ = s.listener.Close()
			}
		}
	}()
	answers := &api{store: s}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the kubelet API: %w", err)
	}
	plain := b.add(listener, answers.plain())
	if o.Insecure {
		if err := insecureAllowed(o, listener.Addr()); err != nil {
			return nil, err
		}
		announce(o, listener.Addr(), nil)
		return b.servers, nil
	}
	a, clients, err := credentials(o)
	if err != nil {
		return nil, err
	}
	if plain.TLSConfig, err = plainTLS(o, a, clients); err != nil {
		return nil, err
	}
	if o.TunnelListen == "" {
		announce(o, listener.Addr(), nil)
		return b.servers, nil
	}
	tunnel, err := b.addTunnel(o, answers, a, clients, plain.TLSConfig.Clone())
	if err != nil {
		return nil, err
	}
	announce(o, listener.Addr(), tunnel)
	return b.servers, nil
}

// addTunnel binds the tunnel and what is reached through it.
func (b *binding) addTunnel(
	o Options, answers *api, a *authority, clients *x509.CertPool, outside *tls.Config,
) (net.Addr, error) {
	listener, err := net.Listen("tcp", o.TunnelListen)
	if err != nil {
		return nil, fmt.Errorf("listen for the API server's tunnel: %w", err)
	}
	t := &tunnel{store: answers.store, authority: a, clients: clients, accepted: newHandoff(listener.Addr())}
	b.add(listener, t).TLSConfig = outside
	b.add(t.accepted, answers.tunnelled()).ConnContext = withNode
	if o.MetricsHost != "" {
		if t.metrics, err = newAggregated(o, a, listener.Addr()); err != nil {
			return nil, err
		}
		b.add(t.metrics.accepted, (&metricsServer{store: answers.store}).handler())
	}
	return listener.Addr(), nil
}
