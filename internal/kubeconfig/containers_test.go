package kubeconfig

import (
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

func TestForContainers(t *testing.T) {
	for server, want := range map[string]struct {
		server, name string
		port         int
	}{
		"https://127.0.0.1:6443":       {"https://host.docker.internal:6443", "127.0.0.1", 6443},
		"https://localhost":            {"https://host.docker.internal:443", "127.0.0.1", 443},
		"https://0.0.0.0:7000":         {"https://host.docker.internal:7000", "127.0.0.1", 7000},
		"http://127.0.0.1:8080":        {"http://host.docker.internal:8080", "", 8080},
		"https://k8s.example.com:6443": {"https://k8s.example.com:6443", "", 0},
		"https://10.0.0.7:6443":        {"https://10.0.0.7:6443", "", 0},
	} {
		config := clientcmdapi.NewConfig()
		config.Clusters["c"] = &clientcmdapi.Cluster{Server: server}
		config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c"}
		config.CurrentContext = "x"
		port, err := LoopbackPort(config)
		if err != nil || port != want.port {
			t.Errorf("%s is on loopback's port %d, %v; want %d", server, port, err, want.port)
		}
		changed, err := ForContainers(config, "host.docker.internal", "127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		got := changed.Clusters["c"]
		if got.Server != want.server || got.TLSServerName != want.name || got.InsecureSkipTLSVerify {
			t.Errorf("%s becomes %s as %q; want %s as %q", server, got.Server, got.TLSServerName, want.server, want.name)
		}
		if config.Clusters["c"].Server != server {
			t.Errorf("%s was changed in place", server)
		}
	}
	if _, err := LoopbackPort(clientcmdapi.NewConfig()); err == nil {
		t.Error("a kubeconfig without a context has a server")
	}
}
