//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/process"
	"k8s.io/client-go/tools/clientcmd"
)

// serveEverywhere starts a second API server of an environment, as kwokctl
// starts its own: it listens on all addresses, and its certificate has no name
// but those of this machine. The context of that name is for it.
func (l *lab) serveEverywhere(environment, context string) (port int) {
	l.t.Helper()
	running, err := process.NewProcess(int32(pids(l.status("--name", environment))["kube-apiserver"]))
	if err != nil {
		l.t.Fatal(err)
	}
	args, err := running.CmdlineSlice()
	if err != nil {
		l.t.Fatal(err)
	}
	port = freePort(l.t)
	cert, key := l.servingCertificate(environment)
	args = append(args[1:], "--bind-address=0.0.0.0", fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file="+cert, "--tls-private-key-file="+key)
	cmd := exec.Command(binary(l.t, "DIORAMA_BINARY"), args...)
	log, err := os.Create(filepath.Join(l.home, "everywhere.log"))
	if err != nil {
		l.t.Fatal(err)
	}
	cmd.Env, cmd.Stdout, cmd.Stderr = l.env, log, log
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		// It was asked to end; what it says of that is in its log.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	l.addContext(environment, context, port)
	eventually(l.t, "the API server on all addresses is ready", func() error {
		r := l.command(binary(l.t, "KUBECTL_BINARY"), "--context", context, "get", "--raw", "/readyz")
		if r.err != nil {
			return fmt.Errorf("%w: %s", r.err, r.stderr)
		}
		return nil
	})
	return port
}

// servingCertificate is for the names that kwokctl's certificate has.
func (l *lab) servingCertificate(environment string) (certFile, keyFile string) {
	l.t.Helper()
	pki := filepath.Join(l.home, "state", environment, "pki")
	ca, err := tls.LoadX509KeyPair(filepath.Join(pki, "ca.crt"), filepath.Join(pki, "ca.key"))
	if err != nil {
		l.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "kwok-admin"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		l.t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		l.t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		l.t.Fatal(err)
	}
	block := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	return l.write("everywhere.crt", block("CERTIFICATE", cert)), l.write("everywhere.key", block("PRIVATE KEY", encoded))
}

// addContext copies the context of an environment for another port, with the
// address that kwokctl writes.
func (l *lab) addContext(environment, name string, port int) {
	l.t.Helper()
	path := filepath.Join(l.home, "kubeconfig")
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		l.t.Fatal(err)
	}
	copied := config.Contexts["diorama-"+environment].DeepCopy()
	cluster := config.Clusters[copied.Cluster].DeepCopy()
	cluster.Server = fmt.Sprintf("https://127.0.0.1:%d", port)
	copied.Cluster = name
	config.Clusters[name], config.Contexts[name] = cluster, copied
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		l.t.Fatal(err)
	}
}

// bare are pods as `kwokctl scale pod` makes them: of no controller, and of a
// namespace without a service account.
func (l *lab) bare(context string, count int) {
	l.t.Helper()
	var pods strings.Builder
	for i := range count {
		fmt.Fprintf(&pods, `---
apiVersion: v1
kind: Pod
metadata: {name: pod-%06d, namespace: default}
spec:
  automountServiceAccountToken: false
  tolerations: [{operator: Exists}]
  containers: [{name: container-0, image: busybox}]
`, i)
	}
	l.kubectl("--context", context, "apply", "-f", l.write("bare.yaml", pods.String()))
}
