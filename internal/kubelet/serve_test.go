package kubelet

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	statsv1 "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// served is a running server over a store, and a client's credentials.
type served struct {
	plain, tunnel net.Addr
	client        *tls.Config
	dir           string // of its certificates
}

// serveStore serves the store over TLS with self-made certificates until the test ends.
func serveStore(t testing.TB, s *store) served { return serveOptions(t, s, Options{}) }

// serveOptions adds to the options what every test needs.
func serveOptions(t testing.TB, s *store, o Options) served {
	t.Helper()
	dir := t.TempDir()
	var out served
	o.Listen, o.TunnelListen, o.CertDir = "127.0.0.1:0", "127.0.0.1:0", dir
	o.Listening = func(plain, tunnel net.Addr) { out.plain, out.tunnel = plain, tunnel }
	servers, err := bind(o, s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serveAll(ctx, servers) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving ended with %v", err)
		}
	})
	out.client, out.dir = clientTLS(t, dir), dir
	return out
}

func clientTLS(t testing.TB, dir string) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
}

// get asks for a URL and returns status and body.
func get(t testing.TB, c *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// direct is a client of the plain listener.
func (s served) direct(t testing.TB) *http.Client {
	transport := &http.Transport{TLSClientConfig: s.client}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// dial opens a connection to addr through the tunnel, as the API server does.
func (s served) dial(ctx context.Context, addr string) (net.Conn, error) {
	d := tls.Dialer{Config: s.client}
	conn, err := d.DialContext(ctx, "tcp", s.tunnel.String())
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", addr)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		conn.Close()
		return nil, fmt.Errorf("refused: %s", resp.Status)
	}
	return conn, nil
}

// through is a client that reaches everything through the tunnel.
func (s served) through(t *testing.T) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: s.client,
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return s.dial(ctx, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func decodeSummary(t *testing.T, body string) statsv1.Summary {
	t.Helper()
	var sum statsv1.Summary
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&sum); err != nil {
		t.Fatalf("not a summary: %v\n%.500s", err, body)
	}
	return sum
}

func TestEachNodeAnswersForItselfOnly(t *testing.T) {
	s, _ := newTestStore(3, 4)
	srv := serveStore(t, s)
	direct, through := srv.direct(t), srv.through(t)
	for n := range 3 {
		for _, tc := range []struct {
			client *http.Client
			url    string
		}{
			{direct, "https://" + srv.plain.String() + "/nodes/" + nodeName(n) + "/stats/summary"},
			{through, "https://" + nodeName(n) + ":10250/stats/summary"},
			{through, fmt.Sprintf("https://10.0.0.%d:10250/stats/summary", n+1)}, // by InternalIP
		} {
			status, body := get(t, tc.client, tc.url)
			if status != http.StatusOK {
				t.Fatalf("%s: %d %s", tc.url, status, body)
			}
			sum := decodeSummary(t, body)
			if sum.Node.NodeName != nodeName(n) || len(sum.Pods) != 4 {
				t.Errorf("%s: node %s with %d pods", tc.url, sum.Node.NodeName, len(sum.Pods))
			}
			for _, p := range sum.Pods {
				if !strings.Contains(p.PodRef.Name, fmt.Sprintf("-n%dp", n)) {
					t.Errorf("%s: has pod %s of another node", tc.url, p.PodRef.Name)
				}
			}
		}
	}
	// In the tunnel a node has no way to its neighbours.
	if status, _ := get(t, through, "https://node-0:10250/nodes/node-1/stats/summary"); status != http.StatusNotFound {
		t.Errorf("a node answered for another: %d", status)
	}
}

func TestTunnelPresentsTheNodesCertificate(t *testing.T) {
	s, _ := newTestStore(1, 0)
	srv := serveStore(t, s)
	conn, err := srv.dial(t.Context(), "node-0:10250")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	config := srv.client.Clone()
	config.ServerName = "node-0"
	session := tls.Client(conn, config)
	if err := session.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	leaf := session.ConnectionState().PeerCertificates[0]
	if leaf.Subject.CommonName != "system:node:node-0" || leaf.VerifyHostname("10.0.0.1") != nil ||
		leaf.VerifyHostname("node-1") == nil {
		t.Errorf("certificate of %q for %v %v", leaf.Subject.CommonName, leaf.DNSNames, leaf.IPAddresses)
	}
}

func TestTunnelRefusesOtherTargets(t *testing.T) {
	s, _ := newTestStore(1, 0)
	srv := serveStore(t, s)
	for _, addr := range []string{"elsewhere:10250", "10.9.9.9:443", "metrics.kube-system.svc:443"} {
		host, _, _ := strings.Cut(addr, ":")
		_, err := srv.dial(t.Context(), addr)
		if err == nil || !strings.Contains(err.Error(), "502") || !strings.Contains(err.Error(), host) {
			t.Errorf("CONNECT %s: %v, want a 502 that names it", addr, err)
		}
	}
	resp, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: srv.client, DisableKeepAlives: true}}).
		Get("https://" + srv.tunnel.String() + "/stats/summary")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET of the tunnel: %s", resp.Status)
	}
}

