// Package nodestest has nodes and kubelets for the tests of receivers that
// follow simulated nodes.
package nodestest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// Eventually polls until done.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	waittest.True(t, what, done)
}

// Source is nodes that a test adds and removes.
type Source struct{ changes chan change }

type change struct {
	node  string
	added bool
}

// NewSource returns a source without nodes.
func NewSource() *Source { return &Source{changes: make(chan change)} }

// Follow hands on the changes.
func (s *Source) Follow(ctx context.Context, added, removed func(node string)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-s.changes:
			if c.added {
				added(c.node)
			} else {
				removed(c.node)
			}
		}
	}
}

// Add returns when the node has been taken.
func (s *Source) Add(nodes ...string) {
	for _, node := range nodes {
		s.changes <- change{node, true}
	}
}

// Remove returns when the removal has been taken.
func (s *Source) Remove(nodes ...string) {
	for _, node := range nodes {
		s.changes <- change{node, false}
	}
}

// Kubelets is a TLS server that wants client certificates, for all nodes.
type Kubelets struct {
	*httptest.Server
	// CA, Cert and Key are files for its clients.
	CA, Cert, Key string

	mutex    sync.Mutex
	requests map[string]int
}

// NewKubelets serves what answer says about /nodes/NODE/path.
func NewKubelets(
	t testing.TB, path string, answer func(w http.ResponseWriter, r *http.Request, node string),
) *Kubelets {
	t.Helper()
	k := &Kubelets{requests: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /nodes/{node}/"+path, func(w http.ResponseWriter, r *http.Request) {
		node := r.PathValue("node")
		k.mutex.Lock()
		k.requests[node]++
		k.mutex.Unlock()
		answer(w, r, node)
	})
	k.Server = httptest.NewUnstartedServer(mux)
	k.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	k.StartTLS()
	t.Cleanup(k.Close)

	certificate := k.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	k.CA = write("ca.crt", "CERTIFICATE", certificate.Certificate[0])
	k.Cert = write("client.crt", "CERTIFICATE", certificate.Certificate[0])
	k.Key = write("client.key", "PRIVATE KEY", key)
	return k
}

// Requests says how often a node was asked.
func (k *Kubelets) Requests(node string) int {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.requests[node]
}

// Nodes are the values of k8s.node.name in metrics.
func Nodes(all []pmetric.Metrics) map[string]bool {
	nodes := map[string]bool{}
	for _, md := range all {
		for _, resource := range md.ResourceMetrics().All() {
			if name, ok := resource.Resource().Attributes().Get("k8s.node.name"); ok {
				nodes[name.Str()] = true
			}
		}
	}
	return nodes
}

// Gatherer reads a self metric, as componenttest.Telemetry does.
type Gatherer interface {
	GetMetric(name string) (metricdata.Metrics, error)
}

// SelfMetric returns the points of a counter; none if it is not there yet.
func SelfMetric(from Gatherer, name string) []metricdata.DataPoint[int64] {
	m, err := from.GetMetric(name)
	if err != nil {
		return nil
	}
	sum, _ := m.Data.(metricdata.Sum[int64])
	return sum.DataPoints
}

// Outcomes returns how many scrapes ended so.
func Outcomes(from Gatherer, name, outcome string) int64 {
	var total int64
	for _, point := range SelfMetric(from, name) {
		if value, _ := point.Attributes.Value(attribute.Key("outcome")); strings.EqualFold(value.AsString(), outcome) {
			total += point.Value
		}
	}
	return total
}
