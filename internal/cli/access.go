package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

// accessFlags say how a Prometheus is reached.
type accessFlags struct {
	prometheus   string
	headers      []string
	tokenFile    string
	user         string
	passwordFile string
	caFile       string
	timeout      time.Duration
}

func (a *accessFlags) add(f *pflag.FlagSet) {
	f.StringVar(&a.prometheus, "prometheus", "", "base URL of a Prometheus to check against, instead of an environment's")
	f.StringArrayVar(&a.headers, "header", nil, "header of each request, such as 'X-Scope-OrgID: team'")
	f.StringVar(&a.tokenFile, "bearer-token-file", "", "file with a bearer token")
	f.StringVar(&a.user, "user", "", "user name for basic authentication")
	f.StringVar(&a.passwordFile, "password-file", "", "file with the password of --user")
	f.StringVar(&a.caFile, "ca-file", "", "file with the certificates that the server's is verified with")
	f.DurationVar(&a.timeout, "timeout", time.Minute, "how long one query may take")
}

// client returns a client for the address.
func (a *accessFlags) client(address string) (*prometheus.Client, error) {
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("--prometheus %q is no URL such as http://127.0.0.1:9090", address)
	}
	headers, err := a.header()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, Proxy: http.ProxyFromEnvironment,
	}
	if a.caFile != "" {
		pem, err := os.ReadFile(a.caFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", a.caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	client := prometheus.NewClient(address)
	client.HTTP.Timeout = a.timeout
	client.HTTP.Transport = withHeaders{transport, base, headers}
	return client, nil
}

// header are the headers of each request. Secrets are read from files: command
// lines can be seen by others.
func (a *accessFlags) header() (http.Header, error) {
	headers := http.Header{}
	for _, text := range a.headers {
		name, value, ok := strings.Cut(text, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("--header %q: write it as 'Name: value'", text)
		}
		headers.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if a.tokenFile != "" && a.user != "" {
		return nil, errors.New("--bearer-token-file and --user: use one of them")
	}
	if a.passwordFile != "" && a.user == "" {
		return nil, errors.New("--password-file needs --user")
	}
	if a.tokenFile != "" {
		token, err := secret(a.tokenFile)
		if err != nil {
			return nil, err
		}
		headers.Set("Authorization", "Bearer "+token)
	}
	if a.user != "" {
		password := ""
		if a.passwordFile != "" {
			var err error
			if password, err = secret(a.passwordFile); err != nil {
				return nil, err
			}
		}
		request := http.Request{Header: headers}
		request.SetBasicAuth(a.user, password)
	}
	return headers, nil
}

func secret(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// withHeaders adds headers to each request to one server. Where that redirects to
// another one, or from TLS to none, they stay away: they may be secret.
type withHeaders struct {
	next    *http.Transport
	server  *url.URL
	headers http.Header
}

// RoundTrip implements http.RoundTripper.
func (w withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != w.server.Scheme || r.URL.Host != w.server.Host {
		return w.next.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	for name, values := range w.headers {
		r.Header[name] = values
		if name == "Host" {
			r.Host = values[0]
		}
	}
	return w.next.RoundTrip(r)
}

// CloseIdleConnections is what http.Client calls.
func (w withHeaders) CloseIdleConnections() { w.next.CloseIdleConnections() }
