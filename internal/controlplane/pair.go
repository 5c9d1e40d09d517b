package controlplane

import (
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

const (
	validity = 365 * 24 * time.Hour
	// What is left of a certificate's life when it is made anew.
	renewal = 30 * 24 * time.Hour
)

// pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// request describes a certificate: whom it names and what it is for.
type request struct {
	subject pkix.Name
	// hosts makes it a serving certificate for these names and addresses.
	hosts []string
	// client makes it one that is shown by a client.
	client bool
	// authority makes it one that signs others.
	authority bool
}

func (r request) usages() []x509.ExtKeyUsage {
	var usages []x509.ExtKeyUsage
	if len(r.hosts) > 0 {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	if r.client {
		usages = append(usages, x509.ExtKeyUsageClientAuth)
	}
	return usages
}

// split returns the hosts as certificates keep them.
func (r request) split() (names []string, addresses []net.IP) {
	for _, host := range r.hosts {
		if ip := net.ParseIP(host); ip != nil {
			addresses = append(addresses, ip)
		} else {
			names = append(names, host)
		}
	}
	return names, addresses
}

// generate makes a key and a certificate for it, signed by ca; an authority
// signs itself.
func (r request) generate(ca *pair, now time.Time) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: r.subject, ExtKeyUsage: r.usages(), KeyUsage: x509.KeyUsageDigitalSignature,
		// An hour back, for clocks of containers and virtual machines.
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity),
	}
	template.DNSNames, template.IPAddresses = r.split()
	parent, signer := template, key
	if r.authority {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage |= x509.KeyUsageCertSign
	} else {
		parent, signer = ca.certificate, ca.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return &pair{certificate, key}, err
}

// check says why a pair is not what r asks for: an older version of this
// program, other hosts, another authority, or half of a pair that was written
// when the machine went down.
func (r request) check(p, ca *pair, now time.Time) error {
	c := p.certificate
	if r.authority {
		ca = p
	}
	names, addresses := r.split()
	switch {
	case now.Before(c.NotBefore):
		return errors.New("it is not valid yet")
	case c.NotAfter.Sub(now) <= renewal:
		return fmt.Errorf("it ends at %s", c.NotAfter.Format(time.RFC3339))
	case !p.key.PublicKey.Equal(c.PublicKey):
		return errors.New("the key is another certificate's")
	case c.CheckSignatureFrom(ca.certificate) != nil:
		return errors.New("it is signed by another authority")
	case c.Subject.String() != r.subject.String():
		return fmt.Errorf("it names %s", c.Subject)
	case c.IsCA != r.authority || !slices.Equal(c.ExtKeyUsage, r.usages()):
		return errors.New("it is for something else")
	case !slices.Equal(c.DNSNames, names) || !slices.EqualFunc(c.IPAddresses, addresses, net.IP.Equal):
		return errors.New("it is for other hosts")
	}
	return nil
}
