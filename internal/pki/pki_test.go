package pki_test

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/pki"
)

const day = 24 * time.Hour

func named(name string) pkix.Name { return pkix.Name{CommonName: name} }

func authority() pki.Request {
	return pki.Request{Subject: named("ca"), Authority: true, Lifetime: 100 * day, Renewal: 10 * day}
}

func server() pki.Request {
	hosts := []string{"lab.example", "127.0.0.1", "::1"}
	return pki.Request{Subject: named("server"), Hosts: hosts, Lifetime: 50 * day, Renewal: 10 * day}
}

func issue(t *testing.T, r pki.Request, ca *pki.Pair, now time.Time) *pki.Pair {
	t.Helper()
	p, err := r.Issue(ca, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(p, ca, now); err != nil {
		t.Errorf("what was made is not what was asked for: %v", err)
	}
	return p
}

func TestIssuedVerify(t *testing.T) {
	now := time.Now()
	ca := issue(t, authority(), nil, now)
	both := server()
	both.Client = true
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	for _, r := range []pki.Request{server(), {Subject: named("client"), Client: true, Lifetime: day}, both} {
		p := issue(t, r, ca, now)
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			want := usage == x509.ExtKeyUsageServerAuth && r.Hosts != nil || usage == x509.ExtKeyUsageClientAuth && r.Client
			_, err := p.Certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}})
			if (err == nil) != want {
				t.Errorf("%s for the usage %d: %v", r.Subject, usage, err)
			}
		}
		for _, host := range r.Hosts {
			if err := p.Certificate.VerifyHostname(host); err != nil {
				t.Error(err)
			}
		}
		if p.Certificate.IsCA {
			t.Errorf("%s may sign others", r.Subject)
		}
	}
}

func TestLifetime(t *testing.T) {
	now := time.Now()
	ca := issue(t, authority(), nil, now)
	for days, want := range map[int]int{50: 50, 100: 100, 1000: 100} {
		r := server()
		r.Lifetime = time.Duration(days) * day
		p := issue(t, r, ca, now)
		if got := p.Certificate.NotAfter.Sub(now).Round(time.Minute); got != time.Duration(want)*day {
			t.Errorf("asked for %d days, the certificate lives for %v", days, got)
		}
		if !p.Certificate.NotBefore.Before(now) {
			t.Errorf("not valid before %v", p.Certificate.NotBefore)
		}
	}
}

func TestCheck(t *testing.T) {
	now := time.Now()
	ca, other := issue(t, authority(), nil, now), issue(t, authority(), nil, now)
	p := issue(t, server(), ca, now)
	for want, c := range map[string]struct {
		change func(*pki.Request)
		pair   *pki.Pair
		ca     *pki.Pair
		later  time.Duration
	}{
		"not valid yet":         {later: -2 * time.Hour},
		"it ends at":            {later: 40*day + time.Minute},
		"another certificate's": {pair: &pki.Pair{Certificate: p.Certificate, Key: ca.Key}},
		"another authority":     {ca: other},
		"it names CN=server":    {change: func(r *pki.Request) { r.Subject = named("another") }},
		"something else":        {change: func(r *pki.Request) { r.Client = true }},
		"other hosts":           {change: func(r *pki.Request) { r.Hosts = []string{"lab.example", "127.0.0.2", "::1"} }},
	} {
		r := server()
		if c.change != nil {
			c.change(&r)
		}
		if c.pair == nil {
			c.pair = p
		}
		if c.ca == nil {
			c.ca = ca
		}
		if err := r.Check(c.pair, c.ca, now.Add(c.later)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestNobodySigns(t *testing.T) {
	if _, err := server().Issue(nil, time.Now()); err == nil {
		t.Error("a certificate without an authority was made")
	}
}

// files are where a test has a pair.
func files(dir string) (certFile, keyFile string) {
	return filepath.Join(dir, "crt"), filepath.Join(dir, "key")
}

func TestFiles(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	certFile, keyFile := files(dir)
	ca := issue(t, authority(), nil, now)
	if err := ca.Write(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{certFile, keyFile} {
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	loaded, err := pki.Load(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := authority().Check(loaded, nil, now); err != nil || !loaded.Certificate.Equal(ca.Certificate) {
		t.Errorf("what was loaded is not what was written: %v", err)
	}
	if key, err := pki.ReadKey(keyFile); err != nil || !key.Equal(ca.Key.(*ecdsa.PrivateKey)) {
		t.Errorf("another key was read: %v", err)
	}
	if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		t.Error(err)
	}
	public, err := pki.EncodePublicKey(ca.Key.Public())
	if err != nil || !strings.HasPrefix(string(public), "-----BEGIN PUBLIC KEY-----") {
		t.Errorf("the public key is %s, %v", public, err)
	}
}

func TestBadFiles(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	certFile, keyFile := files(dir)
	if _, err := pki.Load(certFile, keyFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without files: %v", err)
	}
	if _, err := pki.ReadKey(keyFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	ca, other := issue(t, authority(), nil, now), issue(t, authority(), nil, now)
	mixed := &pki.Pair{Certificate: ca.Certificate, Key: other.Key}
	if err := mixed.Write(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	if _, err := pki.Load(certFile, keyFile); err == nil {
		t.Error("the key of another certificate was taken")
	}
	if err := os.WriteFile(keyFile, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pki.ReadKey(keyFile); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("a key that is none: %v", err)
	}
	if err := ca.Write(files(filepath.Join(dir, "none"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("written into a folder that is not there: %v", err)
	}
	if _, err := pki.EncodePublicKey("not a key"); err == nil {
		t.Error("no key was encoded")
	}
}
