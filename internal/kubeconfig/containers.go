package kubeconfig

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
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
		return nil, fmt.Errorf("your kubeconfig has no context %q; it has: %s", name, strings.Join(slices.Sorted(maps.Keys(config.Contexts)), ", "))
	}
	config.CurrentContext = name
	if err := errors.Join(clientcmdapi.MinifyConfig(config), clientcmdapi.FlattenConfig(config)); err != nil {
		return nil, fmt.Errorf("reading the context %q: %w", name, err)
	}
	for _, user := range config.AuthInfos {
		if user.Exec != nil || user.AuthProvider != nil {
			return nil, fmt.Errorf("the context %q logs in with a program, which containers do not have: use one with a certificate or a token", name)
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
			return nil, fmt.Errorf("the context %q does not check whom it talks to (insecure-skip-tls-verify): give its cluster the API server's CA", name)
		}
	}
	return config, nil
}

// LoopbackPort returns the port of the config's API server if that is on this
// machine's loopback, where containers do not reach it by its address; else 0.
func LoopbackPort(config *clientcmdapi.Config) (int, error) {
	server, err := currentServer(config)
	if err != nil {
		return 0, err
	}
	address, err := netip.ParseAddr(server.Hostname())
	local := server.Hostname() == "localhost" || err == nil && (address.IsLoopback() || address.IsUnspecified())
	if !local {
		return 0, nil
	}
	port, err := net.LookupPort("tcp", portOf(server))
	if err != nil {
		return 0, fmt.Errorf("the API server's address %s: %w", server, err)
	}
	return port, nil
}

func portOf(server *url.URL) string {
	if server.Port() != "" {
		return server.Port()
	}
	return server.Scheme
}

// ForContainers returns the config as containers use it: an API server on this
// machine's loopback is asked under another host name. serverName is what its
// certificate names; empty if it names that host.
func ForContainers(config *clientcmdapi.Config, host, serverName string) (*clientcmdapi.Config, error) {
	port, err := LoopbackPort(config)
	if err != nil || port == 0 {
		return config, err
	}
	config = config.DeepCopy()
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	server, err := url.Parse(cluster.Server)
	if err != nil {
		return nil, fmt.Errorf("the API server's address: %w", err)
	}
	if cluster.TLSServerName == "" && server.Scheme == "https" {
		cluster.TLSServerName = serverName
	}
	server.Host = net.JoinHostPort(host, fmt.Sprint(port))
	cluster.Server = server.String()
	return config, nil
}

// ServerHost is the host of the config's API server.
func ServerHost(config *clientcmdapi.Config) (string, error) {
	server, err := currentServer(config)
	if err != nil {
		return "", err
	}
	return server.Hostname(), nil
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
