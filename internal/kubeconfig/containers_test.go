package kubeconfig

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func useKubeconfig(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"config": text, "ca.crt": "CA", "token": "secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KUBECONFIG", filepath.Join(dir, "config"))
}

const threeContexts = `
apiVersion: v1
kind: Config
current-context: other
clusters:
- {name: kwok, cluster: {server: 'https://127.0.0.1:32766', certificate-authority: ca.crt}}
- {name: careless, cluster: {server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}}
users:
- {name: me, user: {tokenFile: token}}
- {name: cloud, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: Never}}}
contexts:
- {name: kwok-mine, context: {cluster: kwok, user: me}}
- {name: careless, context: {cluster: careless, user: me}}
- {name: cloud, context: {cluster: kwok, user: cloud}}
`

func TestExtract(t *testing.T) {
	useKubeconfig(t, threeContexts)
	config, err := Extract("kwok-mine")
	if err != nil {
		t.Fatal(err)
	}
	if config.CurrentContext != "kwok-mine" || len(config.Clusters) != 1 || len(config.AuthInfos) != 1 {
		t.Errorf("it has more than the context: %+v", config)
	}
	if got := config.AuthInfos["me"]; got.Token != "secret" || got.TokenFile != "" {
		t.Errorf("the token is not embedded: %+v", got)
	}
	if got := config.Clusters["kwok"]; string(got.CertificateAuthorityData) != "CA" || got.CertificateAuthority != "" {
		t.Errorf("the CA is not embedded: %+v", got)
	}
	for name, want := range map[string]string{
		"nope":     `no context "nope"; it has: careless, cloud, kwok-mine`,
		"careless": "insecure-skip-tls-verify",
		"cloud":    "logs in with a program",
	} {
		if _, err := Extract(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", name, err, want)
		}
	}
}

// hosts is what a machine may have in /etc/hosts, and some that are elsewhere.
func hosts(_ context.Context, _, host string) ([]netip.Addr, error) {
	known := map[string][]netip.Addr{
		"kwok.local":      {netip.MustParseAddr("127.0.1.1"), netip.MustParseAddr("::1")},
		"k8s.example.com": {netip.MustParseAddr("192.0.2.7")},
		"both.example":    {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.7")},
	}
	if addresses, ok := known[host]; ok {
		return addresses, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func configOf(server string) *clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "x"
	return config
}

func TestLocalServer(t *testing.T) {
	for server, want := range map[string]string{
		"https://127.0.0.1:6443":       "127.0.0.1:6443",
		"https://127.0.0.1":            "127.0.0.1:https",
		"https://localhost:6443":       "localhost:6443",
		"https://[::1]:6443":           "[::1]:6443",
		"https://0.0.0.0:7000":         "127.0.0.1:7000",
		"https://[::]:7000":            "[::1]:7000",
		"http://127.0.0.1:8080":        "127.0.0.1:8080",
		"https://kwok.local:6443":      "kwok.local:6443",
		"https://k8s.example.com:6443": "",
		"https://both.example:6443":    "",
		"https://unknown.example:6443": "",
		"https://10.0.0.7:6443":        "",
	} {
		if got, err := LocalServer(t.Context(), configOf(server), hosts); err != nil || got != want {
			t.Errorf("%s is on this machine at %q, %v; want %q", server, got, err, want)
		}
	}
	for _, broken := range []*clientcmdapi.Config{clientcmdapi.NewConfig(), configOf("https://[::1")} {
		if _, err := LocalServer(t.Context(), broken, hosts); err == nil {
			t.Errorf("%v has a server", broken.Clusters)
		}
	}
}

func TestMoved(t *testing.T) {
	for server, want := range map[string]struct{ server, name string }{
		"https://127.0.0.1:6443":      {"https://host.docker.internal:7777", "127.0.0.1"},
		"https://localhost":           {"https://host.docker.internal:7777", "localhost"},
		"https://[::1]:6443":          {"https://host.docker.internal:7777", "::1"},
		"https://0.0.0.0:7000":        {"https://host.docker.internal:7777", "0.0.0.0"},
		"https://127.0.0.1:6443/path": {"https://host.docker.internal:7777/path", "127.0.0.1"},
		"http://127.0.0.1:8080":       {"http://host.docker.internal:7777", ""},
	} {
		config := configOf(server)
		for _, keepName := range []bool{true, false} {
			changed, err := Moved(config, "host.docker.internal", 7777, keepName)
			if err != nil {
				t.Fatal(err)
			}
			if !keepName {
				want.name = ""
			}
			got := changed.Clusters["c"]
			if got.Server != want.server || got.TLSServerName != want.name || got.InsecureSkipTLSVerify {
				t.Errorf("%s becomes %s as %q; want %s as %q", server, got.Server, got.TLSServerName, want.server, want.name)
			}
		}
		if config.Clusters["c"].Server != server {
			t.Errorf("%s was changed in place", server)
		}
	}
	named := configOf("https://127.0.0.1:6443")
	named.Clusters["c"].TLSServerName = "kubernetes"
	if changed, err := Moved(named, "h", 1, true); err != nil || changed.Clusters["c"].TLSServerName != "kubernetes" {
		t.Errorf("the name that the user gives is lost: %v, %v", changed, err)
	}
}
