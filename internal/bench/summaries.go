package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/state"
)

// requests is how many summaries are asked for, each of another node.
const requests = 2000

// summaries measures one client that asks node after node for its summary
// over a connection that it keeps.
func (b *bench) summaries(l lab, s control.Status) error {
	client, err := l.kubeletClient(s.Name)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var took []float64
	size := 0
	for i := range requests {
		address := fmt.Sprintf("%s/nodes/node-%04d/stats/summary", s.Endpoints.Kubelet, i%s.Cluster.Nodes.Ready+1)
		began := time.Now()
		n, err := get(client, address)
		if err != nil {
			return err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1e3)
		size = max(size, n)
	}
	slices.Sort(took)
	b.add("1,000 nodes: GET of one node's summary, median", "ms", nil, took[len(took)/2])
	b.add("1,000 nodes: GET of one node's summary, p99", "ms", new(5.0), took[len(took)*99/100])
	b.add("1,000 nodes: largest summary", "bytes", nil, float64(size))
	return nil
}

func (l lab) kubeletClient(name string) (*http.Client, error) {
	// The lab's folder, not the user's: only this process looks there.
	if err := os.Setenv("DIORAMA_HOME", l.state()); err != nil {
		return nil, err
	}
	folder, err := state.Open(name)
	if err != nil {
		return nil, err
	}
	files := controlplane.Options{Dir: folder.Path}
	certificate, err := tls.LoadX509KeyPair(files.Certificate("collector"), files.Key("collector"))
	if err != nil {
		return nil, fmt.Errorf("loading the collector's certificate: %w", err)
	}
	ca, err := os.ReadFile(files.Certificate("kubelet-ca"))
	if err != nil {
		return nil, fmt.Errorf("reading the kubelets' CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the kubelets' CA holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, RootCAs: pool,
	}}}, nil
}

func get(client *http.Client, address string) (int, error) {
	response, err := client.Get(address)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", address, response.Status)
	}
	return int(n), err
}
