package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/diorama-lab/diorama/internal/atomicfile"
)

// The kinds of PEM blocks.
const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "EC PRIVATE KEY"
	publicKeyBlock   = "PUBLIC KEY"
)

// Load reads a certificate and its key. A key of another certificate is an
// error.
func Load(certFile, keyFile string) (*Pair, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("its key cannot sign")
	}
	return &Pair{pair.Leaf, key}, nil
}

// Write writes a pair that Issue made, for the user alone: the key first, since
// a certificate without it would look complete.
func (p *Pair) Write(certFile, keyFile string) error {
	key, ok := p.Key.(*ecdsa.PrivateKey)
	if !ok {
		return fmt.Errorf("writing %s: a key of the type %T is not ours", keyFile, p.Key)
	}
	if err := WriteKey(keyFile, key); err != nil {
		return err
	}
	return atomicfile.Write(certFile, 0o600, encode(certificateBlock, p.Certificate.Raw))
}

// ReadKey reads what WriteKey wrote.
func ReadKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM", path)
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

// WriteKey writes a key for the user alone.
func WriteKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, 0o600, encode(keyBlock, der))
}

// EncodePublicKey returns a public key in PEM.
func EncodePublicKey(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return encode(publicKeyBlock, der), err
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
