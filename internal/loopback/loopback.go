// Package loopback writes the addresses of what listens on this machine alone.
package loopback

import (
	"net"
	"strconv"
)

// Address returns host:port.
func Address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// HTTP returns the URL of a path, which is "" or begins with a slash.
func HTTP(port int, path string) string { return "http://" + Address(port) + path }

// HTTPS returns the URL of a server with TLS.
func HTTPS(port int) string { return "https://" + Address(port) }
