package controlplane

import (
	"bytes"
	"crypto/x509/pkix"
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
	"github.com/diorama-lab/diorama/internal/pki"
)

const (
	validity = 365 * 24 * time.Hour
	// What is left of a certificate's life when it is made anew.
	renewal = 30 * 24 * time.Hour
)

// issued is a certificate with the authority that signs it.
type issued struct {
	name, ca string
	pki.Request
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
	serving := func(name string) pki.Request {
		return pki.Request{Subject: pkix.Name{CommonName: name}, Hosts: hosts, Lifetime: validity, Renewal: renewal}
	}
	client := func(subject pkix.Name) pki.Request {
		return pki.Request{Subject: subject, Client: true, Lifetime: validity, Renewal: renewal}
	}
	showing := func(name string) pki.Request { return client(pkix.Name{CommonName: name}) }
	// etcd calls itself with its serving certificate.
	both := serving("etcd")
	both.Client = true
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
		all = append(all, issued{name, "ca", client(subject)})
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
	signers := map[string]*pki.Pair{}
	for _, name := range authorities() {
		subject := pkix.Name{CommonName: "diorama " + name}
		r := pki.Request{Subject: subject, Authority: true, Lifetime: validity, Renewal: renewal}
		ca, err := o.ensure(name, r, nil, now)
		if err != nil {
			return err
		}
		signers[name] = ca
	}
	for _, c := range o.certificates() {
		if _, err := o.ensure(c.name, c.Request, signers[c.ca], now); err != nil {
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
func (o Options) ensure(name string, r pki.Request, ca *pki.Pair, now time.Time) (*pki.Pair, error) {
	p, err := o.load(name)
	if err == nil && r.Check(p, ca, now) == nil {
		return p, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("reading the certificate %s: %w", name, err)
	}
	if p, err = r.Issue(ca, now); err != nil {
		return nil, fmt.Errorf("making the certificate %s: %w", name, err)
	}
	if err := p.Write(o.Certificate(name), o.Key(name)); err != nil {
		return nil, fmt.Errorf("writing a credential: %w", err)
	}
	return p, nil
}

// load reads a pair, and takes its key away from others who may read it.
func (o Options) load(name string) (*pki.Pair, error) {
	p, err := pki.Load(o.Certificate(name), o.Key(name))
	if err != nil {
		return nil, err
	}
	return p, os.Chmod(o.Key(name), 0o600)
}

// ensureServiceAccountKey makes the key that signs service account tokens.
func (o Options) ensureServiceAccountKey() error {
	path := o.Key("sa")
	key, err := pki.ReadKey(path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("reading the service account key: %w", err)
	}
	if err != nil {
		if key, err = pki.NewKey(); err != nil {
			return fmt.Errorf("making the service account key: %w", err)
		}
		if err := pki.WriteKey(path, key); err != nil {
			return fmt.Errorf("writing a credential: %w", err)
		}
	}
	public, err := pki.EncodePublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	return write(o.pki("sa.pub"), public)
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
