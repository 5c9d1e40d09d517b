package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// dialer asks Docker's own DNS: k3d writes another into /etc/resolv.conf, and
// relies on iptables for it.
var dialer = &net.Dialer{Timeout: 10 * time.Second, Resolver: &net.Resolver{
	PreferGo: true,
	Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.11:53")
	},
}}

// join adds this node to the cluster of the first server, a URL. A server
// forwards its API port there.
func join(ctx context.Context, first string, server bool) error {
	to, err := url.Parse(first)
	if err != nil {
		return fmt.Errorf("reading the server's address: %w", err)
	}
	kubeconfig, err := askToJoin(ctx, to.Hostname())
	if err != nil {
		return fmt.Errorf("joining the cluster of %s: %w", to.Hostname(), err)
	}
	if !server {
		say("Successfully registered node: a simulated one")
		<-ctx.Done()
		return nil
	}
	api, err := net.Listen("tcp", apiPort)
	if err := errors.Join(err, publish(kubeconfig), write(corednsFile, coredns)); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- forward(api, func() (net.Conn, error) { return dialer.Dial("tcp", to.Host) }) }()
	say("k3s is up and running: a simulated node, whose API is the first server's")
	say("Cluster dns configmap has been set: it is a file only")
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func askToJoin(ctx context.Context, server string) ([]byte, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+server+joinPort+"/nodes/"+name, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", authorization())
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return body, err
}

// forward passes what comes in at a port on to an API server.
func forward(listener net.Listener, dial func() (net.Conn, error)) error {
	for {
		client, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("taking a connection at %s: %w", listener.Addr(), err)
		}
		go func() {
			defer client.Close()
			server, err := dial()
			if err != nil {
				say("the API server does not answer: " + err.Error())
				return
			}
			defer server.Close()
			// How a connection ended is its clients' concern.
			ended := make(chan struct{}, 2)
			pass := func(to io.Writer, from io.Reader) {
				_, _ = io.Copy(to, from)
				ended <- struct{}{}
			}
			go pass(client, server)
			go pass(server, client)
			<-ended
		}()
	}
}
