package collector

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

func exampleOptions() Options {
	return Options{
		Kubeconfig: "/env/kubeconfigs/collector.kubeconfig", ClusterName: "lab", BackendURL: "http://127.0.0.1:9090",
		KubeletEndpoint: "https://127.0.0.1:10250", KubeletCA: "/env/pki/kubelet-ca.crt",
		ClientCert: "/env/pki/collector.crt", ClientKey: "/env/pki/collector.key",
		Interval: 5 * time.Second,
		OTLPGRPC: "127.0.0.1:4317", OTLPHTTP: "127.0.0.1:4318",
		PrometheusExporter: "127.0.0.1:8889", Health: "127.0.0.1:13133", SelfMetrics: "127.0.0.1:8888",
		Nodes: []string{"node-0001", "node-0002", "node-0003"},
	}
}

func renderers() map[string]func(Options) (string, error) {
	return map[string]func(Options) (string, error){
		"cluster": ClusterConfig, "nodes": NodesConfig, "container": ContainerConfig,
	}
}

// checkGolden compares what was rendered with the file of that name.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name+".yaml")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update writes it):\n%s", golden, got)
	}
}

func TestConfigGolden(t *testing.T) {
	for name, renderConfig := range renderers() {
		t.Run(name, func(t *testing.T) {
			got, err := renderConfig(exampleOptions())
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, name, got)
		})
	}
}

func TestContainerConfigOfNewerImages(t *testing.T) {
	newer := exampleOptions()
	newer.Image = "otel/opentelemetry-collector-contrib:0.153.0"
	got, err := ContainerConfig(newer)
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "container-0.153", got)
}

func TestConfigValidates(t *testing.T) {
	// The home folder of somebody may have a $ in it.
	odd := exampleOptions()
	odd.KubeletCA, odd.ClientCert, odd.ClusterName = `/home/$me "x"/ca.crt`, "/home/$me/it's: #1.crt", "a-${b}"
	odd.Interval = 1500 * time.Millisecond
	small := exampleOptions()
	small.PrometheusExporter = ""
	for name, renderConfig := range renderers() {
		if name == "container" {
			continue // see TestContainerConfigValidates
		}
		for about, options := range map[string]Options{
			"ordinary": exampleOptions(), "odd names": odd, "no exporter": small,
		} {
			t.Run(name+" "+about, func(t *testing.T) {
				config, err := renderConfig(options)
				if err != nil {
					t.Fatal(err)
				}
				if err := Validate(t.Context(), RunOptions{ConfigURIs: []string{"yaml:" + config}}); err != nil {
					t.Errorf("%v\n%s", err, config)
				}
			})
		}
	}
}

// The stock kubeletstats receiver reads its certificates when it is made.
func TestContainerConfigValidates(t *testing.T) {
	options := exampleOptions()
	odd := filepath.Join(t.TempDir(), `$me "x"`)
	options.KubeletCA, options.ClientCert, options.ClientKey = odd+".ca", odd+".crt", odd+".key"
	writeCertificate(t, options.ClientCert, options.ClientKey)
	certificate, err := os.ReadFile(options.ClientCert)
	if err == nil {
		err = os.WriteFile(options.KubeletCA, certificate, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, nodes := range [][]string{nil, {"a"}, {"a", "b.example.com", "c"}} {
		options.Nodes = nodes
		config, err := ContainerConfig(options)
		if err != nil {
			t.Fatal(err)
		}
		if err := Validate(t.Context(), RunOptions{ConfigURIs: []string{"yaml:" + config}}); err != nil {
			t.Errorf("%q: %v\n%s", nodes, err, config)
		}
	}
}

func writeCertificate(t *testing.T, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: raw}, key: {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConfigOfOthers holds on to the names that people's own files have.
func TestConfigOfOthers(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join("testdata", "kubeconfig.yaml"))
	if err := Validate(t.Context(), RunOptions{ConfigURIs: []string{filepath.Join("testdata", "own.yaml")}}); err != nil {
		t.Error(err)
	}
}

func TestConfigRefused(t *testing.T) {
	lacking := exampleOptions()
	lacking.OTLPHTTP = ""
	if _, err := ClusterConfig(lacking); err == nil || !strings.Contains(err.Error(), "OTLPHTTP") {
		t.Errorf("got %v, want an error that names OTLPHTTP", err)
	}
	lacking = exampleOptions()
	lacking.Interval = 0
	if _, err := ClusterConfig(lacking); err == nil || !strings.Contains(err.Error(), "Interval") {
		t.Errorf("got %v, want an error that names Interval", err)
	}
	lacking = exampleOptions()
	lacking.KubeletCA = ""
	if _, err := NodesConfig(lacking); err == nil || !strings.Contains(err.Error(), "KubeletCA") {
		t.Errorf("got %v, want an error that names KubeletCA", err)
	}
	config, err := NodesConfig(exampleOptions())
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"metric_groups: [container, pod, node, volume]": "metric_groups: [container]\n      endpoint: x",
		"      auth_type: tls":                          "      auth_type: tls\n      node: n",
		"    endpoint: \"https://127.0.0.1:10250\"":     "    endpoint: 127.0.0.1:10250",
		"collection_interval: 5s":                       "collection_interval: -5s",
		"    kubeletstats:":                             "    kubelet_stats:",
	} {
		changed := strings.ReplaceAll(config, from, to)
		if changed == config {
			t.Fatalf("the configuration has no %q", from)
		}
		if err := Validate(t.Context(), RunOptions{ConfigURIs: []string{"yaml:" + changed}}); err == nil {
			t.Errorf("%q instead of %q was taken", to, from)
		}
	}
}
