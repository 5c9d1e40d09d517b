package kubelet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/utils/lru"
)

const (
	leafLifetime = 365 * 24 * time.Hour
	leafRenewal  = 24 * time.Hour // what is left when it is made anew
	caLifetime   = 10 * leafLifetime
	// leafCacheSize bounds what is kept of the certificates made on demand;
	// one that was pushed out is made again.
	leafCacheSize = 4096
)

// authority makes serving certificates in the names of nodes. They share one
// key: it is one process that speaks for all of them.
type authority struct {
	cert   *x509.Certificate
	key    crypto.Signer
	leaf   *ecdsa.PrivateKey
	leaves *lru.Cache // *tls.Certificate by names
}

func newAuthority(pair tls.Certificate) (*authority, error) {
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("its key cannot sign")
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	if !cert.IsCA {
		return nil, fmt.Errorf("%q is not a CA certificate", cert.Subject.CommonName)
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key, leaf: leaf, leaves: lru.New(leafCacheSize)}, nil
}

// serving returns a certificate for a subject under the given names and addresses.
func (a *authority) serving(subject pkix.Name, names ...string) (*tls.Certificate, error) {
	id := subject.CommonName + " " + strings.Join(names, " ")
	if v, found := a.leaves.Get(id); found {
		c := v.(*tls.Certificate)
		if time.Until(c.Leaf.NotAfter) > leafRenewal {
			return c, nil
		}
	}
	template := &x509.Certificate{
		Subject:     subject,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := sign(template, a.cert, a.leaf.Public(), a.key, leafLifetime)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", subject.CommonName, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: a.leaf, Leaf: leaf}
	a.leaves.Add(id, c)
	return c, nil
}

// node returns the certificate that a node's kubelet would have.
func (a *authority) node(f *nodeFacts) (*tls.Certificate, error) {
	subject := pkix.Name{CommonName: "system:node:" + f.name, Organization: []string{"system:nodes"}}
	return a.serving(subject, append([]string{f.name}, f.addresses...)...)
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer, lifetime time.Duration) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template.SerialNumber = serial
	template.NotBefore = now.Add(-time.Hour) // clocks of containers and laptops differ
	template.NotAfter = now.Add(lifetime)
	if parent != template && template.NotAfter.After(parent.NotAfter) {
		template.NotAfter = parent.NotAfter
	}
	return x509.CreateCertificate(rand.Reader, template, parent, public, key)
}

// Files of a certificate folder.
const (
	caFile        = "ca"
	clientFile    = "client"
	certExtension = ".crt"
	keyExtension  = ".key"
)

// ownCredentials returns the CA in the folder; it makes one, and a client
// certificate to call this server with, if there is none.
func ownCredentials(dir string) (tls.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, fmt.Errorf("make the folder for certificates: %w", err)
	}
	base := filepath.Join(dir, caFile)
	pair, err := tls.LoadX509KeyPair(base+certExtension, base+keyExtension)
	if err == nil {
		return pair, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return tls.Certificate{}, fmt.Errorf("load the CA in %s (remove the folder to have a new one made): %w", dir, err)
	}
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "diorama-kubelet-ca"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	client := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "diorama-kubelet-client"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	key, err := writePair(base, ca, ca, nil, caLifetime)
	if err != nil {
		return tls.Certificate{}, err
	}
	if _, err := writePair(filepath.Join(dir, clientFile), client, ca, key, caLifetime); err != nil {
		return tls.Certificate{}, err
	}
	return tls.LoadX509KeyPair(base+certExtension, base+keyExtension)
}

// writePair makes a key and a certificate and writes both; without a parent's
// key the certificate signs itself.
func writePair(base string, template, parent *x509.Certificate, parentKey crypto.Signer, lifetime time.Duration) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if parentKey == nil {
		parentKey = key
	}
	der, err := sign(template, parent, key.Public(), parentKey, lifetime)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", template.Subject.CommonName, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	// The key first: a certificate without it would look complete.
	if err := writePEM(base+keyExtension, "PRIVATE KEY", keyDER); err != nil {
		return nil, err
	}
	return key, writePEM(base+certExtension, "CERTIFICATE", der)
}

func writePEM(path, kind string, der []byte) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write a certificate: %w", err)
	}
	return nil
}

// clientPool reads the CAs whose client certificates are let in.
func clientPool(files []string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read a client CA: %w", err)
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s has no PEM certificate in it", f)
		}
	}
	return pool, nil
}