func TestNobodyGetsInWithoutACertificate(t *testing.T) {
	s, _ := newTestStore(1, 1)
	srv := serveStore(t, s)
	stranger := srv.client.Clone()
	stranger.Certificates = nil
	url := "https://" + srv.plain.String() + "/nodes/node-0/stats/summary"
	transport := &http.Transport{TLSClientConfig: stranger, DisableKeepAlives: true}
	if resp, err := (&http.Client{Transport: transport}).Get(url); err == nil {
		t.Errorf("the plain listener answered a stranger: %s", resp.Status)
	}
	anonymous := srv
	anonymous.client = stranger
	if _, err := anonymous.dial(t.Context(), "node-0:10250"); err == nil {
		t.Error("the tunnel let a stranger connect")
	}
	// And not inside the tunnel either: the API server's own connection proves nothing about the session in it.
	conn, err := srv.dial(t.Context(), "node-0:10250")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stranger.ServerName = "node-0"
	session := tls.Client(conn, stranger)
	fmt.Fprintf(session, "GET /healthz HTTP/1.1\r\nHost: node-0\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(session), nil); err == nil {
		t.Error("the node answered a stranger")
	}
}

// A client of another CA is a stranger too.
func TestForeignCertificatesAreRefused(t *testing.T) {
	s, _ := newTestStore(1, 1)
	srv := serveStore(t, s)
	foreign := t.TempDir()
	if _, err := ownCredentials(foreign); err != nil {
		t.Fatal(err)
	}
	config := srv.client.Clone()
	config.Certificates = clientTLS(t, foreign).Certificates
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	if resp, err := (&http.Client{Transport: transport}).Get("https://" + srv.plain.String() + "/healthz"); err == nil {
		t.Errorf("answered: %s", resp.Status)
	}
}

func TestUnknownNodesAndPaths(t *testing.T) {
	s, _ := newTestStore(1, 1)
	foreign := testNode(7)
	foreign.Annotations = nil
	s.setNode(foreign)
	srv := serveStore(t, s)
	c := srv.direct(t)
	base := "https://" + srv.plain.String()
	for path, want := range map[string]string{
		"/nodes/ghost/stats/summary":  `"ghost"`,
		"/nodes/node-7/stats/summary": `"node-7"`, // real: its own kubelet answers
		"/nodes/node-0/exec/a/b/c":    "/exec/a/b/c",
		"/stats/summary":              "/nodes/NODE/",
	} {
		if status, body := get(t, c, base+path); status != http.StatusNotFound || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %q, want 404 with %s", path, status, body, want)
		}
	}
	resp, err := c.Post(base+"/nodes/node-0/stats/summary", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}

// Before the first lists are in, nothing is known to be missing.
func TestNotReadyBeforeTheFirstLists(t *testing.T) {
	srv := serveStore(t, newStore(1, time.Now))
	c := srv.direct(t)
	for _, path := range []string{"/healthz", "/nodes/node-0/stats/summary"} {
		if status, body := get(t, c, "https://"+srv.plain.String()+path); status != http.StatusServiceUnavailable {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
}

func TestPodsAndHealth(t *testing.T) {
	s, _ := newTestStore(2, 3)
	srv := serveStore(t, s)
	c := srv.through(t)
	status, body := get(t, c, "https://node-1:10250/pods")
	var list corev1.PodList
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK {
		t.Fatalf("%d %v", status, err)
	}
	if list.Kind != "PodList" || len(list.Items) != 3 || list.Items[0].Spec.NodeName != "node-1" {
		t.Errorf("%s with %d pods", list.Kind, len(list.Items))
	}
	if status, body := get(t, c, "https://node-1:10250/healthz"); status != http.StatusOK || body != "ok" {
		t.Errorf("healthz: %d %q", status, body)
	}
}

func TestInsecureIsForLoopbackOnly(t *testing.T) {
	s, _ := newTestStore(1, 0)
	for name, tc := range map[string]struct {
		o  Options
		ok bool
	}{
		"loopback":      {Options{Listen: "127.0.0.1:0", Insecure: true}, true},
		"all addresses": {Options{Listen: "0.0.0.0:0", Insecure: true}, false},
		"with a tunnel": {Options{Listen: "127.0.0.1:0", TunnelListen: "127.0.0.1:0", Insecure: true}, false},
	} {
		servers, err := bind(tc.o, s)
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		for _, s := range servers {
			s.listener.Close()
		}
	}
}

func TestOwnCredentialsAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	first, err := ownCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ownCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Certificate.Equal(second.Certificate) {
		t.Error("a second start made another CA")
	}
	for _, f := range []string{"ca.key", "client.key"} {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info, err)
		}
	}
}

func TestLeavesAreCached(t *testing.T) {
	pair, err := ownCredentials(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a, err := newAuthority(pair)
	if err != nil {
		t.Fatal(err)
	}
	facts := newNodeFacts(1, testNode(0), nil)
	first, _ := a.node(facts)
	if again, _ := a.node(facts); again != first {
		t.Error("the certificate was made twice")
	}
	moved := *facts
	moved.addresses = []string{"10.1.1.1"}
	if other, _ := a.node(&moved); other == first {
		t.Error("a node with another address kept the certificate of the old one")
	}
}
