// Package pki makes certificates: authorities, and what they sign for servers
// and clients. Every environment has authorities of its own.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// Pair is a certificate and its key.
type Pair struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// Request describes a certificate: whom it names, what it is for, how long.
type Request struct {
	Subject pkix.Name
	// Hosts makes it a serving certificate for these names and addresses.
	Hosts []string
	// Client makes it one that is shown by a client.
	Client bool
	// Authority makes it one that signs others, and itself.
	Authority bool
	// Lifetime is how long it is valid: less if its authority ends before.
	Lifetime time.Duration
	// Renewal is what is left of its life when Check wants a new one.
	Renewal time.Duration
}

// NewKey makes a key.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Issue makes a key and a certificate for it, signed by ca; an authority, which
// needs none, signs itself.
func (r Request) Issue(ca *Pair, now time.Time) (*Pair, error) {
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	if r.Authority {
		ca = &Pair{Key: key}
	}
	certificate, err := r.Sign(ca, key.Public(), now)
	if err != nil {
		return nil, err
	}
	return &Pair{certificate, key}, nil
}

// Sign makes a certificate for a key that is there already.
func (r Request) Sign(ca *Pair, public crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	if ca == nil {
		return nil, errors.New("no authority signs it")
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: r.Subject, ExtKeyUsage: r.Usages(), KeyUsage: x509.KeyUsageDigitalSignature,
		// An hour back, for clocks of containers and virtual machines.
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(r.Lifetime),
	}
	template.DNSNames, template.IPAddresses = r.split()
	parent := ca.Certificate
	if r.Authority {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage |= x509.KeyUsageCertSign
		parent = template
	} else if template.NotAfter.After(parent.NotAfter) {
		template.NotAfter = parent.NotAfter
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, ca.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}

// Usages are the purposes that the certificate names.
func (r Request) Usages() []x509.ExtKeyUsage {
	var usages []x509.ExtKeyUsage
	if len(r.Hosts) > 0 {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	if r.Client {
		usages = append(usages, x509.ExtKeyUsageClientAuth)
	}
	return usages
}

// split returns the hosts as certificates keep them.
func (r Request) split() (names []string, addresses []net.IP) {
	for _, host := range r.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			addresses = append(addresses, ip)
		} else {
			names = append(names, host)
		}
	}
	return names, addresses
}

// Check says why a pair is not what r asks for: an older version of this
// program, other hosts, another authority, or half of a pair that was written
// when the machine went down.
func (r Request) Check(p, ca *Pair, now time.Time) error {
	c := p.Certificate
	if r.Authority {
		ca = p
	}
	names, addresses := r.split()
	switch {
	case now.Before(c.NotBefore):
		return errors.New("it is not valid yet")
	case c.NotAfter.Sub(now) <= r.Renewal:
		return fmt.Errorf("it ends at %s", c.NotAfter.Format(time.RFC3339))
	case !p.matches():
		return errors.New("the key is another certificate's")
	case c.CheckSignatureFrom(ca.Certificate) != nil:
		return errors.New("it is signed by another authority")
	case c.Subject.String() != r.Subject.String():
		return fmt.Errorf("it names %s", c.Subject)
	case c.IsCA != r.Authority || !slices.Equal(c.ExtKeyUsage, r.Usages()):
		return errors.New("it is for something else")
	case !slices.Equal(c.DNSNames, names) || !slices.EqualFunc(c.IPAddresses, addresses, net.IP.Equal):
		return errors.New("it is for other hosts")
	}
	return nil
}

// matches tells whether the key is the certificate's.
func (p *Pair) matches() bool {
	public, ok := p.Key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(p.Certificate.PublicKey)
}
