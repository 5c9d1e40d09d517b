package kubelet

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/utils/lru"

	"github.com/diorama-lab/diorama/internal/pki"
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
	ca     *pki.Pair
	leaf   *ecdsa.PrivateKey
	leaves *lru.Cache // *tls.Certificate by names
}

func newAuthority(ca *pki.Pair) (*authority, error) {
	if !ca.Certificate.IsCA {
		return nil, fmt.Errorf("%q is not a CA certificate", ca.Certificate.Subject.CommonName)
	}
	leaf, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	return &authority{ca: ca, leaf: leaf, leaves: lru.New(leafCacheSize)}, nil
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
	r := pki.Request{Subject: subject, Hosts: names, Lifetime: leafLifetime}
	leaf, err := r.Sign(a.ca, a.leaf.Public(), time.Now())
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", subject.CommonName, err)
	}
	chain := [][]byte{leaf.Raw, a.ca.Certificate.Raw}
	c := &tls.Certificate{Certificate: chain, PrivateKey: a.leaf, Leaf: leaf}
	a.leaves.Add(id, c)
	return c, nil
}

// node returns the certificate that a node's kubelet would have.
func (a *authority) node(f *nodeFacts) (*tls.Certificate, error) {
	subject := pkix.Name{CommonName: "system:node:" + f.name, Organization: []string{"system:nodes"}}
	return a.serving(subject, append([]string{f.name}, f.addresses...)...)
}

// The names of the pairs in a certificate folder.
const (
	caPair     = "ca"
	clientPair = "client"
)

// pairFiles are the files of a pair in a certificate folder.
func pairFiles(dir, name string) (cert, key string) {
	return filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
}

// ownCredentials returns the CA in the folder; it makes one, and a client
// certificate to call this server with, if there is none.
func ownCredentials(dir string) (*pki.Pair, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for certificates: %w", err)
	}
	ca, err := pki.Load(pairFiles(dir, caPair))
	if err == nil {
		return ca, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("load the CA in %s (remove the folder to have a new one made): %w", dir, err)
	}
	ca, err = issue(dir, caPair, nil, pki.Request{
		Subject: pkix.Name{CommonName: "diorama-kubelet-ca"}, Authority: true, Lifetime: caLifetime,
	})
	if err != nil {
		return nil, err
	}
	_, err = issue(dir, clientPair, ca, pki.Request{
		Subject: pkix.Name{CommonName: "diorama-kubelet-client"}, Client: true, Lifetime: caLifetime,
	})
	return ca, err
}

// issue makes a pair and writes it into the folder.
func issue(dir, name string, ca *pki.Pair, r pki.Request) (*pki.Pair, error) {
	pair, err := r.Issue(ca, time.Now())
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", r.Subject.CommonName, err)
	}
	if err := pair.Write(pairFiles(dir, name)); err != nil {
		return nil, fmt.Errorf("write a certificate: %w", err)
	}
	return pair, nil
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
