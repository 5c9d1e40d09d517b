package controlplane

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/atomicfile"
)

// issued is a certificate with the authority that signs it.
type issued struct {
	name, ca string
	request
}

// servingNames are the names of our own servers: all are on loopback, and
// containers reach it as host.docker.internal.
func servingNames() []string {
	return []string{
		"127.0.0.1", "::1", "localhost", APIServiceIP, "kubernetes", "kubernetes.default",
		"kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "host.docker.internal",
	}
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

// certificates returns all certificates but the authorities.
func (o Options) certificates() []issued {
	hosts := slices.Concat(servingNames(), o.Hosts)
	serving := func(name string) request {
		return request{subject: pkix.Name{CommonName: name}, hosts: hosts}
	}
	showing := func(name string) request {
		return request{subject: pkix.Name{CommonName: name}, client: true}
	}
	// etcd calls itself with its serving certificate.
	both := serving("etcd")
	both.client = true
	all := []issued{
		{"apiserver", "ca", serving("kube-apiserver")},
		{"controller-manager-server", "ca", serving("kube-controller-manager")},
		{"scheduler-server", "ca", serving("kube-scheduler")},
		{"apiserver-kubelet-client", "ca", showing("kube-apiserver-kubelet-client")},
		{"etcd-server", "etcd-ca", both},
		{"apiserver-etcd-client", "etcd-ca", showing("kube-apiserver")},
		{"front-proxy-client", "front-proxy-ca", showing("front-proxy-client")},
	}
	for name, subject := range clients() {
		all = append(all, issued{name, "ca", request{subject: subject, client: true}})
	}
	return all
}

// EnsureCredentials makes what is missing of the certificates, keys and
// kubeconfigs, and makes anew what ends soon or is not what it should be.
// Everything is readable by the user alone.
func EnsureCredentials(o Options) error { return o.ensureCredentials(time.Now()) }

func (o Options) ensureCredentials(now time.Time) error {
	for _, dir := range []string{"pki", "kubeconfigs"} {
		path := filepath.Join(o.Dir, dir)
		// A folder that is there already keeps its mode: Chmod is for that.
		if err := errors.Join(os.MkdirAll(path, 0o700), os.Chmod(path, 0o700)); err != nil {
			return fmt.Errorf("making the folder of the credentials: %w", err)
		}
	}
	signers := map[string]*pair{}
	for _, name := range authorities() {
		ca, err := o.ensure(name, request{subject: pkix.Name{CommonName: "diorama " + name}, authority: true}, nil, now)
		if err != nil {
			return err
		}
		signers[name] = ca
	}
	for _, c := range o.certificates() {
		if _, err := o.ensure(c.name, c.request, signers[c.ca], now); err != nil {
			return err
		}
	}
	if err := o.ensureServiceAccountKey(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(clients())) {
		if err := o.writeKubeconfig(name); err != nil {
			return err
		}
	}
	return nil
}

// ensure returns the pair of that name: the one in its files if it is what is
// asked for. Whatever else is there is replaced: all who use it are ours and
// get theirs from here.
func (o Options) ensure(name string, r request, ca *pair, now time.Time) (*pair, error) {
	p, err := o.load(name)
	if err == nil && r.check(p, ca, now) == nil {
		return p, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("reading the certificate %s: %w", name, err)
	}
	if p, err = r.generate(ca, now); err != nil {
		return nil, fmt.Errorf("making the certificate %s: %w", name, err)
	}
	if err := writeKey(o.Key(name), p.key); err != nil {
		return nil, err
	}
	return p, writePEM(o.Certificate(name), "CERTIFICATE", p.certificate.Raw)
}

func (o Options) load(name string) (*pair, error) {
	certificate, err := readPEM(o.Certificate(name))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	private, err := readKey(o.Key(name))
	return &pair{parsed, private}, err
}

// ensureServiceAccountKey makes the key that signs service account tokens.
func (o Options) ensureServiceAccountKey() error {
	key, err := readKey(o.Key("sa"))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("reading the service account key: %w", err)
	}
	if err != nil {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return fmt.Errorf("making the service account key: %w", err)
		}
		if err := writeKey(o.Key("sa"), key); err != nil {
			return err
		}
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	return writePEM(o.pki("sa.pub"), "PUBLIC KEY", public)
}

// readKey reads a key, and takes it away from others who may read it.
func readKey(path string) (*ecdsa.PrivateKey, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	return x509.ParseECPrivateKey(der)
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM", path)
	}
	return block.Bytes, nil
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the key %s: %w", path, err)
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return write(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// write replaces a file, unless it says the same already. Nobody ever sees
// half of it, and only the user may read it.
func write(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("writing a credential: %w", err)
		}
		return nil
	}
	if err := atomicfile.Write(path, 0o600, data); err != nil {
		return fmt.Errorf("writing a credential: %w", err)
	}
	return nil
}

// ClientConfig returns the kubeconfig of one of our clients, such as admin.
func ClientConfig(o Options, client string) (*clientcmdapi.Config, error) {
	return o.kubeconfig(client)
}

func (o Options) writeKubeconfig(client string) error {
	config, err := o.kubeconfig(client)
	if err != nil {
		return err
	}
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig of %s: %w", client, err)
	}
	return write(o.Kubeconfig(client), data)
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
