// Package guard refuses what a web page elsewhere could make a browser send
// to a server on this machine: requests under a foreign name (DNS rebinding)
// and cross-site writes.
package guard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Guard knows under which names a server may be asked.
type Guard struct {
	// Listen is the address that the server is bound to.
	Listen string
	// AllowedHosts are names beyond the loopback ones, for example the name
	// that containers know the server by.
	AllowedHosts []string
	// PrivateNames lets names through that no site of the internet can have: those
	// without a dot, and those below internal, svc and cluster.local. Containers and
	// pods know other machines by such names.
	PrivateNames bool
}

// Handler lets through to next what the guard does not refuse.
func (g Guard) Handler(next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	sites.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := r.Header.Get("Origin")
		if from == "" {
			from = "another site"
		}
		http.Error(w, fmt.Sprintf("a page of %s may not write to %s", from, r.Host), http.StatusForbidden)
	}))
	return g.Hosts(sites.Handler(next))
}

// Hosts refuses foreign names alone, where another site's pages may write.
func (g Guard) Hosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !g.HostAllowed(r.Host) {
			http.Error(w, fmt.Sprintf("host %q is not allowed here; use localhost "+
				"(diorama backend, dashboards and collector allow others with --allowed-host)", r.Host), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// HostAllowed says whether a Host header names this server. A page cannot
// make a browser send an address it is not talking to, only a name, so on a
// listener beyond loopback any address will do.
func (g Guard) HostAllowed(header string) bool {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	listen, _, err := net.SplitHostPort(g.Listen)
	if err != nil {
		return false
	}
	listenAddr, listenErr := netip.ParseAddr(listen)
	beyond := listen == "" || (listenErr == nil && !listenAddr.IsLoopback())
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback() || beyond || strings.EqualFold(host, listen)
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		(host != "" && strings.EqualFold(host, listen)) || g.PrivateNames && private(host) ||
		slices.ContainsFunc(g.AllowedHosts, func(a string) bool { return strings.EqualFold(a, host) })
}

func private(host string) bool {
	return host != "" && !strings.Contains(host, ".") || strings.HasSuffix(host, ".internal") ||
		strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".cluster.local")
}
