package kubeconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Extract returns what the user's kubeconfig says of one context, complete in
// itself: it can be used elsewhere. What needs a program to log in, or does
// not know whom it talks to, is refused.
func Extract(name string) (*clientcmdapi.Config, error) {
	config, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err != nil {
		return nil, fmt.Errorf("reading your kubeconfig: %w", err)
	}
	if _, known := config.Contexts[name]; !known {
		others := cmp.Or(strings.Join(slices.Sorted(maps.Keys(config.Contexts)), ", "), "none")
		return nil, fmt.Errorf("your kubeconfig has no context %q; it has: %s", name, others)
	}
	config.CurrentContext = name
	if err := errors.Join(clientcmdapi.MinifyConfig(config), clientcmdapi.FlattenConfig(config)); err != nil {
		return nil, fmt.Errorf("reading the context %q: %w", name, err)
	}
	for _, user := range config.AuthInfos {
		if user.Exec != nil || user.AuthProvider != nil {
			return nil, fmt.Errorf("the context %q logs in with a program, which containers do not have: "+
				"use one with a certificate or a token", name)
		}
		if user.TokenFile != "" {
			token, err := os.ReadFile(user.TokenFile)
			if err != nil {
				return nil, fmt.Errorf("reading the token of the context %q: %w", name, err)
			}
			user.Token, user.TokenFile = strings.TrimSpace(string(token)), ""
		}
	}
	for _, cluster := range config.Clusters {
		if cluster.InsecureSkipTLSVerify {
			return nil, fmt.Errorf("the context %q does not check whom it talks to (insecure-skip-tls-verify): "+
				"give its cluster the API server's CA", name)
		}
	}
	return config, nil
}

// Lookup finds the addresses of a host, as net.Resolver's LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// LocalServer returns where the config's API server listens, as host:port, if
// that is on this machine's loopback: containers do not reach it there. It is
// empty if the server is elsewhere.
func LocalServer(ctx context.Context, config *clientcmdapi.Config, lookup Lookup) (string, error) {
	server, err := currentServer(config)
	if err != nil {
		return "", err
	}
	host := server.Hostname()
	address, err := netip.ParseAddr(host)
	switch {
	case err != nil && !namesLoopback(ctx, host, lookup), err == nil && !address.IsLoopback() && !address.IsUnspecified():
		return "", nil
	case address == netip.IPv4Unspecified():
		host = "127.0.0.1" // which is one of all addresses
	case address == netip.IPv6Unspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, portOf(server)), nil
}

// namesLoopback tells whether a name stands for loopback, as localhost does,
// and other names do in /etc/hosts, which containers do not have.
func namesLoopback(ctx context.Context, host string, lookup Lookup) bool {
	if host == "localhost" {
		return true
	}
	// Whoever cannot find it here will say so when it is asked.
	addresses, err := lookup(ctx, "ip", host)
	return err == nil && len(addresses) > 0 &&
		!slices.ContainsFunc(addresses, func(a netip.Addr) bool { return !a.Unmap().IsLoopback() })
}

func portOf(server *url.URL) string {
	if server.Port() != "" {
		return server.Port()
	}
	return server.Scheme
}

// Moved returns the config with its API server at another host and port.
// keepName checks its certificate for the name that it has been known by;
// without, the certificate names the host.
func Moved(config *clientcmdapi.Config, host string, port int, keepName bool) (*clientcmdapi.Config, error) {
	server, err := currentServer(config)
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	if keepName && cluster.TLSServerName == "" && server.Scheme == "https" {
		cluster.TLSServerName = server.Hostname()
	}
	server.Host = net.JoinHostPort(host, strconv.Itoa(port))
	cluster.Server = server.String()
	return config, nil
}

func currentServer(config *clientcmdapi.Config) (*url.URL, error) {
	context := config.Contexts[config.CurrentContext]
	if context == nil || config.Clusters[context.Cluster] == nil {
		return nil, errors.New("the kubeconfig has no current context with a cluster")
	}
	server, err := url.Parse(config.Clusters[context.Cluster].Server)
	if err != nil {
		return nil, fmt.Errorf("the API server's address: %w", err)
	}
	return server, nil
}
