package controlplane

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	validity = 365 * 24 * time.Hour
	// What is left of a certificate's life when it is made anew.
	renewal = 30 * 24 * time.Hour
)

// issued describes one certificate: who signs it, whom it names, what for.
type issued struct {
	name, ca string
	subject  pkix.Name
	// serving certificates name hosts, the others clients.
	serving bool
	// client is set for a serving certificate that is shown as a client's too.
	client bool
}

// servingNames are the names of our own servers: all are on loopback.
var servingNames = []string{
	"127.0.0.1", "::1", "localhost", APIServiceIP,
	"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "host.docker.internal",
}

// authorities returns the CAs: one for each trust that is not another's.
func authorities() []string { return []string{"ca", "etcd-ca", "kubelet-ca", "front-proxy-ca"} }

// clients returns our users of the API: kubeconfig name → subject. Those with
// a name of our own get their rights from Bootstrap.
func clients() map[string]pkix.Name {
	return map[string]pkix.Name{
		"admin":              {CommonName: "diorama:admin", Organization: []string{"system:masters"}},
		"controller-manager": {CommonName: "system:kube-controller-manager"},
		"scheduler":          {CommonName: "system:kube-scheduler"},
		"kwok":               {CommonName: userKwok},
		"kubelet":            {CommonName: userKubelet},
		"collector":          {CommonName: userCollector},
	}
}

func certificates() []issued {
	all := []issued{
		{name: "apiserver", ca: "ca", subject: pkix.Name{CommonName: "kube-apiserver"}, serving: true},
		{name: "controller-manager-server", ca: "ca", subject: pkix.Name{CommonName: "kube-controller-manager"}, serving: true},
		{name: "scheduler-server", ca: "ca", subject: pkix.Name{CommonName: "kube-scheduler"}, serving: true},
		{name: "apiserver-kubelet-client", ca: "ca", subject: pkix.Name{CommonName: "kube-apiserver-kubelet-client"}},
		{name: "etcd-server", ca: "etcd-ca", subject: pkix.Name{CommonName: "etcd"}, serving: true, client: true},
		{name: "apiserver-etcd-client", ca: "etcd-ca", subject: pkix.Name{CommonName: "kube-apiserver"}},
		{name: "front-proxy-client", ca: "front-proxy-ca", subject: pkix.Name{CommonName: "front-proxy-client"}},
	}
	for name, subject := range clients() {
		all = append(all, issued{name: name, ca: "ca", subject: subject})
	}
	return all
}

// EnsureCredentials makes what is missing of the certificates, keys and
// kubeconfigs, and makes anew what ends soon. Keys and kubeconfigs are
// readable by the user alone.
func EnsureCredentials(o Options) error {
	for _, dir := range []string{"pki", "kubeconfigs"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, dir), 0o700); err != nil {
			return fmt.Errorf("making the folder of the credentials: %w", err)
		}
	}
	signers := map[string]*pair{}
	for _, name := range authorities() {
		ca, err := o.ensure(name, func() (*pair, error) { return newAuthority(name) })
		if err != nil {
			return err
		}
		signers[name] = ca
	}
	for _, c := range certificates() {
		if _, err := o.ensure(c.name, func() (*pair, error) { return signers[c.ca].issue(c) }); err != nil {
			return err
		}
	}
	if err := o.ensureServiceAccountKey(); err != nil {
		return err
	}
	for name := range clients() {
		if err := o.writeKubeconfig(name); err != nil {
			return err
		}
	}
	return nil
}

// pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// ensure returns the pair of that name, from its files if they are good.
func (o Options) ensure(name string, generate func() (*pair, error)) (*pair, error) {
	if p, err := o.load(name); err == nil && time.Until(p.certificate.NotAfter) > renewal {
		return p, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the certificate %s: %w", name, err)
	}
	p, err := generate()
	if err != nil {
		return nil, fmt.Errorf("making the certificate %s: %w", name, err)
	}
	if err := writePEM(o.Certificate(name), "CERTIFICATE", p.certificate.Raw); err != nil {
		return nil, err
	}
	return p, writeKey(o.Key(name), p.key)
}

func (o Options) load(name string) (*pair, error) {
	certificate, err := os.ReadFile(o.Certificate(name))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(o.Key(name))
	if err != nil {
		return nil, err
	}
	certificateBlock, _ := pem.Decode(certificate)
	keyBlock, _ := pem.Decode(key)
	if certificateBlock == nil || keyBlock == nil {
		return nil, errors.New("is no PEM")
	}
	parsed, err := x509.ParseCertificate(certificateBlock.Bytes)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, err
	}
	return &pair{parsed, private}, nil
}

func newAuthority(name string) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(pkix.Name{CommonName: "diorama " + name})
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	return sign(template, template, key, key)
}

func (ca *pair) issue(c issued) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(c.subject)
	if err != nil {
		return nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if c.serving {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		for _, name := range servingNames {
			if ip := net.ParseIP(name); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, name)
			}
		}
	}
	if !c.serving || c.client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	return sign(template, ca.certificate, key, ca.key)
}

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	// An hour back, for clocks of containers and virtual machines.
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity)}, nil
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*pair, error) {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return &pair{certificate, key}, err
}

// ensureServiceAccountKey makes the key that signs service account tokens.
func (o Options) ensureServiceAccountKey() error {
	if _, err := os.Stat(o.Key("sa")); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(crypto.PublicKey(key.Public()))
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	return errors.Join(writePEM(o.pki("sa.pub"), "PUBLIC KEY", public), writeKey(o.Key("sa"), key))
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the key %s: %w", path, err)
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	var buffer bytes.Buffer
	if err := pem.Encode(&buffer, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	if err := os.WriteFile(path, buffer.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing a credential: %w", err)
	}
	return nil
}

// AdminConfig returns the kubeconfig of the cluster's administrator.
func AdminConfig(o Options) (*clientcmdapi.Config, error) { return o.kubeconfig("admin") }

func (o Options) writeKubeconfig(client string) error {
	config, err := o.kubeconfig(client)
	if err != nil {
		return err
	}
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig of %s: %w", client, err)
	}
	if err := os.WriteFile(o.Kubeconfig(client), data, 0o600); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", client, err)
	}
	return nil
}

// kubeconfig returns a kubeconfig with everything in it: it can be copied.
func (o Options) kubeconfig(client string) (*clientcmdapi.Config, error) {
	var data [3][]byte
	for i, path := range []string{o.Certificate("ca"), o.Certificate(client), o.Key(client)} {
		var err error
		if data[i], err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("reading the credentials of %s: %w", client, err)
		}
	}
	const name = "diorama"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: o.URL(), CertificateAuthorityData: data[0]}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: data[1], ClientKeyData: data[2]}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return config, nil
}
