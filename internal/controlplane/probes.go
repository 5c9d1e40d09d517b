package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/diorama-lab/diorama/internal/component"
)

// ProbeEtcd asks etcd whether it is healthy.
func (o Options) ProbeEtcd(ctx context.Context) error {
	return o.probe(ctx, o.Ports.EtcdClient, "/health", "etcd-ca", "apiserver-etcd-client")
}

// ProbeAPIServer asks kube-apiserver whether it is ready.
func (o Options) ProbeAPIServer(ctx context.Context) error {
	return o.probe(ctx, o.Ports.API, "/readyz", "ca", "admin")
}

// ProbeControllerManager asks kube-controller-manager whether it is healthy.
func (o Options) ProbeControllerManager(ctx context.Context) error {
	return o.probe(ctx, o.Ports.ControllerManager, "/healthz", "ca", "admin")
}

// ProbeScheduler asks kube-scheduler whether it is ready.
func (o Options) ProbeScheduler(ctx context.Context) error {
	return o.probe(ctx, o.Ports.Scheduler, "/readyz", "ca", "admin")
}

// ProbeKubelets returns a probe of the simulated nodes' kubelet API, with the
// names of the certificates of its CA and of a client.
func (o Options) ProbeKubelets(port int, ca, client string) func(context.Context) error {
	return func(ctx context.Context) error { return o.probe(ctx, port, "/healthz", ca, client) }
}

func (o Options) probe(ctx context.Context, port int, path, ca, client string) error {
	transport, err := o.transport(ca, client)
	if err != nil {
		return err
	}
	return Probe(ctx, &http.Client{Transport: transport}, "https://"+address(port)+path)
}

// transport makes connections that are not kept: a probe is for once.
func (o Options) transport(ca, client string) (*http.Transport, error) {
	pem, err := os.ReadFile(o.Certificate(ca))
	if err != nil {
		return nil, fmt.Errorf("reading the CA for a probe: %w", err)
	}
	certificate, err := tls.LoadX509KeyPair(o.Certificate(client), o.Key(client))
	if err != nil {
		return nil, fmt.Errorf("reading the certificate for a probe: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{
			RootCAs: pool, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		},
	}, nil
}

// Probe returns nil if a URL answers 200, and what it says otherwise. 507 is how a
// server says that it would work if its disk were not full.
func Probe(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("making the probe: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 8192))
	if err != nil {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	said := failedChecks(strings.TrimSpace(string(text)))
	if response.StatusCode == http.StatusInsufficientStorage {
		return &component.BlockedError{Reason: said}
	}
	return fmt.Errorf("%s answers %s: %s", url, response.Status, said)
}

// failedChecks are those of a health page of many, in one line; another text is
// left as it is. The pages are those of k8s.io/apiserver/pkg/server/healthz.
func failedChecks(page string) string {
	var failed []string
	for line := range strings.Lines(page) {
		if check, found := strings.CutPrefix(line, "[-]"); found {
			failed = append(failed, strings.TrimSpace(check))
		}
	}
	if len(failed) == 0 {
		return page
	}
	return strings.Join(failed, "; ")
}
